"""Loss functions and their reduction."""
