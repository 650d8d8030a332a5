"""From both sides to a plan."""
