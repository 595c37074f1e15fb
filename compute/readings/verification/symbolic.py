"""Verify exact answers.

Entries that are free symbols are verified by SymPy's derivatives, and all entries by finite differences in
floats, with numbers substituted for symbols.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np
import sympy
from sympy.core.relational import Relational

from compute.arithmetic.constants import FloatConstants
from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.readable import Fraction
from compute.arithmetic.exact.zero import cancels, shown_zero
from compute.arithmetic.expressions import Expression, ExpressionError, fold
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array, Equality
from compute.dimensions import Size
from compute.errors import QuestionErrors, UnfitEntries
from compute.readings.closed_forms import approximate, map_entries
from compute.readings.verification.checking import STANDARDS, GradientChecks
from compute.readings.verification.evidence import Evidence, Held, Symbolic
from compute.readings.verification.invariants import Invariants
from compute.readings.verification.plan import Answered

BUDGET = 100_000_000  # of differences, see `readings.verification.checking`; exact work comes first
FLOATS = 1_000  # operations on floats that take as long as one on exact numbers
ATTEMPTS = 8  # attempts to find numbers for the symbols at which all outputs are finite
LONGEST = 1_500  # operations of an expression to differentiate, and of its derivative
MOST = 12_000  # operations, and terms after expansion, of all proofs in one answer
EVALUATED = 60_000  # operations of all entries that are evaluated
NO_NUMBERS = (sympy.nan, sympy.zoo, sympy.oo, sympy.Derivative, sympy.Subs, sympy.DiracDelta, sympy.Heaviside)
CASES = (sympy.Max, sympy.Min, sympy.Abs, sympy.sign)
TOO_LONG = "the gradient is not finite, or too long to be evaluated"
NO_FLOATS = "entries are too long to be evaluated: no differences were taken"
PROVED = "equal to SymPy's derivative of the sum of upstream times value"


def pick_number(symbol: Any, attempt: int) -> Any:
    """Return a number for a symbol that satisfies its assumptions and depends on its name only."""
    drawn = crc32(f"{attempt} {symbol.name}".encode())
    positive = symbol.is_nonnegative or (drawn % 2 and not symbol.is_nonpositive)
    drawn //= 2
    number = sympy.Integer(1 + drawn % 9) if symbol.is_integer else sympy.Rational(300 + drawn % 2_000, 1_000)
    return number if positive else -number


@dataclass(frozen=True, slots=True)
class _Numbers(FloatConstants):
    """Evaluates constant expressions with numbers for their free symbols."""

    named: Symbols
    attempt: int

    def symbol(self, name: str) -> float:
        if isinstance(self.sizes.get(name), int) or name in ("pi", "e"):
            return FloatConstants.symbol(self, name)
        return float(pick_number(self.named.symbol(name), self.attempt))


class AtPoint(Floating):
    """Float64 arithmetic with numbers for the free symbols of settings."""

    def __init__(self, named: Symbols, attempt: int) -> None:
        super().__init__("float64")
        self.named, self.attempt = named, attempt

    def _worth(self, expression: Expression, sizes: Mapping[str, Size] | None = None) -> float:
        try:
            return fold(expression, _Numbers(sizes or {}, self.named, self.attempt))
        except ExpressionError:  # it has no value there
            return float("nan")

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        return np.array(self._worth(expression, sizes))

    def power(self, a: Array, exponent: Expression) -> Array:
        return np.power(a, self._worth(exponent))

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        found: Array = np.power(self._worth(base), numerators / denominator)
        return found


class _Bounded(Invariants):
    """Promised equations of exact numbers, checked as long as they stay short."""

    spent = 0

    def check(self, values: Mapping[int, Array]) -> list[Held]:
        self.spent = 0
        return super().check(values)

    def equality(self, left: Array, right: Array) -> Equality:
        effort = sum(size(one) for side in (left, right) for one in side.flat)
        if self.spent + effort > MOST:
            return Equality(None, None, "undecided", "too long to be shown beside the answer")
        self.spent += effort
        return super().equality(left, right)


class SymbolicVerification:
    """The verification of an exact answer."""

    def __init__(self, answered: Answered) -> None:
        self.answered, self.graph = answered, answered.evaluation.graph
        self.arithmetic: Any = answered.evaluation.arithmetic
        self.invariants = _Bounded(answered.evaluation, answered.sides)
        slopes = self._slopes(0)
        self.work, self.held = slopes.work // FLOATS, 0  # slopes are planned again for every point
        self.entries = 0
        settings = (one for value in self.graph.values for one in value.attributes.values())
        self._settings = {name for one in settings if isinstance(one, Expression) for name in one.symbols()}

    def _slopes(self, attempt: int) -> GradientChecks:
        return self.answered.slopes(AtPoint(self.arithmetic.symbols, attempt), BUDGET)

    def verify(
        self,
        values: Mapping[int, Array],
        upstream: Mapping[int, Array],
        gradients: Mapping[str, Array],
        jacobians: Sequence[Array],
    ) -> Evidence:
        known = {index: values[index] for index in self.answered.evaluation.known}
        symbols = _symbols([*known.values(), *upstream.values()])
        symbols |= {self.arithmetic.symbols.symbol(name) for name in self._unsized()}
        for attempt in range(ATTEMPTS):
            point = {one: pick_number(one, attempt) for one in sorted(symbols, key=str)}
            slopes, floats = self._slopes(attempt), _AtPoint(point, self.arithmetic.in_full)
            try:
                base = slopes.evaluation.run({index: floats.of(one) for index, one in known.items()})
            except UnfitEntries:  # places among entries that are too long to be evaluated
                return Evidence([NO_FLOATS], invariants=self.invariants.check(values))
            apart = len(set(point.values())) == len(point)  # equal ones would be ties
            if apart and all(np.isfinite(base[index]).all() for index in slopes.seeds):
                break
        seeds = {index: floats.of(one) for index, one in upstream.items()}
        analytic = {name: floats.of(one) for name, one in gradients.items()}
        rows = [floats.of(one) for one in jacobians]
        standard = STANDARDS["float64"]
        if floats.spent > EVALUATED:
            standard = replace(standard, undefined=TOO_LONG)
        checks = slopes.check_gradients(base, seeds, analytic, standard)
        shown = self._proved(known, values, upstream, gradients)
        return Evidence(
            said=[*slopes.describe_steps(), *self._describe_steps(bool(point), bool(gradients))],
            gradients={name: replace(one, symbolic=shown.get(name)) for name, one in checks.items()},
            jacobians=slopes.check_jacobians(base, rows, standard),
            invariants=self.invariants.check(values),
            point={str(one): str(worth) for one, worth in point.items()},
        )

    def _unsized(self) -> set[str]:
        """Return the free symbols of settings."""
        return {name for name in self._settings if name not in (*self.graph.dimensions, "pi", "e")}

    def _describe_steps(self, has_symbols: bool, has_gradients: bool) -> list[str]:
        said = ["exact numbers are not rounded: there is no condition to report"]
        if has_symbols:
            said.insert(0, "differences are taken with the numbers of `point` for the free symbols")
        if has_gradients and has_symbols:
            said.insert(0, f"gradients of entries that are free symbols were to be shown {PROVED}")
        return said

    def _proved(
        self,
        known: Mapping[int, Array],
        values: Mapping[int, Array],
        upstream: Mapping[int, Array],
        gradients: Mapping[str, Array],
    ) -> dict[str, Symbolic]:
        """Return what is proved about the gradients of entries that are symbols, by the names of values."""
        if not all(index in values for index in upstream):
            return {}
        names: dict[int, str] = {}
        for name in gradients:
            names.setdefault(self.graph.names[name].index, name)
        sought = _Derivatives(self.arithmetic.in_full, values, upstream)
        alone: dict[str, int] = {}
        proved: dict[str, int] = {}
        excluded = self._unsized()
        for symbol, places in _places(known).items():
            where = [names[index] for index, at in places if index in names and known[index][at] == symbol]
            if symbol.name in excluded or not where or any(index not in names for index, _ in places):
                continue
            parts = [
                gradients[names[index]][at] * sympy.diff(known[index][at], symbol) for index, at in places
            ]
            holds = sought.equal(symbol, self.arithmetic.in_full(sympy.Add(*parts)))
            for name in where:
                alone[name] = alone.get(name, 0) + 1
                proved[name] = proved.get(name, 0) + int(holds)
        found = {name: _symbolic(proved[name], many) for name, many in alone.items()}
        first = {name: names[self.graph.names[name].index] for name in gradients}
        return {name: found[one] for name, one in first.items() if one in found}


def _symbolic(proved: int, entries: int) -> Symbolic:
    if proved == entries:
        return Symbolic("proved", proved, entries, f"each is {PROVED}")
    first = f"{proved} are shown to be {PROVED}; " if proved else ""
    how = f"{first}of {entries - proved} it could not be shown within bounds"
    return Symbolic("undecided", proved, entries, how)


class _Derivatives:
    """SymPy's derivatives of the sum of upstream times value, as long as they stay short."""

    def __init__(
        self, in_full: Callable[[Any], Any], values: Mapping[int, Array], upstream: Mapping[int, Array]
    ) -> None:
        self.terms = [
            (factor, in_full(entry))
            for index, factors in upstream.items()
            for factor, entry in zip(factors.flat, values[index].flat, strict=True)
            if factor != 0
        ]
        self.spent = 0

    def equal(self, symbol: Any, gradient: Any) -> bool:
        """Return whether the derivative by a symbol is proved to equal this gradient."""
        terms = [(factor, entry) for factor, entry in self.terms if entry.has(symbol)]
        try:
            return self._shown(terms, symbol, gradient)
        except QuestionErrors:  # integers of too many digits
            return False

    def _shown(self, terms: list[tuple[Any, Any]], symbol: Any, gradient: Any) -> bool:
        operations = size(gradient) + sum(size(entry) for _, entry in terms)
        if operations > LONGEST or not self._affords(operations):
            return False
        parts = [factor * sympy.diff(_differentiable(entry, symbol), symbol) for factor, entry in terms]
        difference = sympy.Add(*parts) - gradient
        if difference.has(*NO_NUMBERS) or size(difference) > 4 * LONGEST:
            return False
        effort = size(difference) + Fraction(difference, expand_exponents=True).terms
        if not self._affords(effort):
            return False
        if cancels(difference):
            return True
        return self._affords(effort * 3 ** _signs(difference)) and shown_zero(difference) is not None

    def _affords(self, effort: int) -> bool:
        """Spend this effort if as much is left; return whether it was."""
        if self.spent + effort > MOST:
            return False
        self.spent += effort
        return True


