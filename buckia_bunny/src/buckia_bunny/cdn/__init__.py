"""Pull zones: purges, public and signed URLs."""
