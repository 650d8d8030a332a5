"""Buckia's adapter for Backblaze B2."""
