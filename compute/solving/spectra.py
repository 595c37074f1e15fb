"""Eigenvalues of Hessians, exact if they have a closed form."""

from collections import Counter
from dataclasses import dataclass

import mpmath
import numpy as np
import sympy

from compute.solving.case_split import Algebra
from compute.solving.constants import sort_distinct
from compute.solving.roots import real_roots
from compute.solving.solutions import Expr, Unsolved

MAX_ENTRIES = 6
_DIGITS = 40


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues with multiplicities, sorted if they are constants.

    exact: whether they are exact; otherwise they are floats, as fractions of 17 digits.
    """

    values: tuple[tuple[Expr, int], ...]
    exact: bool


def compute_spectrum(hessian: sympy.Matrix) -> Spectrum:
    """Return the eigenvalues of a symmetric matrix of at most 6 rows.

    Raises Unsolved if the matrix is not symmetric or is larger, or its symbols leave no closed form.
    """
    rows, columns = hessian.shape
    if rows != columns or rows > MAX_ENTRIES:
        raise Unsolved(f"eigenvalues are found of square matrices of at most {MAX_ENTRIES} rows")
    if any(sympy.expand(hessian[i, j] - hessian[j, i]) != 0 for i in range(rows) for j in range(i)):
        raise Unsolved("second derivatives have to be symmetric")
    if all(hessian[i, j] == 0 for i in range(rows) for j in range(rows) if i != j):
        counted = Counter(hessian[i, i] for i in range(rows))
        return Spectrum(_sort_values(list(counted.items())), True)
    unknown = sympy.Symbol("#eigenvalue", real=True)
    algebra = Algebra({unknown})
    entries = hessian.applyfunc(algebra.convert)
    polynomial = entries.charpoly(unknown).as_expr(unknown)
    try:
        roots = real_roots(algebra.numerator(polynomial), unknown, algebra.restore)
        if not roots.unsolved and sum(root.multiplicity for root in roots.roots) == rows:
            return Spectrum(_sort_values([(root.value, root.multiplicity) for root in roots.roots]), True)
    except Unsolved:
        pass  # fall back to floats
    if hessian.free_symbols:
        raise Unsolved("the eigenvalues of the second derivatives have no closed form")
    return Spectrum(_numeric_eigenvalues(hessian), False)


def _sort_values(values: list[tuple[Expr, int]]) -> tuple[tuple[Expr, int], ...]:
    if any(value.free_symbols for value, _ in values):
        return tuple(values)
    distinct = sort_distinct([value for value, _ in values])
    return tuple((value, sum(count for other, count in values if other == value)) for value in distinct)


def shorten_fractions(expression: Expr) -> Expr:
    """Replace long fractions, which stand for floats, by floats."""
    rationals = expression.atoms(sympy.Rational)
    floats = {rational: sympy.Float(rational, 17) for rational in rationals if rational.q > 10**9}
    return expression.xreplace(floats) if floats else expression


def _numeric_eigenvalues(hessian: sympy.Matrix) -> tuple[tuple[Expr, int], ...]:
    with mpmath.workdps(_DIGITS):
        entries = mpmath.matrix(
            [[mpmath.mpf(str(entry.evalf(_DIGITS))) for entry in row] for row in hessian.tolist()]
        )
        eigenvalues = mpmath.eigsy(entries, eigvals_only=True)
        values = [sympy.Rational(mpmath.nstr(value, 17)) for value in eigenvalues]
    merged: list[tuple[Expr, int]] = []
    largest = max(float(abs(value)) for value in values)
    for value in sorted(values, key=float):
        if merged and np.isclose(float(value), float(merged[-1][0]), rtol=0, atol=1e-13 * largest):
            merged[-1] = merged[-1][0], merged[-1][1] + 1
        else:
            merged.append((value if abs(value) > 1e-15 * largest else sympy.S.Zero, 1))
    return tuple(merged)
