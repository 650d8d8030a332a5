"""Text, prompts and progress at a terminal."""
