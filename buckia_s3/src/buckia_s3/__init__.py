"""Buckia's adapter for AWS S3 and everything that speaks S3."""
