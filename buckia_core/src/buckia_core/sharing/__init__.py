"""Sharing: copies of objects in a share bucket, with links that expire, and a record of each."""
