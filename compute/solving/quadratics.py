"""Convergence of rules on quadratics: conditions, speed, and learning rates.

Along an eigenvector of the Hessian with eigenvalue a, a rule that is linear in the parameter and its buffers
acts as on a x^2 / 2: it multiplies by a matrix. It converges from everywhere if all eigenvalues of that
matrix are less than 1 in magnitude; the largest magnitude is the factor by which errors shrink per step in
the long run.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import sympy

from compute.solving.best_rates import (
    BestRate,
    IterationForm,
    best_rate,
    best_rate_and_momentum,
    classify,
    extremes,
)
from compute.solving.constants import sign, sort_distinct
from compute.solving.iterations import Iteration, StepFunction, linearize, solve_conditions
from compute.solving.regions import where_holds
from compute.solving.solutions import Condition, Expr
from compute.solving.spectra import compute_spectrum, shorten_fractions

__all__ = ["BestRate", "Convergence", "Direction", "StepFunction", "analyse_quadratic"]

SINGULAR = "the second derivatives are singular, so the step has no value"
StepFactory: TypeAlias = Callable[[Expr, Expr | None], StepFunction]
"""Returns the step of a rule for a learning rate and a momentum coefficient, if the rule has one."""


@dataclass(frozen=True)
class Direction:
    """The behaviour of a rule along the eigenvectors of one eigenvalue.

    conditions: all hold if the rule contracts here; a single false if it never does.
    for_rate: the conditions solved for the learning rate, if that is a symbol and it is possible.
    converges: whether the conditions hold; None if symbols leave it undecided.
    factor: the spectral radius.
    is_stationary: whether nothing ever moves here.
    note: a remark on the direction.
    """

    eigenvalue: Expr
    multiplicity: int
    matrix: sympy.Matrix
    polynomial: Expr
    conditions: tuple[Condition, ...]
    for_rate: Condition | None
    converges: bool | None
    factor: Expr
    is_stationary: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Convergence:
    """The convergence of a rule on a quadratic.

    curvature, variable: the symbols of a general eigenvalue a and of the characteristic polynomials.
    names: the state in the rows of matrices.
    general, polynomial, general_conditions: matrix, characteristic polynomial and conditions for any a.
    exact: whether eigenvalues are exact.
    conditions, for_rate, converges, factor: over all directions that move.
    best: the best rate for the given momentum.
    best_together: the best rate and momentum, chosen together.
    why: why one of these is not known.
    notes: further remarks.
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
    best: BestRate | None
    best_together: BestRate | None
    why: str | None
    notes: tuple[str, ...]

    @property
    def source(self) -> str | None:
        """The source of the best rate, or of the best rate and momentum."""
        best = self.best or self.best_together
        return best.source if best else None


def analyse_quadratic(
    hessian: sympy.Matrix, step_factory: StepFactory, rate: Expr, momentum: Expr | None = None
) -> Convergence:
    """Return the convergence of a rule on a quadratic with this Hessian.

    Raises Unsolved if the rule is not linear in the parameter and at most one buffer, or the eigenvalues
    cannot be found.

    make: the rule's step for any rate and momentum.
    rate, momentum: those in question, numbers or symbols.
    """
    # The symbols of the rule's settings are found in its matrix.
    matrix = linearize(step_factory(rate, momentum), sympy.Symbol("#a", real=True)).matrix
    names_taken = {symbol.name for part in (hessian, matrix, rate) for symbol in part.free_symbols}
    curvature = sympy.Symbol(
        next(name for name in ("a", "h", "c", "#a") if name not in names_taken), real=True
    )
    variable = sympy.Symbol(
        next(name for name in ("lambda", "z", "#z") if name not in names_taken), real=True
    )
    general = linearize(step_factory(rate, momentum), curvature)
    eigenvalues = compute_spectrum(hessian)
    directions = tuple(
        _direction(general, curvature, variable, eigenvalue, multiplicity, rate, step_factory(rate, momentum))
        for eigenvalue, multiplicity in eigenvalues.values
    )
    moving = tuple(direction for direction in directions if not direction.is_stationary)
    conditions = tuple(dict.fromkeys(condition for direction in moving for condition in direction.conditions))
    if sympy.false in conditions:
        conditions = (sympy.false,)
    best, best_pair, why = _best_rates(
        step_factory, curvature, [direction.eigenvalue for direction in moving], momentum
    )
    if any(direction.note == SINGULAR for direction in directions):
        best, best_pair, why = None, None, SINGULAR
    for_rate = solve_conditions(conditions, rate) if rate.is_Symbol and moving else None
    verdicts = [direction.converges for direction in moving]
    if for_rate is sympy.false:
        verdicts.append(False)
    result = Convergence(
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
        _largest_factor([direction.factor for direction in moving]),
        best,
        best_pair,
        why,
        _notes(directions, eigenvalues.exact),
    )
    return result if eigenvalues.exact else _with_floats(result)


