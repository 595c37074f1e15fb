"""The reading that writes exact numbers: as text that can be sent back, as LaTeX, and as floats."""

import math
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.enclosures import NoEnclosure, enclosure
from compute.arithmetic.exact.orders import is_infinite
from compute.arithmetic.exact.sharing import named
from compute.arithmetic.namespace import Array
from compute.latex import ATOM, POWER, PRODUCT, SUM, Formula, matrix_latex, symbol_latex

LONG = 120  # operations of an entry from which on what repeats in it gets names
DIGITS = (25, 80, 300)  # to find a float with
_TRAILING = re.compile(r"([A-Za-z]+?)_?(\d+)((?:_\w+)*)", re.ASCII)


class _Text(StrPrinter):  # type: ignore[misc]  # SymPy has no types
    """Text of the language that entries are written in."""

    def _print_Exp1(self, _: Any) -> str:
        return "e"

    def _print_Infinity(self, _: Any) -> str:
        return "Infinity"

    def _print_NegativeInfinity(self, _: Any) -> str:
        return "-Infinity"

    def _print_NaN(self, _: Any) -> str:
        return "NaN"

    def _print_Abs(self, one: Any) -> str:
        return f"abs({self._print(one.args[0])})"

    def _print_Max(self, one: Any) -> str:
        return f"max({', '.join(self._print(part) for part in _ordered(one))})"

    def _print_Min(self, one: Any) -> str:
        return f"min({', '.join(self._print(part) for part in _ordered(one))})"

    def _print_Piecewise(self, one: Any) -> str:
        if (condition := indicated(one)) is not None:
            return f"indicator({self._print(condition)})"
        *cases, last = one.args
        text = str(self._print(last[0]))
        for value, condition in reversed(cases):
            text = f"where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_Relational(self, one: Any) -> str:
        return f"{self._print(one.lhs)} {one.rel_op} {self._print(one.rhs)}"

    def _print_And(self, one: Any) -> str:
        return " and ".join(self._condition(part) for part in _ordered(one))

    def _print_Or(self, one: Any) -> str:
        return " or ".join(self._condition(part) for part in _ordered(one))

    def _print_ITE(self, one: Any) -> str:
        return str(self._print(_decided(one)))

    def _print_Not(self, one: Any) -> str:
        return f"not {self._condition(one.args[0])}"

    def _condition(self, one: Any) -> str:
        text = self._print(one)
        return f"({text})" if one.is_Not or isinstance(one, sympy.And | sympy.Or) else text


class _Latex(LatexPrinter):  # type: ignore[misc]  # SymPy has no types
    """LaTeX as textbooks write it."""

    def _print_Symbol(self, one: Any, style: str = "plain") -> str:
        return symbol_written(one.name)

    def _print_Max(self, one: Any, exp: str | None = None) -> str:
        return self._call("max", one, exp)

    def _print_Min(self, one: Any, exp: str | None = None) -> str:
        return self._call("min", one, exp)

    def _call(self, name: str, one: Any, exp: str | None) -> str:
        power = f"^{{{exp}}}" if exp is not None else ""
        return rf"\{name}{power}\left({', '.join(self._print(part) for part in _ordered(one))}\right)"

    def _print_ITE(self, one: Any) -> str:
        return str(self._print(_decided(one)))

    def _needs_mul_brackets(self, expr: Any, first: bool = False, last: bool = False) -> bool:
        if isinstance(expr, sympy.Piecewise) and indicated(expr) is not None:
            return False
        return bool(super()._needs_mul_brackets(expr, first, last))

    def _print_Piecewise(self, one: Any) -> str:
        if (condition := indicated(one)) is not None:
            return rf"\mathbb{{1}}\left\{{{self._print(condition)}\right\}}"
        text: str = super()._print_Piecewise(one)
        return text


def _decided(one: Any) -> Any:
    """A condition with two cases, as SymPy makes of conditions on cases, in words that the language has."""
    condition, held, failed = one.args
    return sympy.Or(sympy.And(condition, held), sympy.And(sympy.Not(condition), failed))


