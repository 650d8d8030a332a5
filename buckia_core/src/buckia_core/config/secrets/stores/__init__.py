"""Secret stores: one module for each scheme of a reference."""
