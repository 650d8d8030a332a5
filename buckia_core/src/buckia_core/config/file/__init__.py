"""The `.buckia` file: found, read, interpolated and written."""
