"""The steps of arithmetic that operations are made of, by family. Importing this declares them all."""

from compute.primitives import (
    bands,
    contractions,
    convolutions,
    draws,
    elementwise,
    maxima,
    places,
    poolings,
    positions,
    products,
    recurrences,
    reductions,
    sequences,
    shaping,
    structure,
)

__all__ = [
    "bands",
    "contractions",
    "convolutions",
    "draws",
    "elementwise",
    "maxima",
    "places",
    "poolings",
    "positions",
    "products",
    "recurrences",
    "reductions",
    "sequences",
    "shaping",
    "structure",
]
