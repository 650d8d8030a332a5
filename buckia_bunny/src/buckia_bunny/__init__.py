"""Buckia's adapter for bunny.net: storage zones, and the pull zones in front of them."""