def _with_floats(convergence: Convergence) -> Convergence:
    """Replace fractions that stand for floats by floats."""

    def convert(item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(map(convert, item))
        if isinstance(item, Direction | BestRate):
            return replace(item, **{field.name: convert(getattr(item, field.name)) for field in fields(item)})
        if isinstance(item, sympy.MatrixBase):
            return item.applyfunc(shorten_fractions)
        return shorten_fractions(item) if isinstance(item, sympy.Basic) else item

    return replace(
        convergence,
        **{field.name: convert(getattr(convergence, field.name)) for field in fields(convergence)},
    )


def _direction(
    general: Iteration,
    curvature: Expr,
    variable: Expr,
    eigenvalue: Expr,
    multiplicity: int,
    rate: Expr,
    step_function: StepFunction,
) -> Direction:
    iteration = general.at({curvature: eigenvalue})
    conditions = iteration.conditions()
    for_rate = solve_conditions(conditions, rate) if rate.is_Symbol else None
    if for_rate is sympy.false:
        conditions = (sympy.false,)
    is_stationary = eigenvalue.is_zero is True and iteration.gap == 0
    note = _note(eigenvalue, conditions, rate, is_stationary, for_rate)
    if _has_no_value(step_function, eigenvalue):
        note, is_stationary, conditions, for_rate = SINGULAR, False, (sympy.false,), None
    converges = False if sympy.false in conditions else None if conditions else True
    return Direction(
        eigenvalue, multiplicity, iteration.matrix, iteration.polynomial(variable), conditions, for_rate,
        converges, iteration.spectral_radius(), is_stationary, note,
    )  # fmt: skip


def _has_no_value(step_function: StepFunction, eigenvalue: Expr) -> bool:
    """Return whether a step divides by the eigenvalue, which is zero."""
    if not eigenvalue.is_zero:
        return False
    x_after, _ = step_function(sympy.Symbol("#x", real=True), {}, sympy.S.Zero)
    return bool(x_after.has(sympy.nan, sympy.zoo))


def _note(
    eigenvalue: Expr,
    conditions: tuple[Condition, ...],
    rate: Expr,
    is_stationary: bool,
    for_rate: Condition | None,
) -> str | None:
    if is_stationary:
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
        return "the eigenvalue is negative: the rule approaches a point that is not a minimum"
    return None


def _largest_factor(factors: list[Expr]) -> Expr | None:
    """Return the largest factor; with free symbols, a maximum."""
    factors = list(dict.fromkeys(factors))
    if not factors:
        return None
    if len(factors) == 1:
        return factors[0]
    if not any(factor.free_symbols for factor in factors):
        return sort_distinct(factors)[-1]
    return sympy.Max(*factors, evaluate=False)


def _best_rates(
    step_factory: StepFactory, curvature: Expr, eigenvalues: list[Expr], momentum: Expr | None
) -> tuple[BestRate | None, BestRate | None, str | None]:
    """Return the best rate, the best rate and momentum, and why one of them is not known."""
    rate = sympy.Symbol("#rate", real=True)
    free_momentum = None if momentum is None else sympy.Symbol("#momentum", real=True)
    form = classify(linearize(step_factory(rate, free_momentum), curvature), curvature, rate, free_momentum)
    if form is None:
        return None, None, "no closed form is known for the best rate of this rule"
    bounds = extremes(eigenvalues, form.shift)
    if isinstance(bounds, str):
        if form.kind == "newton" and eigenvalues:
            bounds = eigenvalues[0], eigenvalues[0]
        else:
            return None, None, bounds
    form_at_momentum = form if free_momentum is None else _fix_momentum(form, free_momentum, momentum)
    best, best_pair = (
        best_rate(form_at_momentum, *bounds, momentum),
        best_rate_and_momentum(form, *bounds, free_momentum),
    )
    return (None, best_pair, best) if isinstance(best, str) else (best, best_pair, None)


def _fix_momentum(form: IterationForm, symbol: Expr, momentum: Expr) -> IterationForm:
    substitution = {symbol: momentum}
    return IterationForm(form.kind, form.gain.xreplace(substitution), form.shift.xreplace(substitution))


def _notes(directions: tuple[Direction, ...], exact: bool) -> tuple[str, ...]:
    notes = [] if exact else ["The eigenvalues are floats: they have no closed form."]
    notes += [
        direction.note[0].upper() + direction.note[1:] + "." for direction in directions if direction.note
    ]
    stationary = [direction.is_stationary for direction in directions]
    if any(stationary) and not all(stationary):
        notes.append("Rates, conditions and factors are those of the directions that move.")
    return tuple(dict.fromkeys(notes))
