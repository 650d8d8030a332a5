"""Local files: paths, durability, trash."""
