"""The rates, and coefficients of momentum, with which rules contract fastest on a quadratic."""

from dataclasses import dataclass

import sympy

from compute.solving.constants import ordered, plainest, sign
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
class Best:
    """A rate with the smallest spectral radius over all eigenvalues, and that radius.

    momentum: the coefficient that goes with it, where it was chosen together with the rate; None where it is
    what was given, or there is none; source: where it comes from.
    """

    rate: Expr
    momentum: Expr | None
    factor: Expr
    source: str


@dataclass(frozen=True)
class Form:
    """The kind of iteration that a rule is, up to names.

    kind: `descent`: 1 - p; `newton`: the same with p free of the curvature; `momentum`: two rows with
    determinant beta; `nesterov`: with determinant beta (1 - p). Throughout p = gain rate (a + shift) is what
    is left at 1.
    """

    kind: str
    gain: Expr
    shift: Expr


def form_of(general: Iteration, curvature: Expr, rate: Expr, momentum: Expr | None) -> Form | None:
    """Which of the known forms an iteration in symbols has; None where it has none of them."""
    slope = sympy.cancel(general.gap / rate)
    if slope.has(rate) or slope == 0:
        return None
    if len(general.names) == 1 and not slope.has(curvature):
        return Form("newton", slope, sympy.S.Zero)
    gain = sympy.cancel(slope.diff(curvature))
    shift = sympy.cancel(slope / gain - curvature) if gain != 0 and not gain.has(curvature) else curvature
    if shift.has(curvature):
        return None
    if len(general.names) == 1:
        return Form("descent", gain, shift)
    if momentum is not None and sympy.expand(general.determinant - momentum) == 0:
        return Form("momentum", gain, shift)
    if momentum is None or gain != 1 or shift.has(momentum):
        return None
    is_nesterov = sympy.expand(general.determinant - momentum * (1 - general.gap)) == 0
    return Form("nesterov", gain, shift) if is_nesterov else None


def extremes(eigenvalues: list[Expr], shift: Expr) -> tuple[Expr, Expr] | str:
    """The least and the largest curvature with its shift; text: why there is no best rate."""
    values = list(dict.fromkeys(plainest(one + shift) for one in eigenvalues))
    if not values:
        return "no direction has a curvature"
    if len(values) == 1:
        value = values[0]
        return (value, value) if value.free_symbols or sign(value) == 1 else _not_positive()
    if any(one.free_symbols for one in values):
        return "the least and the largest eigenvalue cannot be told while symbols are free"
    if any(sign(one) != 1 for one in values):
        return _not_positive()
    values = ordered(values)
    return values[0], values[-1]


def _plain(number: Expr) -> Expr:
    """A number with roots of fractions above the line; one with symbols as it is."""
    if number.free_symbols or number.has(sympy.CRootOf):
        return plainest(number)
    return sympy.expand(sympy.radsimp(sympy.sqrtdenest(number)))


def _not_positive() -> str:
    return "an eigenvalue is negative, so no positive rate converges from everywhere"


def alone(form: Form, least: Expr, largest: Expr, momentum: Expr | None) -> Best | str:
    """The best rate for the momentum that is given; text: why none is known."""
    total = least + largest
    if form.kind == "newton":
        return Best(plainest(1 / form.gain), None, sympy.S.Zero, NEWTON)
    if form.kind == "descent":
        return Best(plainest(2 / (form.gain * total)), None, plainest((largest - least) / total), DESCENT)
    if form.kind == "momentum" and momentum is not None:
        known = None if momentum.free_symbols else sign(1 - sympy.Abs(momentum))
        if known in (0, -1):
            return "momentum of 1 or more in magnitude converges at no rate"
        rate = plainest(2 * (1 + momentum) / (form.gain * total))
        trace = plainest((1 + momentum) * (largest - least) / total)
        factor = Iteration(("x", "velocity"), sympy.Matrix(), trace, momentum).factor()
        return Best(rate, None, factor, GIVEN)
    return "no closed form is known for the best rate at given momentum of this rule"


def together(form: Form, least: Expr, largest: Expr, momentum: Expr | None) -> Best | None:
    """The best rate and momentum, chosen together; None where there is no momentum to choose.

    momentum: the symbol that stands for it in the gain of the form.
    """
    if momentum is None:
        return None
    ratio = plainest(largest / least)
    if form.kind == "momentum":
        # (sqrt(kappa) - 1)/(sqrt(kappa) + 1), and the rate, by one root, often of a fraction.
        root = sympy.sqrt(plainest(sympy.expand(least * largest)))
        difference, total = plainest(largest - least), plainest(largest + least)
        factor = _plain((total - 2 * root) / difference) if difference != 0 else sympy.S.Zero
        best = _plain(factor**2)
        gain = form.gain.xreplace({momentum: best})
        return Best(_plain(4 / ((total + 2 * root) * gain)), best, factor, MOMENTUM)
    if form.kind == "nesterov":
        root = sympy.sqrt(3 * ratio + 1)
        rate = plainest(4 / (3 * largest + least))
        return Best(rate, _plain((root - 2) / (root + 2)), _plain(1 - 2 / root), NESTEROV)
    return None
