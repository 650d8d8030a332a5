"""Both sides read in key order, and which paths take part."""
