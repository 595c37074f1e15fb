"""A question about an operation or a program: its plan, its bounds, its answer, and comparisons."""
