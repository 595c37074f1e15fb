"""The classes of `compute` for solving. They load SymPy, so only exact workers import this module."""

from compute.optimizers.solving import AskedSolution, Solving

__all__ = ["AskedSolution", "Solving"]
