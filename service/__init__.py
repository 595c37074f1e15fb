"""The HTTP service: it reads questions, has `compute` answer them, and writes the answers."""
