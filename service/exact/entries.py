"""Read tensors of exact numbers: fractions, constants and free symbols."""

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
from service.questions.tensors import flatten, unpack, unravel_index
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
    """Reads the tensors of one question. A symbol is the same in all of them."""

    def __init__(self, assumptions: Mapping[str, Sequence[str]]) -> None:
        self.symbols = Symbols(assumptions)
        self._tensors: dict[str, str] = {}
        for name in assumptions:
            try:
                self.symbols.symbol(name)
            except ExpressionError as error:
                received = " and ".join(dict.fromkeys(assumptions[name])) or "an empty list"
                raise at(("assumptions", name), str(error), "assumptions that some number satisfies",
                         received) from None  # fmt: skip

    def __call__(self, raw: Any, path: Path, *, booleans: bool = False) -> Array:
        """Return a tensor of the request as an array of exact numbers or booleans.

        Raises QuestionErrors that point to the invalid entry.
        """
        if isinstance(raw, dict) and "symbol" in raw:
            return self._fresh(raw, path)
        packed = isinstance(raw, dict)
        if packed:
            raw = unpack(raw, path, booleans=booleans)
        if isinstance(raw, np.ndarray):
            if raw.dtype == np.bool_:
                return raw
            # The shortest decimal text of a packed number depends on its type: float32 needs fewer digits.
            flat = [str(entry) for entry in raw.flat] if packed else raw.reshape(-1).tolist()
            shape = raw.shape
        else:
            flat, shape = flatten(raw, path) if isinstance(raw, list) else ([raw], ())
        if len(flat) > MAX_ENTRIES:
            raise _too_many_entries(path, len(flat))
        if booleans and set(map(type, flat)) == {bool}:
            return np.array(flat, dtype=np.bool_).reshape(shape)
        numbers = np.empty(len(flat), dtype=object)
        for index, entry in enumerate(flat):
            where = (*path, *unravel_index(index, shape))
            numbers[index] = _parse_packed(entry) if packed else self._read_entry(entry, where)
        return numbers.reshape(shape)

    def _read_entry(self, entry: Any, path: Path) -> Any:
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
            raise at(path, f"cannot be used: {first.message}", first.expected, describe(entry)) from None
        except Exception as error:  # of SymPy
            error.add_note("at " + "".join(f"/{segment}" for segment in path)[:LONGEST_POINTER])
            raise
        raise at(path, "is not a number", A_NUMBER, describe(entry))

    def _fresh(self, raw: dict[str, Any], path: Path) -> Array:
        """Return the tensor of fresh symbols for a name and a shape."""
        expected = '{"symbol": "x", "shape": [...]} with at most 8 positive integers'
        sizes: Any = raw.get("shape")
        sizes = with_integers(sizes.tolist() if isinstance(sizes, np.ndarray) else sizes)
        well_formed = set(raw) == {"symbol", "shape"} and isinstance(sizes, list) and len(sizes) <= MAX_RANK
        if not well_formed or not all(type(size) is int and 1 <= size <= MAX_ENTRIES for size in sizes):
            received = describe_integers(sizes) if isinstance(sizes, list) else describe(raw)
            raise at(path, "is not a tensor of symbols", expected, received)
        if not isinstance(raw["symbol"], str):
            raise at((*path, "symbol"), "is not a name", "a name such as x", describe(raw["symbol"]))
        if math.prod(sizes) > MAX_ENTRIES:
            raise _too_many_entries(path, math.prod(sizes))
        try:
            tensor = self.symbols.fresh(raw["symbol"], tuple(sizes))
        except ExpressionError as error:
            raise at((*path, "symbol"), str(error), expected, describe(raw["symbol"])) from None
        for symbol in tensor.flat:  # w11 is a symbol both of w with eleven entries and of w1
            if self._tensors.setdefault(symbol.name, raw["symbol"]) != raw["symbol"]:
                raise at((*path, "symbol"), f"{symbol.name} is a symbol of another tensor as well",
                         "names whose symbols differ", describe(raw["symbol"]))  # fmt: skip
        return tensor


def check_assumptions(assumed: Iterable[str], used: Collection[str]) -> None:
    """Raise QuestionErrors if an assumption is about a symbol that the question does not use."""
    for name in assumed:
        if name not in used:
            raise QuestionErrors([unknown_name(("assumptions", name), "symbol", name, sorted(used))])


def check_symbols(job: Any) -> None:
    """Raise QuestionErrors if assumptions or abbreviations do not fit the symbols of a question.

    Assumptions must be about symbols that are used. Abbreviated values must be computed, and their symbols
    must not be used elsewhere.
    """
    plan, question = job.plan, job.question
    arrays = [*job.known.values(), *job.upstream.values()]
    used = symbols_in(arrays)
    settings = (setting for value in plan.graph.values for setting in value.attributes.values())
    used.update(*(setting.symbols() for setting in settings if isinstance(setting, Expression)))
    check_assumptions([name for name, _ in question.assumptions], used)
    computed = {value.index for value in plan.evaluation.computed_values()}
    for index, name in enumerate(question.abbreviated):
        path = ("abbreviate", index)
        value = plan.graph.names[name]
        if value.index not in computed:
            received = "an input" if value.is_input else "a value that is given or unknown"
            raise at(path, f"{name} is not computed", "the name of a value that is computed", received)
        try:
            symbols = plan.evaluation.arithmetic.abbreviations(str(value.name), value.shape)
        except ExpressionError as error:
            raise at(path, str(error), "a name that can be a symbol's", describe(name)) from None
        for symbol in symbols.flat:
            if symbol.name in used:
                raise at(
                    path, f"{symbol.name} is a symbol already", "names whose symbols differ", describe(name)
                )
            used.add(symbol.name)


def _parse_packed(text: str) -> Any:
    special = {"nan": sympy.nan, "inf": sympy.oo, "-inf": -sympy.oo}
    return special[text] if text in special else rational(text)


def _too_many_entries(path: Path, entries: int) -> QuestionErrors:
    return at(path, "holds too many entries for exact arithmetic", f"at most {MAX_ENTRIES}", f"{entries}")
