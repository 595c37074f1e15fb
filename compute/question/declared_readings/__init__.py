"""The readings that an answer may hold beside values and gradients: one file each, listed in `catalogue`."""
