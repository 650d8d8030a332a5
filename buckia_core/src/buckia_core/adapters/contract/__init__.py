"""Adapter contract: `BaseSync`, capabilities, optional protocols, and the types that adapters and engine exchange."""
