"""Fetching: changes of the bucket are downloaded to a cache directory, and applied to the local files later."""
