"""Scans: local files and objects in key order, and the filters, mappings and paths that limit them."""
