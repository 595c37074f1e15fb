"""The steps of arithmetic that operations are made of, by family. Importing this declares them all."""

from compute.primitives import bands, contractions, elementwise, positions, reductions, structure

__all__ = ["bands", "contractions", "elementwise", "positions", "reductions", "structure"]
