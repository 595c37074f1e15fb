"""The learning rates, and momentum coefficients, at which rules contract fastest on a quadratic."""

from dataclasses import dataclass

import sympy

from compute.solving.constants import sign, simplest_form, sort_distinct
from compute.solving.iterations import Iteration
from compute.solving.solutions import Expr

DESCENT = (
    "Polyak, Introduction to optimization (1987), section 1.4; Nesterov, Introductory lectures on convex"
    " optimization (2004), theorem 2.1.15"
)
MOMENTUM = "Polyak, Some methods of speeding up the convergence of iteration methods (1964), section 2"
NESTEROV = (
    "Lessard, Recht and Packard, Analysis and design of optimization algorithms via integral quadratic"
    " constraints (2016), proposition 1"
)
NEWTON = "Nocedal and Wright, Numerical optimization (2006), section 3.3: one step reaches the minimum"
GIVEN = (
    "The spectral radius for given momentum grows with |1 + beta - rate a|, which is smallest over all"
    " eigenvalues where it is as large for the least as for the largest; compare Polyak (1964), section 2"
)


@dataclass(frozen=True)
class BestRate:
    """The rate with the smallest spectral radius over all eigenvalues, and that radius.

    momentum: the coefficient chosen together with the rate; None if momentum was given or there is none.
    source: where the formula comes from.
    """

    rate: Expr
    momentum: Expr | None
    factor: Expr
    source: str


@dataclass(frozen=True)
class IterationForm:
    """The kind of iteration that a rule is.

    kind: `descent`: 1 - p; `newton`: the same with p free of the curvature; `momentum`: two rows with
        determinant beta; `nesterov`: with determinant beta (1 - p). In all of them the characteristic
        polynomial at 1 is p = gain rate (a + shift).
    """

    kind: str
    gain: Expr
    shift: Expr


def classify(general: Iteration, curvature: Expr, rate: Expr, momentum: Expr | None) -> IterationForm | None:
    """Return the known form of an iteration in symbols, or None."""
    slope = sympy.cancel(general.gap / rate)
    if slope.has(rate) or slope == 0:
        return None
    if len(general.names) == 1 and not slope.has(curvature):
        return IterationForm("newton", slope, sympy.S.Zero)
    gain = sympy.cancel(slope.diff(curvature))
    shift = sympy.cancel(slope / gain - curvature) if gain != 0 and not gain.has(curvature) else curvature
    if shift.has(curvature):
        return None
    if len(general.names) == 1:
        return IterationForm("descent", gain, shift)
    if momentum is not None and sympy.expand(general.determinant - momentum) == 0:
        return IterationForm("momentum", gain, shift)
    if momentum is None or gain != 1 or shift.has(momentum):
        return None
    is_nesterov = sympy.expand(general.determinant - momentum * (1 - general.gap)) == 0
    return IterationForm("nesterov", gain, shift) if is_nesterov else None


def extremes(eigenvalues: list[Expr], shift: Expr) -> tuple[Expr, Expr] | str:
    """Return the least and largest shifted curvature, or the reason why there is no best rate."""
    curvatures = list(dict.fromkeys(simplest_form(eigenvalue + shift) for eigenvalue in eigenvalues))
    if not curvatures:
        return "no direction has a curvature"
    if len(curvatures) == 1:
        value = curvatures[0]
        return (value, value) if value.free_symbols or sign(value) == 1 else _not_positive()
    if any(curvature.free_symbols for curvature in curvatures):
        return "the least and the largest eigenvalue are not known while symbols are free"
    if any(sign(curvature) != 1 for curvature in curvatures):
        return _not_positive()
    curvatures = sort_distinct(curvatures)
    return curvatures[0], curvatures[-1]


def _plain(number: Expr) -> Expr:
    """Return a constant with a rational denominator; an expression with symbols is only simplified."""
    if number.free_symbols or number.has(sympy.CRootOf):
        return simplest_form(number)
    return sympy.expand(sympy.radsimp(sympy.sqrtdenest(number)))


def _not_positive() -> str:
    return "an eigenvalue is negative, so no positive rate converges from everywhere"


def best_rate(form: IterationForm, least: Expr, largest: Expr, momentum: Expr | None) -> BestRate | str:
    """Return the best rate for given momentum, or the reason why it is not known."""
    total = least + largest
    if form.kind == "newton":
        return BestRate(simplest_form(1 / form.gain), None, sympy.S.Zero, NEWTON)
    if form.kind == "descent":
        return BestRate(
            simplest_form(2 / (form.gain * total)), None, simplest_form((largest - least) / total), DESCENT
        )
    if form.kind == "momentum" and momentum is not None:
        known = None if momentum.free_symbols else sign(1 - sympy.Abs(momentum))
        if known in (0, -1):
            return "momentum of 1 or more in magnitude converges at no rate"
        rate = simplest_form(2 * (1 + momentum) / (form.gain * total))
        trace = simplest_form((1 + momentum) * (largest - least) / total)
        factor = Iteration(("x", "velocity"), sympy.Matrix(), trace, momentum).spectral_radius()
        return BestRate(rate, None, factor, GIVEN)
    return "no closed form is known for the best rate at given momentum of this rule"


def best_rate_and_momentum(
    form: IterationForm, least: Expr, largest: Expr, momentum: Expr | None
) -> BestRate | None:
    """Return the best rate and momentum, chosen together; None if there is no momentum to choose.

    momentum: the symbol for it in the form's gain.
    """
    if momentum is None:
        return None
    ratio = simplest_form(largest / least)
    if form.kind == "momentum":
        # (sqrt(kappa) - 1)/(sqrt(kappa) + 1), and the rate, written with one root, often of a fraction.
        root = sympy.sqrt(simplest_form(sympy.expand(least * largest)))
        difference, total = simplest_form(largest - least), simplest_form(largest + least)
        factor = _plain((total - 2 * root) / difference) if difference != 0 else sympy.S.Zero
        best = _plain(factor**2)
        gain = form.gain.xreplace({momentum: best})
        return BestRate(_plain(4 / ((total + 2 * root) * gain)), best, factor, MOMENTUM)
    if form.kind == "nesterov":
        root = sympy.sqrt(3 * ratio + 1)
        rate = simplest_form(4 / (3 * largest + least))
        return BestRate(rate, _plain((root - 2) / (root + 2)), _plain(1 - 2 / root), NESTEROV)
    return None
