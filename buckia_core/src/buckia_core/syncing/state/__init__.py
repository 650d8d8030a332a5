"""State: what Buckia stores between runs: baseline, conflicts, history, lock, and records of unfinished transfers."""
