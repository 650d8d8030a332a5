"""Local files: operations relative to open directories, atomic renames, durability."""
