"""What solving takes of `compute`: it loads SymPy, and so it is asked for by the processes that do exact
work.
"""

from compute.optimizers.run.solver import SolutionQuestion, Solver

__all__ = ["SolutionQuestion", "Solver"]
