"""An adapter for Buckia: content-addressed blobs with an index."""
