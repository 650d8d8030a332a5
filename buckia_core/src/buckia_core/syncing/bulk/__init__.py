"""Bulk transfers: chosen files and objects, outside of a sync, with the workers of a sync."""
