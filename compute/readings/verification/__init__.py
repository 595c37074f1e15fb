"""The reading that verifies: evidence that knows nothing of the rules by which an answer was found.

Gradients are held against differences of values that are computed again, promised equations against the
numbers that came out, and every value against what rounding may have done to it.
"""
