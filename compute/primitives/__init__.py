"""The steps of arithmetic that operations are made of, by family. Importing this declares them all."""

from compute.primitives import (
    bands,
    classes,
    contractions,
    convolutions,
    elementwise,
    log_sigmoid,
    log_softmax,
    maxima,
    penalties,
    places,
    poolings,
    positions,
    reductions,
    shaping,
    structure,
    tables,
)

__all__ = [
    "bands",
    "classes",
    "contractions",
    "convolutions",
    "elementwise",
    "log_sigmoid",
    "log_softmax",
    "maxima",
    "penalties",
    "places",
    "poolings",
    "positions",
    "reductions",
    "shaping",
    "structure",
    "tables",
]
