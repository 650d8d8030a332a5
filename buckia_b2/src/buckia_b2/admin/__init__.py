"""Buckets, application keys and rules."""
