"""What adapters share for transfers: retries, parts and ranges in threads, resumed uploads."""
