"""Expectations and variances of values and gradients whose inputs are random."""
