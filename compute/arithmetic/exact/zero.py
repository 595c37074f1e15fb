"""Prove that an exact number is zero for all values of its symbols. Every step is bounded."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any

import sympy
from sympy.core.relational import Relational

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.readable import MAX_DEGREE, MAX_FACTORED, MAX_TERMS, Fraction

MAX_SIGNS = 5  # signs that cases may depend on
MAX_OPERANDS = 5  # of a maximum
SHORT = 500  # operations of an expression up to which roots are rationalized
CASES = (sympy.Piecewise, sympy.Max, sympy.Min, sympy.Abs, sympy.sign)


def shown_zero(number: Any) -> str | None:
    """Return how a number is proved to be zero, in words; None if it is not proved."""
    if cancels(number):
        return "the difference cancels as a quotient of polynomials in symbols and exponentials"
    if number.has(*CASES):
        return _by_signs(number, {}) or _by_roots(number)
    rewritten = number.rewrite(sympy.exp) if number.has(sympy.tanh, sympy.sin, sympy.cos) else number
    rewritten = sympy.expand_log(_rationalize(rewritten))
    if rewritten != number and cancels(rewritten):
        return "the difference cancels once functions are written as exponentials and roots are rationalized"
    return _by_roots(number) or _by_exponential(number)


def _by_exponential(number: Any) -> str | None:
    """Prove a sum of logarithms to be zero: its exponential is 1."""
    power = exponential(number) if number.has(sympy.log) and size(number) < SHORT else None
    if power is None or power.has(sympy.log) or not cancels(power - 1):
        return None
    return "the exponential of the difference cancels to 1"


def exponential(number: Any) -> Any:
    """Return the exponential of a sum of whole multiples of logarithms and other terms.

    None for another number. A number that has a value is positive if its exponential is more than 1.
    """
    total, rest = sympy.S.One, sympy.S.Zero
    for term in sympy.Add.make_args(sympy.expand(sympy.expand_log(number))):
        factor, other = term.as_coeff_Mul(rational=True)
        if other.func is sympy.log:
            if not factor.is_Integer or abs(factor) > MAX_DEGREE:
                return None
            total *= other.args[0] ** factor
        elif other.has(sympy.log):
            return None
        else:
            rest += term
    return total * sympy.exp(rest)


def _by_roots(number: Any) -> str | None:
    """Prove a number to be zero once squares are taken out of its roots: sqrt(4*x**2*y) is 2*|x|*sqrt(y)."""
    squares: dict[Any, Any] = {}
    replaced: dict[Any, Any] = {}
    for root in sorted(number.atoms(sympy.Pow), key=sympy.default_sort_key):
        if root.exp.is_Rational and root.exp.q == 2 and root.base.free_symbols:
            taken = _take_out_squares(root.base, squares)
            if taken is None:
                return None
            replaced[root] = taken**root.exp.p
    if not replaced:
        return None
    rewritten = number.xreplace(replaced)
    how = "the difference cancels once squares are taken out of roots"
    if rewritten.has(*CASES):
        return how if _by_signs(rewritten, squares) else None
    return how if cancels(rewritten, squares) else None


def _take_out_squares(radicand: Any, squares: dict[Any, Any]) -> Any:
    """Return the square root of a radicand as a product, with a symbol for the root of what is no square.

    squares: what each of these symbols is the square root of. None if the radicand is too large.
    """
    fraction = Fraction(radicand, expand_exponents=True)
    parts = None if fraction.terms > MAX_TERMS else fraction.cancelled()
    if parts is None or any(len(part.free_symbols) > MAX_FACTORED[0] for part in parts):
        return None
    constant, outside, inside = sympy.S.One, sympy.S.One, sympy.S.One
    for part, direction in zip(parts, (1, -1), strict=True):
        leading, factors = sympy.factor_list(part)
        constant *= leading**direction
        for factor, power in factors:
            odd = power % 2
            inside *= factor**odd
            outside *= sympy.Abs(fraction.back(factor)) ** ((power * direction - odd) // 2)
    if constant.is_negative:
        constant, inside = -constant, -inside
    inside = sympy.expand(fraction.back(sympy.expand(inside)))
    if inside == 1:
        return sympy.sqrt(constant) * outside
    symbol = next((one for one, square in squares.items() if square == inside), None)
    if symbol is None:
        symbol = sympy.Symbol(f"#root{len(squares)}", positive=True)
        squares[symbol] = inside
    return sympy.sqrt(constant) * outside * symbol


def _rationalize(number: Any) -> Any:
    """Return a short number without roots in denominators."""
    if size(number) >= SHORT:
        return number
    try:
        return sympy.radsimp(sympy.sqrtdenest(number))
    except OverflowError:  # SymPy looks at constants as floats, and an exponential may be too large for them
        return number


def cancels(number: Any, squares: Mapping[Any, Any] = MappingProxyType({})) -> bool:
    """Return whether a number is zero as a quotient of polynomials in its symbols and function calls.

    squares: the squares of symbols that represent roots.
    """
    fraction = Fraction(number, expand_exponents=True)
    if fraction.terms > 50 * MAX_TERMS:
        return False
    numerator, _ = sympy.fraction(sympy.together(fraction.quotient))
    worth = sympy.expand(numerator)
    if worth == 0 or sympy.expand(fraction.back(worth)) == 0:
        return True
    if not squares:
        return False
    worth = sympy.expand(fraction.back(worth))
    for symbol, square in squares.items():
        terms = worth.as_poly(symbol)
        if terms is not None:
            worth = sympy.Add(*(
                factor * square ** (power // 2) * symbol ** (power % 2) for (power,), factor in terms.terms()
            ))  # fmt: skip
            worth = sympy.expand(worth)
    return bool(worth == 0)


def _by_signs(number: Any, squares: Mapping[Any, Any]) -> str | None:
    """Prove a number to be zero for each possible combination of the signs that its cases depend on."""
    signs = shown_in_every_case(number, lambda branch, _: branch == 0 or cancels(branch, squares))
    return None if signs is None else f"the difference cancels in every case of {signs} that it depends on"


def shown_in_every_case(number: Any, is_shown: Callable[[Any, dict[Any, int]], bool]) -> str | None:
    """Return the signs that the cases of a number depend on, in words; None if a case is not shown.

    is_shown: whether a number without cases has what is to be shown, for the signs of these differences.
    """
    found = _branches_of(number)
    if found is None:
        return None
    count, combinations = found
    shown = 0
    for signs, branch in combinations:
        if branch.has(sympy.nan, sympy.zoo):
            continue  # a relation holds where both sides are defined
        if branch.has(*CASES) or not is_shown(branch, signs):
            return None
        shown += 1
    if not shown:
        return None
    return "the sign" if count == 1 else f"the {count} signs"


def _branches_of(number: Any) -> tuple[int, Iterator[tuple[dict[Any, int], Any]]] | None:
    """Return how many signs the cases of a number depend on, and what it is for each combination of them.

    None if there are too many. A combination has the sign of each difference.
    """
    cases = _maxima_as_cases(number.rewrite(sympy.Piecewise) if number.has(sympy.Abs, sympy.sign) else number)
    if cases is None:
        return None
    differences = sorted({_difference(one)[0] for one in cases.atoms(Relational)}, key=sympy.default_sort_key)
    if len(differences) > MAX_SIGNS:
        return None
    return len(differences), _branches(cases, differences)


def _branches(cases: Any, differences: list[Any]) -> Iterator[tuple[dict[Any, int], Any]]:
    """Yield each possible combination of signs, with an expression without cases for it."""
    for signs in product((1, 0, -1), repeat=len(differences)):
        chosen = dict(zip(differences, signs, strict=True))
        equal = _solve([one for one, sign in chosen.items() if sign == 0])
        given: dict[Any, int] = {}
        is_contradicted = False
        for one, sign in chosen.items():
            left = one.xreplace(equal)
            is_contradicted |= left.is_Rational and sympy.sign(left) != sign
            is_contradicted |= given.get(left, sign) != sign or given.get(-left, -sign) != -sign
            given[left] = sign
        if not is_contradicted:
            yield given, _branch(cases, chosen, equal)


def _solve(zeros: list[Any]) -> dict[Any, Any]:
    """Return a symbol with its value for each difference that is zero and easily solved."""
    found: dict[Any, Any] = {}
    for zero in zeros:
        rest = zero.xreplace(found)
        for symbol in sorted(rest.free_symbols, key=lambda one: one.name):
            factor = rest.coeff(symbol)
            worth = -(rest - factor * symbol) / factor if factor.is_Rational and factor else None
            if worth is not None and not sympy.expand(worth).has(symbol):
                worth = sympy.expand(worth)
                found = {one: other.xreplace({symbol: worth}) for one, other in found.items()} | {
                    symbol: worth
                }
                break
    return found


def _maxima_as_cases(expression: Any) -> Any:
    """Return an expression with maxima and minima as cases; None if they have too many operands."""
    found = expression
    for one in sorted(expression.atoms(sympy.Max, sympy.Min), key=size):
        if len(one.args) > MAX_OPERANDS:
            return None
        sign = sympy.Ge if one.func is sympy.Max else sympy.Le
        *first, last = sorted(one.args, key=sympy.default_sort_key)
        pairs = [
            (part, sympy.And(*(sign(part, other, evaluate=False) for other in one.args if other != part)))
            for part in first
        ]
        found = found.xreplace({one: sympy.Piecewise(*pairs, (last, True), evaluate=False)})
    return found


def _difference(relation: Any) -> tuple[Any, int]:
    """Return the difference of a relation's sides up to a positive factor, and -1 if it is negated."""
    _, difference = sympy.expand(relation.lhs - relation.rhs).as_content_primitive()
    turned = difference.could_extract_minus_sign()
    return (sympy.expand(-difference), -1) if turned else (difference, 1)


def _branch(expression: Any, signs: dict[Any, int], equal: dict[Any, Any]) -> Any:
    """Return the expression for differences of these signs, with symbols replaced by what they are equal to.

    They are replaced before anything cancels, so that x/|x| has no value at 0.
    """

    def truth(condition: Any) -> Any:
        if isinstance(condition, Relational):
            difference, direction = _difference(condition)
            return condition.func(signs[difference] * direction, 0)
        return condition.func(*map(truth, condition.args)) if condition.args else condition

    def walk(one: Any) -> Any:
        if isinstance(one, sympy.Piecewise):
            held = (value for value, condition in one.args if truth(condition) == sympy.true)
            return walk(next(held, sympy.nan))
        return one.func(*map(walk, one.args)) if one.args else equal.get(one, one)

    return walk(expression)
