"""Settings of provider `s3`."""
