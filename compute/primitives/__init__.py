"""The steps of arithmetic that operations are made of, by family. Importing this declares them all."""

from compute.primitives import contractions, elementwise, reductions, structure

__all__ = ["contractions", "elementwise", "reductions", "structure"]
