"""The Edge Storage API."""
