"""Exact numbers: integers, fractions, constants such as sqrt(2) and exp(-1), and free symbols, over SymPy.

Only this package and the readings of its answers import SymPy; `compute.arithmetic.kinds` loads it on demand.
"""
