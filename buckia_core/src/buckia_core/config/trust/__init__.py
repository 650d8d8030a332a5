"""Whose files may configure Buckia, and which of them may run code."""
