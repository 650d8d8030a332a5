"""Terminal output, prompts and progress."""
