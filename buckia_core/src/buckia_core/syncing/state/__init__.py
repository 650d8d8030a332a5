"""What is kept between runs: the baseline, the lock, checkpoints of transfers."""
