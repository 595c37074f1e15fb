"""Tensors of exact numbers: fractions, constants and free symbols, as they come."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact.algebra import Symbols, rational, symbols_in, value
from compute.arithmetic.exact.bounds import MAX_DIGITS
from compute.arithmetic.expressions import Expression, ExpressionError, parse
from compute.arithmetic.namespace import Array
from compute.errors import Path, QuestionErrors, at, unknown_name
from compute.integers import with_integers
from service.http.problems import describe, describe_integers
from service.questions.tensors import flatten, place, unpack
from service.schemas.formats import MAX_EXACT_ENTRIES as MAX_ENTRIES
from service.schemas.formats import MAX_RANK, SPECIAL

MAX_TEXT = 10_000
MAX_DEPTH = 90
LONGEST_POINTER = 64  # characters of a pointer in a note
A_NUMBER = (
    'a number, or text: a constant or symbols, as in "2*sqrt(2)" or "x1"; "NaN", "Infinity", "-Infinity"'
)
_SPECIAL = {"NaN": sympy.nan, "Infinity": sympy.oo, "-Infinity": -sympy.oo}


class Decoder:
    """Reads the tensors of one question, whose symbols are the same throughout."""

    def __init__(self, assumptions: Mapping[str, Sequence[str]]) -> None:
        self.symbols = Symbols(assumptions)
        self._tensors: dict[str, str] = {}
        for name in assumptions:
            try:
                self.symbols.symbol(name)
            except ExpressionError as error:
                received = " and ".join(dict.fromkeys(assumptions[name])) or "an empty list"
                raise at(("assumptions", name), str(error), "what some number is, of a symbol",
                         received) from None  # fmt: skip

    def __call__(self, raw: Any, path: Path, *, booleans: bool = False) -> Array:
        """A tensor that came, as an array of exact numbers, or of booleans.

        Raises QuestionErrors that point to what is wrong.
        """
        if isinstance(raw, dict) and "symbol" in raw:
            return self._fresh(raw, path)
        packed = isinstance(raw, dict)
        if packed:
            raw = unpack(raw, path, booleans=booleans)
        if isinstance(raw, np.ndarray):
            if raw.dtype == np.bool_:
                return raw
            # By their shortest decimal text, which goes by how many digits their kind holds.
            flat, shape = ([str(one) for one in raw.flat] if packed else raw.reshape(-1).tolist()), raw.shape
        else:
            flat, shape = flatten(raw, path) if isinstance(raw, list) else ([raw], ())
        if len(flat) > MAX_ENTRIES:
            raise _too_many(path, len(flat))
        if booleans and set(map(type, flat)) == {bool}:
            return np.array(flat, dtype=np.bool_).reshape(shape)
        found = np.empty(len(flat), dtype=object)
        for index, entry in enumerate(flat):
            where = (*path, *place(index, shape))
            found[index] = _float(entry) if packed else self._entry(entry, where)
        return found.reshape(shape)

    def _entry(self, entry: Any, path: Path) -> Any:
        try:
            if isinstance(entry, int | float) and not isinstance(entry, bool):
                return rational(str(entry))
            if isinstance(entry, str) and entry in SPECIAL:
                return _SPECIAL[entry]
            if isinstance(entry, str):
                return value(parse(entry, MAX_TEXT, MAX_DIGITS, MAX_DEPTH), self.symbols)
        except ExpressionError as error:
            raise at(path, f"the text {error}" if isinstance(entry, str) else str(error), A_NUMBER,
                     describe(entry)) from None  # fmt: skip
        except QuestionErrors as error:
            [first] = error.errors
            raise at(path, f"cannot be taken: {first.message}", first.expected, describe(entry)) from None
        except Exception as error:  # of SymPy
            error.add_note("at " + "".join(f"/{one}" for one in path)[:LONGEST_POINTER])
            raise
        raise at(path, "is no number", A_NUMBER, describe(entry))

    def _fresh(self, raw: dict[str, Any], path: Path) -> Array:
        """A tensor of fresh symbols that is asked for by its shape."""
        expected = '{"symbol": "x", "shape": [...]} with at most 8 positive integers'
        sizes: Any = raw.get("shape")
        sizes = with_integers(sizes.tolist() if isinstance(sizes, np.ndarray) else sizes)
        well_formed = set(raw) == {"symbol", "shape"} and isinstance(sizes, list) and len(sizes) <= MAX_RANK
        if not well_formed or not all(type(one) is int and 1 <= one <= MAX_ENTRIES for one in sizes):
            received = describe_integers(sizes) if isinstance(sizes, list) else describe(raw)
            raise at(path, "is no tensor of symbols", expected, received)
        if not isinstance(raw["symbol"], str):
            raise at((*path, "symbol"), "is no name", "a name such as x", describe(raw["symbol"]))
        if math.prod(sizes) > MAX_ENTRIES:
            raise _too_many(path, math.prod(sizes))
        try:
            found = self.symbols.fresh(raw["symbol"], tuple(sizes))
        except ExpressionError as error:
            raise at((*path, "symbol"), str(error), expected, describe(raw["symbol"])) from None
        for one in found.flat:  # w1 of one entry has w11, and so has w of eleven
            if self._tensors.setdefault(one.name, raw["symbol"]) != raw["symbol"]:
                raise at((*path, "symbol"), f"{one.name} is a symbol of another tensor as well",
                         "names whose symbols differ", describe(raw["symbol"]))  # fmt: skip
        return found


def check_assumptions(assumed: Iterable[str], used: Collection[str]) -> None:
    """Raise QuestionErrors where something is assumed of a symbol that there is not."""
    for name in assumed:
        if name not in used:
            raise QuestionErrors([unknown_name(("assumptions", name), "symbol", name, sorted(used))])


def check_symbols(question: Any) -> None:
    """Raise QuestionErrors where symbols that mean different things have one name.

    Assumptions speak of symbols that there are; what is abbreviated is computed, and its symbols are new.
    """
    prepared, asked = question.prepared, question.asked
    arrays = [*question.known.values(), *question.upstream.values()]
    used = symbols_in(arrays)
    settings = (one for value in prepared.graph.values for one in value.attributes.values())
    used.update(*(one.symbols() for one in settings if isinstance(one, Expression)))
    check_assumptions([name for name, _ in asked.assumptions], used)
    computed = {value.index for value in prepared.evaluation.computed_values()}
    for index, name in enumerate(asked.abbreviated):
        path = ("abbreviate", index)
        value = prepared.graph.names[name]
        if value.index not in computed:
            received = "an input" if value.is_input else "a value that is given or unknown"
            raise at(path, f"{name} is not computed", "the name of a value that is computed", received)
        try:
            symbols = prepared.evaluation.arithmetic.abbreviations(str(value.name), value.shape)
        except ExpressionError as error:
            raise at(path, str(error), "a name that can be a symbol's", describe(name)) from None
        for symbol in symbols.flat:
            if symbol.name in used:
                raise at(
                    path, f"{symbol.name} is a symbol already", "names whose symbols differ", describe(name)
                )
            used.add(symbol.name)


def _float(text: str) -> Any:
    special = {"nan": sympy.nan, "inf": sympy.oo, "-inf": -sympy.oo}
    return special[text] if text in special else rational(text)


def _too_many(path: Path, entries: int) -> QuestionErrors:
    return at(path, "holds too many entries for exact arithmetic", f"at most {MAX_ENTRIES}", f"{entries}")
