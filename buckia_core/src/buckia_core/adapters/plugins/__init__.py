"""Plugins: hook specifications, and the registry that finds adapters by entry point."""
