"""HTTP: connections, requests, responses."""
