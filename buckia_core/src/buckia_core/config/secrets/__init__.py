"""Secrets: where they come from, and what keeps them out of text."""
