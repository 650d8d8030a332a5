"""Building blocks for the commands of adapters."""