def _differentiable(entry: Any, symbol: Any) -> Any:
    """Return an entry with maxima, absolute values and the like of a symbol rewritten as cases."""
    return entry.rewrite(sympy.Piecewise) if any(one.has(symbol) for one in entry.atoms(*CASES)) else entry


def _signs(number: Any) -> int:
    """Return the number of signs that the cases of a number depend on."""
    differences = (sympy.expand(one.lhs - one.rhs) for one in number.atoms(Relational))
    return len({-one if one.could_extract_minus_sign() else one for one in differences})


class _AtPoint:
    """Converts exact numbers to floats, with numbers for their symbols; NaN if they are too long."""

    def __init__(self, point: Mapping[Any, Any], in_full: Callable[[Any], Any]) -> None:
        self.point, self.in_full, self.spent = dict(point), in_full, 0

    def of(self, array: Array) -> Array:
        if array.dtype != object:
            return array
        found: Array = map_entries(array, self._float).astype(np.float64)
        return found

    def _float(self, entry: Any) -> float:
        self.spent += size(entry)
        if self.spent > EVALUATED:
            return float("nan")
        try:
            found = approximate(self.in_full(entry).xreplace(self.point))
        except (TypeError, ValueError):  # no number there, and SymPy may stumble over it
            found = None
        return float("nan") if found is None else float(found)


def _symbols(arrays: Sequence[Array]) -> set[Any]:
    entries = (entry for array in arrays if array.dtype == object for entry in array.flat)
    return {symbol for entry in entries for symbol in entry.free_symbols}


def _places(known: Mapping[int, Array]) -> dict[Any, list[tuple[int, tuple[int, ...]]]]:
    """Return the places, by value index and entry, at which each symbol occurs."""
    places: dict[Any, list[tuple[int, tuple[int, ...]]]] = {}
    for index, array in known.items():
        if array.dtype == object:
            for at in np.ndindex(array.shape):
                entry: Any = array[at]
                for symbol in entry.free_symbols:
                    places.setdefault(symbol, []).append((index, at))
    return dict(sorted(places.items(), key=lambda pair: str(pair[0])))
