"""Secrets: references, redaction and sanitizing."""
