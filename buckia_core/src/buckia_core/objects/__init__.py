"""The object API: put, get, list, copy and delete single objects; URLs; assets with manifests."""
