"""Attention, its projections and masks, and encodings of positions."""
