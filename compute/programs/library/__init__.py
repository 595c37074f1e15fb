"""The functions of programs that several primitives make up, by family. Importing it declares them all."""

from compute.programs.library import algebra, creation, draws, elementwise, reductions, selection, shapes

__all__ = ["algebra", "creation", "draws", "elementwise", "reductions", "selection", "shapes"]
