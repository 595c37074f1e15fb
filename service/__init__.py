"""The HTTP service: reads questions, answers them with `compute`, and writes the responses."""
