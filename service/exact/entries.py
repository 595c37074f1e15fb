"""Tensors of exact numbers: fractions, constants and free symbols, as they come."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import Symbols, rational, value
from compute.arithmetic.exact.bounds import MAX_DIGITS
from compute.arithmetic.expressions import ExpressionError, parse
from compute.arithmetic.namespace import Array
from compute.errors import Path, QuestionErrors
from service.problems import at, describe
from service.tensors import MAX_RANK, SPECIAL, flatten, place, unpack

MAX_ENTRIES = 20_000
MAX_TEXT = 10_000
A_NUMBER = (
    'a number, or text: a constant or symbols, as in "2*sqrt(2)" or "x1"; "NaN", "Infinity", "-Infinity"'
)


def decode_exact(
    raw: Any, path: Path, *, assumptions: Mapping[str, Sequence[str]], booleans: bool = False
) -> Array:
    """A tensor that came, as an array of exact numbers, or of booleans.

    Raises QuestionErrors that point to what is wrong.
    """
    symbols = Symbols(assumptions)
    if isinstance(raw, dict) and "symbol" in raw:
        return _fresh(raw, path, symbols)
    if isinstance(raw, dict):
        raw = unpack(raw, path, booleans=booleans)
    if isinstance(raw, np.ndarray):
        if raw.dtype == np.bool_:
            return raw
        flat, shape = raw.reshape(-1).tolist(), raw.shape
    else:
        flat, shape = flatten(raw, path) if isinstance(raw, list) else ([raw], ())
    if len(flat) > MAX_ENTRIES:
        raise at(
            path, "holds too many entries for exact arithmetic", f"at most {MAX_ENTRIES}", f"{len(flat)}"
        )
    if booleans and set(map(type, flat)) == {bool}:
        return np.array(flat, dtype=np.bool_).reshape(shape)
    found = np.empty(len(flat), dtype=object)
    for index, entry in enumerate(flat):
        found[index] = _entry(entry, (*path, *place(index, shape)), symbols)
    return found.reshape(shape)


def check_abbreviations(question: Any) -> None:
    """Raise QuestionErrors where what is to be abbreviated is not computed, or its symbols are taken."""
    prepared = question.prepared
    arrays = [*question.known.values(), *question.upstream.values()]
    taken = {str(one) for array in arrays if array.dtype == object for entry in array.flat
             for one in entry.free_symbols}  # fmt: skip
    computed = {value.index for value in prepared.evaluation.computed()}
    arithmetic = prepared.evaluation.arithmetic
    for index, name in enumerate(question.asked.abbreviated):
        path = ("abbreviate", index)
        value = prepared.graph.names[name]
        if value.index not in computed:
            raise at(path, f"{name} is not computed", "the name of a value that is computed", "another")
        try:
            symbols = arithmetic.abbreviations(name, value.shape)
        except ExpressionError as error:
            raise at(path, str(error), "a name that can be a symbol's", describe(name)) from None
        if clash := taken & {str(one) for one in symbols.flat}:
            raise at(
                path, f"{min(clash)} is a symbol that came, too", "names of other values", "a symbol's name"
            )


def _entry(entry: Any, path: Path, symbols: Symbols) -> Any:
    try:
        if type(entry) is int or type(entry) is float:
            return _SPECIAL[repr(entry)] if repr(entry) in _SPECIAL else rational(repr(entry))
        if isinstance(entry, str):
            return _SPECIAL[entry] if entry in SPECIAL else value(parse(entry, MAX_TEXT, MAX_DIGITS), symbols)
    except ExpressionError as error:
        raise at(path, f"the text {error}" if isinstance(entry, str) else str(error), A_NUMBER,
                 describe(entry)) from None  # fmt: skip
    except QuestionErrors:
        raise at(path, "makes integers of too many digits", f"integers of at most {MAX_DIGITS} digits",
                 describe(entry)) from None  # fmt: skip
    raise at(path, "is no number", A_NUMBER, describe(entry))


_SPECIAL = {
    "NaN": sympy.nan,
    "Infinity": sympy.oo,
    "-Infinity": -sympy.oo,
    "nan": sympy.nan,
    "inf": sympy.oo,
    "-inf": -sympy.oo,
}


def _fresh(raw: dict[str, Any], path: Path, symbols: Symbols) -> Array:
    """A tensor of fresh symbols that is asked for by its shape."""
    expected = '{"symbol": "x", "shape": [...]} with at most 8 positive sizes'
    sizes: Any = raw.get("shape")
    if isinstance(sizes, np.ndarray):
        sizes = sizes.tolist()
    well_formed = set(raw) == {"symbol", "shape"} and isinstance(sizes, list) and len(sizes) <= MAX_RANK
    if not well_formed or not all(type(one) is int and 1 <= one <= MAX_ENTRIES for one in sizes):
        raise at(path, "is no tensor of symbols", expected, describe(raw))
    if not isinstance(raw["symbol"], str):
        raise at((*path, "symbol"), "is no name", "a name such as x", describe(raw["symbol"]))
    entries = math.prod(sizes)
    if entries > MAX_ENTRIES:
        raise at(path, "holds too many entries for exact arithmetic", f"at most {MAX_ENTRIES}", f"{entries}")
    try:
        return symbols.fresh(raw["symbol"], tuple(sizes))
    except ExpressionError as error:
        raise at((*path, "symbol"), str(error), expected, describe(raw["symbol"])) from None
