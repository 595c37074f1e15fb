"""Normalization over features, channels, groups or a batch."""