def indicated(one: Any) -> Any:
    """The condition of what is 1 where it holds and 0 elsewhere; None for other cases."""
    first, *rest = one.args
    if len(rest) == 1 and first[0] == 1 and rest[0][0] == 0 and rest[0][1] == sympy.true:
        return first[1]
    return None


def _ordered(one: Any) -> list[Any]:
    return sorted(one.args, key=sympy.default_sort_key)


def symbol_written(name: str) -> str:
    r"""A symbol in LaTeX: `x1` and `_x1` as `x_{1}`, `delta_1` as `\delta_{1}`, `x1_2` as `x_{1,2}`."""
    name = name.removeprefix("_")
    found = _TRAILING.fullmatch(name)
    return symbol_latex(f"{found[1]}_{found[2]}{found[3]}" if found else name)


_TEXT = _Text({"order": None})
_LATEX = _Latex({"ln_notation": False, "mul_symbol": None, "fold_short_frac": False})


def text(entry: Any) -> str:
    """An entry as text, which means the same where it is sent."""
    return str(_TEXT.doprint(entry))


def latex(entry: Any) -> str:
    """An entry as LaTeX."""
    return str(_LATEX.doprint(entry))


def formula(entry: Any) -> Formula:
    """An entry as LaTeX, with how strongly it binds."""
    if isinstance(entry, np.ndarray):
        return matrix_latex([latex(one) for one in np.atleast_1d(row)] for row in entry)
    entry = sympy.sympify(entry, strict=True)  # rules count in Python's numbers
    if isinstance(entry, sympy.Add) or entry.could_extract_minus_sign():
        return Formula(latex(entry), SUM)
    if entry.is_Rational and not entry.is_Integer:
        return Formula(latex(entry), POWER)
    return Formula(latex(entry), PRODUCT if isinstance(entry, sympy.Mul | sympy.Pow) else ATOM)


def measured(entry: Any) -> float | None:
    """An entry as a float that can be compared; None where there is none."""
    found = approximation(entry)
    return float(found) if found is not None else None


def approximation(entry: Any) -> float | str | None:
    """An entry as a float; None where symbols are free or it is too large to be evaluated at all, text where
    float64 cannot hold it.
    """
    if isinstance(entry, sympy.logic.boolalg.Boolean) or entry.free_symbols:
        return None
    if entry is sympy.nan or is_infinite(entry):
        return text(entry)
    if entry.has(sympy.CRootOf, sympy.Float):  # roots are isolated by SymPy itself
        return float(sympy.N(entry, DIGITS[0]))
    for digits in DIGITS:
        try:
            low, high = enclosure(entry, digits)
        except NoEnclosure:
            return None
        if float(low) == float(high):
            break
    with mpmath.workdps(digits):
        middle = (low + high) / 2
        found = float(middle)
        beyond = math.isinf(found) or (found == 0 and low * high > 0)
        return str(mpmath.nstr(middle, 17)) if beyond else found


def each(array: Array, write: Callable[[Any], Any]) -> Array:
    """What is written of each entry; truth values and counts stay what they are."""
    if array.dtype != object:
        return array
    found = np.empty(array.shape, dtype=object)
    for at in np.ndindex(array.shape):
        found[at] = write(array[at])
    return found


def shared(arrays: Iterable[Array], taken: Collection[str] = ()) -> tuple[list[tuple[Any, Any]], list[Array]]:
    """What repeats in long entries under names of its own, and the arrays in terms of it.

    Short entries stay as they are, and short parts stand where they stood. taken: names of symbols beside
    those of the arrays.
    """
    arrays = list(arrays)
    entries = [one for array in arrays if array.dtype == object for one in array.flat]
    symbols = {symbol.name for one in entries for symbol in one.free_symbols}
    common, shorter = named((one for one in entries if size(one) > LONG), symbols.union(taken))
    return common, [each(array, lambda one: shorter.get(one, one)) for array in arrays]
