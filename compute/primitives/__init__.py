"""The steps of arithmetic that operations are made of, by family. Importing this declares them all."""

from compute.primitives import (
    averages,
    bands,
    contractions,
    convolutions,
    elementwise,
    maxima,
    places,
    poolings,
    positions,
    reductions,
    rows,
    sequences,
    shaping,
    structure,
)

__all__ = [
    "averages",
    "bands",
    "contractions",
    "convolutions",
    "elementwise",
    "maxima",
    "places",
    "poolings",
    "positions",
    "reductions",
    "rows",
    "sequences",
    "shaping",
    "structure",
]
