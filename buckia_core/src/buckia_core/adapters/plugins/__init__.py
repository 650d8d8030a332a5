"""Plugins: their hooks, and the registry that finds adapters by entry point."""
