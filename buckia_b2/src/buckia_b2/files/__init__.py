"""Files of B2: names, file info, attributes."""
