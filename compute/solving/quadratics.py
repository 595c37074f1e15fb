"""Whether a rule converges on a quadratic, how fast, and at which rates.

Along an eigenvector of the second derivatives a rule that is linear in the parameter and its buffers does the
same as on a x^2 / 2, a being the eigenvalue: it multiplies by a matrix. It converges from everywhere where
all eigenvalues of that matrix are less than 1 in magnitude, and the largest of these is the factor by which
errors shrink with each step in the long run.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import sympy

from compute.solving.best_rates import Best, Form, alone, extremes, form_of, together
from compute.solving.constants import ordered, sign
from compute.solving.iterations import Iteration, Move, iteration, solved_for
from compute.solving.regions import where_holds
from compute.solving.solutions import Condition, Expr
from compute.solving.spectra import in_floats, spectrum

__all__ = ["Best", "Convergence", "Direction", "Move", "convergence"]

SINGULAR = "the second derivatives are singular, so the step has no value"
Make: TypeAlias = Callable[[Expr, Expr | None], Move]
"""The step of a rule for a learning rate and a coefficient of momentum, which is None where there is none."""


@dataclass(frozen=True)
class Direction:
    """What a rule does along the eigenvectors of one eigenvalue.

    conditions: under which it contracts there, together; false alone where it never does; for_rate: these,
    solved for the learning rate where that is a symbol and can be done; converges: whether they hold, None
    where symbols leave it open; factor: the spectral radius; still: whether nothing ever moves there; note:
    in words, what is special about the direction.
    """

    eigenvalue: Expr
    multiplicity: int
    matrix: sympy.Matrix
    polynomial: Expr
    conditions: tuple[Condition, ...]
    for_rate: Condition | None
    converges: bool | None
    factor: Expr
    still: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Convergence:
    """The convergence of a rule on a quadratic.

    curvature, variable: the symbols of a in general and of the characteristic polynomials; names: what the
    rows of matrices stand for; general, polynomial, general_conditions: the matrix for any a; exact: whether
    eigenvalues are exact; conditions, for_rate, converges, factor: of all directions together that move;
    best: the rate that is best for the momentum given; best_together: rate and momentum, both chosen; why:
    why one of these is not known; notes: what else is to be said.
    """

    curvature: Expr
    variable: Expr
    names: tuple[str, ...]
    general: sympy.Matrix
    polynomial: Expr
    general_conditions: tuple[Condition, ...]
    directions: tuple[Direction, ...]
    exact: bool
    conditions: tuple[Condition, ...]
    for_rate: Condition | None
    converges: bool | None
    factor: Expr | None
    best: Best | None
    best_together: Best | None
    why: str | None
    notes: tuple[str, ...]

    @property
    def source(self) -> str | None:
        """Where the best rate, or rate and momentum, come from."""
        found = self.best or self.best_together
        return found.source if found else None


def convergence(hessian: sympy.Matrix, make: Make, rate: Expr, momentum: Expr | None = None) -> Convergence:
    """The convergence of a rule on a quadratic with these second derivatives.

    make: the rule's step for any rate and momentum; rate, momentum: those that are asked about, numbers or
    symbols. Raises Unsolved where the rule is not linear in the parameter and at most one buffer, or the
    eigenvalues cannot be found.
    """
    # What the rule has symbols for shows in its matrix alone.
    matrix = iteration(make(rate, momentum), sympy.Symbol("#a", real=True)).matrix
    taken = {one.name for each in (hessian, matrix, rate) for one in each.free_symbols}
    curvature = sympy.Symbol(next(name for name in ("a", "h", "c", "#a") if name not in taken), real=True)
    variable = sympy.Symbol(next(name for name in ("lambda", "z", "#z") if name not in taken), real=True)
    general = iteration(make(rate, momentum), curvature)
    eigenvalues = spectrum(hessian)
    directions = tuple(
        _direction(general, curvature, variable, one, many, rate, make(rate, momentum))
        for one, many in eigenvalues.values
    )
    moving = tuple(one for one in directions if not one.still)
    conditions = tuple(dict.fromkeys(each for one in moving for each in one.conditions))
    if sympy.false in conditions:
        conditions = (sympy.false,)
    best, pair, why = _best(make, curvature, [one.eigenvalue for one in moving], momentum)
    if any(one.note == SINGULAR for one in directions):
        best, pair, why = None, None, SINGULAR
    for_rate = solved_for(conditions, rate) if rate.is_Symbol and moving else None
    verdicts = [one.converges for one in moving]
    if for_rate is sympy.false:
        verdicts.append(False)
    found = Convergence(
        curvature,
        variable,
        general.names,
        general.matrix,
        general.polynomial(variable),
        general.conditions(),
        directions,
        eigenvalues.exact,
        conditions,
        for_rate,
        False if False in verdicts else None if None in verdicts else True,
        _largest([one.factor for one in moving]),
        best,
        pair,
        why,
        _notes(directions, eigenvalues.exact),
    )
    return found if eigenvalues.exact else _floated(found)


def _floated(found: Convergence) -> Convergence:
    """The same with floats in the place of the fractions that stand for them."""

    def put(one: Any) -> Any:
        if isinstance(one, tuple):
            return tuple(map(put, one))
        if isinstance(one, Direction | Best):
            return replace(one, **{each.name: put(getattr(one, each.name)) for each in fields(one)})
        if isinstance(one, sympy.MatrixBase):
            return one.applyfunc(in_floats)
        return in_floats(one) if isinstance(one, sympy.Basic) else one

    return replace(found, **{each.name: put(getattr(found, each.name)) for each in fields(found)})


def _direction(
    general: Iteration,
    curvature: Expr,
    variable: Expr,
    eigenvalue: Expr,
    multiplicity: int,
    rate: Expr,
    move: Move,
) -> Direction:
    at = general.at({curvature: eigenvalue})
    conditions = at.conditions()
    for_rate = solved_for(conditions, rate) if rate.is_Symbol else None
    if for_rate is sympy.false:
        conditions = (sympy.false,)
    still = eigenvalue.is_zero is True and at.gap == 0
    note = _note(eigenvalue, conditions, rate, still, for_rate)
    if _has_no_value(move, eigenvalue):
        note, still, conditions, for_rate = SINGULAR, False, (sympy.false,), None
    converges = False if sympy.false in conditions else None if conditions else True
    return Direction(
        eigenvalue, multiplicity, at.matrix, at.polynomial(variable), conditions, for_rate, converges,
        at.factor(), still, note,
    )  # fmt: skip


def _has_no_value(move: Move, eigenvalue: Expr) -> bool:
    """Whether a step divides by the eigenvalue, and it is zero."""
    if not eigenvalue.is_zero:
        return False
    after, _ = move(sympy.Symbol("#x", real=True), {}, sympy.S.Zero)
    return bool(after.has(sympy.nan, sympy.zoo))


def _note(
    eigenvalue: Expr, conditions: tuple[Condition, ...], rate: Expr, still: bool, for_rate: Condition | None
) -> str | None:
    if still:
        return "the eigenvalue is 0: the gradient is 0 along this direction, and nothing moves there"
    if eigenvalue.free_symbols or sign(eigenvalue) != -1:
        return None
    never = sympy.false in conditions
    if rate.is_Symbol and not never and for_rate is not None:
        positive = sympy.And(for_rate, sympy.Gt(rate, 0))
        never = positive.free_symbols == {rate} and where_holds(positive, rate) is sympy.false
    if never:
        return (
            "the eigenvalue is negative: the loss falls without bound there, and no positive rate converges"
        )
    if not conditions or for_rate is not None:
        return "the eigenvalue is negative: what the rule goes to there is no minimum"
    return None


def _largest(factors: list[Expr]) -> Expr | None:
    """The largest factor; of those with symbols, a maximum."""
    factors = list(dict.fromkeys(factors))
    if not factors:
        return None
    if len(factors) == 1:
        return factors[0]
    if not any(one.free_symbols for one in factors):
        return ordered(factors)[-1]
    return sympy.Max(*factors, evaluate=False)


def _best(
    make: Make, curvature: Expr, eigenvalues: list[Expr], momentum: Expr | None
) -> tuple[Best | None, Best | None, str | None]:
    """The best rate, the best rate and momentum, and why one of them is not known."""
    rate = sympy.Symbol("#rate", real=True)
    free = None if momentum is None else sympy.Symbol("#momentum", real=True)
    form = form_of(iteration(make(rate, free), curvature), curvature, rate, free)
    if form is None:
        return None, None, "no closed form is known for the best rate of this rule"
    found = extremes(eigenvalues, form.shift)
    if isinstance(found, str):
        if form.kind == "newton" and eigenvalues:
            found = eigenvalues[0], eigenvalues[0]
        else:
            return None, None, found
    given = form if free is None else _with(form, free, momentum)
    best, pair = alone(given, *found, momentum), together(form, *found, free)
    return (None, pair, best) if isinstance(best, str) else (best, pair, None)


def _with(form: Form, symbol: Expr, momentum: Expr) -> Form:
    put = {symbol: momentum}
    return Form(form.kind, form.gain.xreplace(put), form.shift.xreplace(put))


def _notes(directions: tuple[Direction, ...], exact: bool) -> tuple[str, ...]:
    found = [] if exact else ["The eigenvalues are floats: they have no closed form that is written."]
    found += [one.note[0].upper() + one.note[1:] + "." for one in directions if one.note]
    if any(one.still for one in directions) and not all(one.still for one in directions):
        found.append("Rates, conditions and factors are those of the directions that move.")
    return tuple(dict.fromkeys(found))
