"""Adapters that are broken on purpose, each in one way: the conformance suite must catch every one of them."""
