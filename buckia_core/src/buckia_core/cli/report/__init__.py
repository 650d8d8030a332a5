"""Reports of runs and errors, for people and as JSON."""
