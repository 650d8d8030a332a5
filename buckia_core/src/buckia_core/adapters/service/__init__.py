"""Talking to a web service: connections, redirects, pages of listings, JSON fields."""
