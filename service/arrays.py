"""NumPy arrays in documents: packed on the way in, arrays again on the way out."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

PACKED = frozenset({"float32", "float64", "bool"})
FIELDS = frozenset({"dtype", "shape", "data"})


def pack_arrays(document: Any) -> Any:
    """Return a document with NumPy arrays packed; integers become nested lists, which are exact."""
    match document:
        case np.ndarray() if document.dtype.name in PACKED and document.size:
            little = document.astype(document.dtype.newbyteorder("<"), copy=False)
            data = base64.b64encode(little.tobytes()).decode("ascii")
            return {"dtype": document.dtype.name, "shape": list(document.shape), "data": data}
        case np.ndarray():
            return pack_arrays(document.tolist())
        case np.generic():
            return pack_arrays(document.item())
        case float() if not math.isfinite(document):  # JSON has no numbers for these
            return "NaN" if math.isnan(document) else "Infinity" if document > 0 else "-Infinity"
        case Mapping():
            return {key: pack_arrays(value) for key, value in document.items()}
        case list() | tuple():
            return [pack_arrays(value) for value in document]
        case _:
            return document


def can_be_packed(request: Any, document: Mapping[str, Any]) -> bool:
    """Return whether the answer to a document can hold packed tensors; exact numbers are text.

    request: the type of the request.
    """
    return "encoding" in getattr(request, "model_fields", {}) and document.get("arithmetic") != "exact"


def unpack_arrays(document: Any) -> Any:
    """Return a document with NumPy arrays in the place of packed tensors."""
    match document:
        case dict() if document.keys() == FIELDS:
            dtype = np.dtype(document["dtype"]).newbyteorder("<")
            content = base64.b64decode(document["data"])
            return np.frombuffer(content, dtype).astype(document["dtype"]).reshape(document["shape"])
        case dict():
            return {key: unpack_arrays(value) for key, value in document.items()}
        case list():
            return [unpack_arrays(value) for value in document]
        case _:
            return document
