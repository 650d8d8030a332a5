"""Buckia's adapter for Linode Object Storage."""
