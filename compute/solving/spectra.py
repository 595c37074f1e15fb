"""Eigenvalues of second derivatives, exact where they have a form that is written."""

from collections import Counter
from dataclasses import dataclass

import mpmath
import numpy as np
import sympy

from compute.solving.case_split import Algebra
from compute.solving.constants import ordered
from compute.solving.roots import real_roots
from compute.solving.solutions import Expr, Unsolved

MAX_ENTRIES = 6
_DIGITS = 40


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues with how often each occurs, in order where they are constants; exact: whether they are
    no floats, which stand here as fractions of 17 digits.
    """

    values: tuple[tuple[Expr, int], ...]
    exact: bool


def spectrum(hessian: sympy.Matrix) -> Spectrum:
    """The eigenvalues of a symmetric matrix of at most 6 rows.

    Raises Unsolved where it is none, or larger, or holds symbols in a way that leaves eigenvalues unwritten.
    """
    rows, columns = hessian.shape
    if rows != columns or rows > MAX_ENTRIES:
        raise Unsolved(f"eigenvalues are found of square matrices of at most {MAX_ENTRIES} rows")
    if any(sympy.expand(hessian[i, j] - hessian[j, i]) != 0 for i in range(rows) for j in range(i)):
        raise Unsolved("second derivatives have to be symmetric")
    if all(hessian[i, j] == 0 for i in range(rows) for j in range(rows) if i != j):
        counted = Counter(hessian[i, i] for i in range(rows))
        return Spectrum(_ordered(list(counted.items())), True)
    unknown = sympy.Symbol("#eigenvalue", real=True)
    algebra = Algebra({unknown})
    entries = hessian.applyfunc(algebra.convert)
    polynomial = entries.charpoly(unknown).as_expr(unknown)
    try:
        roots = real_roots(algebra.numerator(polynomial), unknown, algebra.back)
        if not roots.left and sum(root.multiplicity for root in roots.found) == rows:
            return Spectrum(_ordered([(root.value, root.multiplicity) for root in roots.found]), True)
    except Unsolved:
        pass  # floats are still to be had
    if hessian.free_symbols:
        raise Unsolved("the eigenvalues of the second derivatives have no form that is written")
    return Spectrum(_in_floats(hessian), False)


def _ordered(values: list[tuple[Expr, int]]) -> tuple[tuple[Expr, int], ...]:
    if any(one.free_symbols for one, _ in values):
        return tuple(values)
    return tuple((one, sum(many for each, many in values if each == one)) for one in
                 ordered([one for one, _ in values]))  # fmt: skip


def in_floats(found: Expr) -> Expr:
    """An expression made from eigenvalues that are floats, with floats in the place of long fractions."""
    long = {one: sympy.Float(one, 17) for one in found.atoms(sympy.Rational) if one.q > 10**9}
    return found.xreplace(long) if long else found


def _in_floats(hessian: sympy.Matrix) -> tuple[tuple[Expr, int], ...]:
    with mpmath.workdps(_DIGITS):
        entries = mpmath.matrix(
            [[mpmath.mpf(str(one.evalf(_DIGITS))) for one in row] for row in hessian.tolist()]
        )
        found = [sympy.Rational(mpmath.nstr(one, 17)) for one in mpmath.eigsy(entries, eigvals_only=True)]
    merged: list[tuple[Expr, int]] = []
    largest = max(float(abs(one)) for one in found)
    for one in sorted(found, key=float):
        if merged and np.isclose(float(one), float(merged[-1][0]), rtol=0, atol=1e-13 * largest):
            merged[-1] = merged[-1][0], merged[-1][1] + 1
        else:
            merged.append((one if abs(one) > 1e-15 * largest else sympy.S.Zero, 1))
    return tuple(merged)
