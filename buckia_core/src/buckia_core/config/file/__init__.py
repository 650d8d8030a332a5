"""The `.buckia` file: loader, interpolation and writer."""
