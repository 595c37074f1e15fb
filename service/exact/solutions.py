"""The classes of `compute` for solving. They load SymPy, so only exact workers import this module."""

from compute.optimizers.run.solver import SolutionQuestion, Solver

__all__ = ["SolutionQuestion", "Solver"]
