"""What adapters share for their commands."""
