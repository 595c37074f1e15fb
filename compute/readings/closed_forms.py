"""Exact numbers written as text that can be sent back, as LaTeX, and as floats."""

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

LONG = 120  # operations of an entry above which repeated subexpressions get names
DIGITS = (25, 80, 300)  # precisions that are tried in turn to find a float
_TRAILING = re.compile(r"([A-Za-z]+?)_?(\d+)((?:_\w+)*)", re.ASCII)


class _Text(StrPrinter):  # type: ignore[misc]  # SymPy has no types
    """Prints the expression language of entries."""

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
        return f"max({', '.join(self._print(part) for part in _sort_args(one))})"

    def _print_Min(self, one: Any) -> str:
        return f"min({', '.join(self._print(part) for part in _sort_args(one))})"

    def _print_Piecewise(self, one: Any) -> str:
        if (condition := indicator_condition(one)) is not None:
            return f"indicator({self._print(condition)})"
        *cases, last = one.args
        text = str(self._print(last[0]))
        for value, condition in reversed(cases):
            text = f"where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_Relational(self, one: Any) -> str:
        return f"{self._print(one.lhs)} {one.rel_op} {self._print(one.rhs)}"

    def _print_And(self, one: Any) -> str:
        return " and ".join(self._condition(part) for part in _sort_args(one))

    def _print_Or(self, one: Any) -> str:
        return " or ".join(self._condition(part) for part in _sort_args(one))

    def _print_ITE(self, one: Any) -> str:
        return str(self._print(_expand_ite(one)))

    def _print_Not(self, one: Any) -> str:
        return f"not {self._condition(one.args[0])}"

    def _condition(self, one: Any) -> str:
        text = self._print(one)
        return f"({text})" if one.is_Not or isinstance(one, sympy.And | sympy.Or) else text


class _Latex(LatexPrinter):  # type: ignore[misc]  # SymPy has no types
    """Prints LaTeX as textbooks write it."""

    def _print_Symbol(self, one: Any, style: str = "plain") -> str:
        return write_symbol(one.name)

    def _print_Max(self, one: Any, exp: str | None = None) -> str:
        return self._call("max", one, exp)

    def _print_Min(self, one: Any, exp: str | None = None) -> str:
        return self._call("min", one, exp)

    def _call(self, name: str, one: Any, exp: str | None) -> str:
        power = f"^{{{exp}}}" if exp is not None else ""
        return rf"\{name}{power}\left({', '.join(self._print(part) for part in _sort_args(one))}\right)"

    def _print_ITE(self, one: Any) -> str:
        return str(self._print(_expand_ite(one)))

    def _needs_mul_brackets(self, expr: Any, first: bool = False, last: bool = False) -> bool:
        if isinstance(expr, sympy.Piecewise) and indicator_condition(expr) is not None:
            return False
        return bool(super()._needs_mul_brackets(expr, first, last))

    def _print_Piecewise(self, one: Any) -> str:
        if (condition := indicator_condition(one)) is not None:
            return rf"\mathbb{{1}}\left\{{{self._print(condition)}\right\}}"
        text: str = super()._print_Piecewise(one)
        return text


def _expand_ite(one: Any) -> Any:
    """Return SymPy's if-then-else of conditions in terms of and, or and not, which the language has."""
    condition, held, failed = one.args
    return sympy.Or(sympy.And(condition, held), sympy.And(sympy.Not(condition), failed))


def indicator_condition(one: Any) -> Any:
    """Return the condition of a piecewise that is 1 if it holds and 0 otherwise; None for any other."""
    first, *rest = one.args
    if len(rest) == 1 and first[0] == 1 and rest[0][0] == 0 and rest[0][1] == sympy.true:
        return first[1]
    return None


def _sort_args(one: Any) -> list[Any]:
    return sorted(one.args, key=sympy.default_sort_key)


def write_symbol(name: str) -> str:
    r"""Return a symbol as LaTeX: `x1`, `_x1` as `x_{1}`, `delta_1` as `\delta_{1}`, `x1_2` as `x_{1,2}`."""
    name = name.removeprefix("_")
    match = _TRAILING.fullmatch(name)
    return symbol_latex(f"{match[1]}_{match[2]}{match[3]}" if match else name)


_TEXT = _Text({"order": None})
_LATEX = _Latex({"ln_notation": False, "mul_symbol": None, "fold_short_frac": False})


def write_text(entry: Any) -> str:
    """Return an entry as text, which means the same in a request."""
    return str(_TEXT.doprint(entry))


def write_latex(entry: Any) -> str:
    """Return an entry as LaTeX."""
    return str(_LATEX.doprint(entry))


def write_formula(entry: Any) -> Formula:
    """Return an entry as LaTeX with its binding strength; an array as a matrix."""
    if isinstance(entry, np.ndarray):
        return matrix_latex([write_latex(one) for one in np.atleast_1d(row)] for row in entry)
    entry = sympy.sympify(entry, strict=True)  # optimizers also pass Python numbers
    if isinstance(entry, sympy.Add) or entry.could_extract_minus_sign():
        return Formula(write_latex(entry), SUM)
    if entry.is_Rational and not entry.is_Integer:
        return Formula(write_latex(entry), POWER)
    return Formula(write_latex(entry), PRODUCT if isinstance(entry, sympy.Mul | sympy.Pow) else ATOM)


def measure(entry: Any) -> float | None:
    """Return an entry as a float; None if it has none."""
    value = approximate(entry)
    return float(value) if value is not None else None


def approximate(entry: Any) -> float | str | None:
    """Return an entry as a float, or as text if float64 cannot hold it.

    Returns None if it has free symbols or is too large to be evaluated.
    """
    if isinstance(entry, sympy.logic.boolalg.Boolean) or entry.free_symbols:
        return None
    if entry is sympy.nan or is_infinite(entry):
        return write_text(entry)
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
        value = float(middle)
        is_out_of_range = math.isinf(value) or (value == 0 and low * high > 0)
        return str(mpmath.nstr(middle, 17)) if is_out_of_range else value


def map_entries(array: Array, write: Callable[[Any], Any]) -> Array:
    """Return an array with a function applied to each exact entry; booleans and integers are unchanged."""
    if array.dtype != object:
        return array
    result = np.empty(array.shape, dtype=object)
    for at in np.ndindex(array.shape):
        result[at] = write(array[at])
    return result


def name_repeated(
    arrays: Iterable[Array], taken: Collection[str] = ()
) -> tuple[list[tuple[Any, Any]], list[Array]]:
    """Name the subexpressions that repeat in long entries.

    Returns the names with their expressions, and the arrays in terms of them. Short entries and short
    subexpressions are unchanged. taken: names of symbols that are in use besides those of the arrays.
    """
    arrays = list(arrays)
    entries = [entry for array in arrays if array.dtype == object for entry in array.flat]
    symbols = {symbol.name for entry in entries for symbol in entry.free_symbols}
    common, shorter = named((entry for entry in entries if size(entry) > LONG), symbols.union(taken))
    return common, [map_entries(array, lambda entry: shorter.get(entry, entry)) for array in arrays]
