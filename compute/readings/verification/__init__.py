"""Verification: evidence for an answer that is independent of the rules that computed it.

Gradients are compared with finite differences, promised equations are checked on the computed values, and the
effect of rounding on every value is estimated.
"""
