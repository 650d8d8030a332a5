"""Transfer of one file."""
