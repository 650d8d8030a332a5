"""`S3Sync.store`: obstore's store of the same bucket."""
