"""Files of B2: names, info, attributes."""
