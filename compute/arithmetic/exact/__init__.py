"""Exact numbers: integers, fractions, constants such as sqrt(2) and exp(-1), and free symbols, over SymPy.

Nothing outside this package and the readings of its answers imports SymPy; whoever wants exact numbers loads
it with `compute.arithmetic.kinds`.
"""
