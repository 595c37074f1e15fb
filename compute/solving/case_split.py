"""Equations with absolute values, signs, maxima and cases as several systems without; roots as symbols."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.roots import MAX_DEGREE, checked, factors
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_BRANCHES = 128
MAX_SIZE = 6_000  # operations of all equations
MAX_RADICALS = 6
CASES = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise)


@dataclass(frozen=True)
class Branch:
    """Equations without cases, and the conditions under which they stand for those that came."""

    equations: tuple[Expr, ...]
    conditions: tuple[Condition, ...] = ()


def branches(equations: tuple[Expr, ...], unknowns: set[Expr]) -> list[Branch]:
    """Every choice of the cases that depend on unknowns. Raises Unsolved where there are too many."""
    if sum(map(size, equations)) > MAX_SIZE:
        raise Unsolved(f"the equations have more than {MAX_SIZE} operations")
    pending, found, seen = [Branch(equations)], [], 0
    while pending:
        branch = pending.pop()
        seen += 1
        if seen > 2 * MAX_BRANCHES:
            raise Unsolved(f"the equations have more than {MAX_BRANCHES} cases")
        one = _innermost(branch, unknowns)
        if one is None:
            found.append(branch)
            continue
        for worth, conditions, zeros in _options(one):
            chosen = _chosen(branch, one, worth, conditions, zeros)
            if chosen is not None:
                pending.append(chosen)
    return found


def _innermost(branch: Branch, unknowns: set[Expr]) -> Expr | None:
    """The smallest part with cases; there can be none within it."""
    parts = {
        part
        for one in (*branch.equations, *branch.conditions)
        for part in one.atoms(*CASES)
        if part.free_symbols & unknowns
    }
    return min(parts, key=lambda one: (size(one), sympy.default_sort_key(one)), default=None)


def _options(one: Expr) -> list[tuple[Expr, list[Condition], list[Expr]]]:
    """What a part may be worth: the value, the conditions, and what is zero then."""
    if isinstance(one, sympy.Abs):
        inside = one.args[0]
        return [(inside, [sympy.Ge(inside, 0)], []), (-inside, [sympy.Lt(inside, 0)], [])]
    if isinstance(one, sympy.sign):
        inside = one.args[0]
        above, below = sympy.Gt(inside, 0), sympy.Lt(inside, 0)
        return [(sympy.S.One, [above], []), (sympy.S.NegativeOne, [below], []), (sympy.S.Zero, [], [inside])]
    if isinstance(one, sympy.Max | sympy.Min):
        relation = sympy.Ge if isinstance(one, sympy.Max) else sympy.Le
        return [
            (part, [relation(part, other) for other in one.args if other != part], []) for part in one.args
        ]
    found: list[tuple[Expr, list[Condition], list[Expr]]] = []
    before: list[Condition] = []
    for value, condition in one.args:
        found.append((value, [condition, *map(sympy.Not, before)], []))
        before.append(condition)
    return found


def _chosen(
    branch: Branch, one: Expr, worth: Expr, conditions: list[Condition], zeros: list[Expr]
) -> Branch | None:
    """The branch with a part in its place; None where the conditions contradict themselves."""
    put = {one: worth}
    equations = [each.xreplace(put) for each in branch.equations]
    if any(each is sympy.nan or each.has(sympy.zoo) for each in equations):
        return None
    kept = dict.fromkeys(each.xreplace(put) for each in (*branch.conditions, *conditions))
    if sympy.false in kept:
        return None
    relations = [each for each in kept if isinstance(each, sympy.core.relational.Relational)]
    if any(each.negated in relations for each in relations):
        return None
    kept.pop(sympy.true, None)
    return replace(branch, equations=(*equations, *zeros), conditions=tuple(kept))


@dataclass
class Algebra:
    """Expressions as quotients of polynomials in unknowns, symbols and generators.

    roots: a generator for each root of what holds unknowns, inner ones first, with its index and what it is
    the root of; opaque: what generators stand for that hold no unknown.
    """

    unknowns: set[Expr]
    roots: list[tuple[Expr, int, Expr]] = field(default_factory=list)
    opaque: dict[Expr, Expr] = field(default_factory=dict)
    _known: dict[Any, Expr] = field(default_factory=dict)
    _names: Any = field(default_factory=count)

    def numerator(self, expression: Expr) -> Expr:
        """The numerator of an expression over one denominator, multiplied out. Raises Unsolved."""
        converted = self.convert(expression)
        if size(converted) > MAX_SIZE:
            raise Unsolved(f"an equation has more than {MAX_SIZE} operations")
        _check_growth(converted)
        return sympy.expand(sympy.fraction(sympy.together(converted))[0])

    def convert(self, one: Expr) -> Expr:
        """The expression with generators. Raises Unsolved where an unknown is in what is no root."""
        if one.is_Rational or one.is_Symbol:
            return one
        if one.is_Add or one.is_Mul:
            return one.func(*map(self.convert, one.args))
        if one.is_Pow and one.exp.is_Integer:
            if abs(one.exp) > MAX_DEGREE:
                raise Unsolved(f"an equation holds a power beyond {MAX_DEGREE}")
            return self.convert(one.base) ** one.exp
        if not one.free_symbols & self.unknowns:
            return self._opaque(one)
        if one.is_Pow and one.exp.is_Rational:
            return self._root(one.base, one.exp.q) ** one.exp.p
        raise Unsolved("an unknown stands in a function or an exponent that is not solved for")

    def back(self, expression: Expr) -> Expr:
        """What generators without unknowns stand for, in their places."""
        return expression.xreplace(self.opaque) if self.opaque else expression

    def opaque_roots(self) -> list[tuple[Expr, int, Expr]] | None:
        """What the generators in coefficients are roots of; None where one is no root of a fraction."""
        found = []
        for generator, one in self.opaque.items():
            if not (one.is_Pow and one.exp.is_Rational and one.base.is_Rational):
                return None
            found.append((generator, int(one.exp.q), one.base))
        return found

    def _opaque(self, one: Expr) -> Expr:
        if one.is_Pow and one.exp.is_Rational and one.base.is_Rational:
            root = sympy.Pow(one.base, sympy.Rational(1, one.exp.q))
            if root.is_Pow and root.base == one.base:
                return self._generator(root) ** one.exp.p
            if root != one and not root.is_Pow:
                return self.convert(root) ** one.exp.p
        return self._generator(one)

    def _generator(self, one: Expr) -> Expr:
        found = self._known.get(one)
        if found is None:
            found = self._known[one] = sympy.Symbol(f"#{next(self._names)}", real=True)
            self.opaque[found] = one
        return found

    def _root(self, base: Expr, index: int) -> Expr:
        key = base, index
        found = self._known.get(key)
        if found is None:
            inside = self.convert(base)  # first, so that inner roots come before outer ones
            if len(self.roots) == MAX_RADICALS:
                raise Unsolved(f"an equation holds more than {MAX_RADICALS} different roots")
            found = self._known[key] = sympy.Symbol(f"#{next(self._names)}", real=True)
            self.roots.append((found, index, inside))
        return found


def _check_growth(expression: Expr) -> None:
    """Raises Unsolved where multiplying out could take more terms than are worked with."""

    def terms(one: Expr) -> int:
        if one.is_Add:
            return min(sum(map(terms, one.args)), 10**7)
        if one.is_Mul:
            found = 1
            for part in one.args:
                found = min(found * terms(part), 10**7)
            return found
        if one.is_Pow and one.exp.is_Integer:
            many, power = terms(one.base), abs(int(one.exp))
            # Of a power of a sum in few symbols, like terms are put together.
            few = (power * (many - 1) + 1) ** min(len(one.base.free_symbols), 3)
            return int(min(many ** min(power, 20), few, 10**7))
        return 1

    if terms(expression) > 20_000:
        raise Unsolved("multiplying an equation out would take too many terms")


def relation_of(root: tuple[Expr, int, Expr]) -> Expr:
    """The polynomial that is zero for a generator: its power times a denominator, minus a numerator."""
    generator, index, inside = root
    above, below = sympy.fraction(sympy.together(inside))
    return sympy.expand(below * generator**index - above)


def eliminated(polynomial: Expr, unknown: Expr, roots: list[tuple[Expr, int, Expr]]) -> list[Expr]:
    """Polynomials without the generators of these roots: one of them is zero wherever the given one is.

    The resultant with what defines a generator is the product of the values for all roots that it could be,
    so it has more zeros than what came. Raises Unsolved where it grows too large, or vanishes.
    """
    if not roots:
        return [polynomial] if polynomial.has(unknown) else []
    pending = [polynomial] if polynomial.free_symbols & {unknown, *(root[0] for root in roots)} else []
    for root in reversed(roots):
        generator, relation = root[0], relation_of(root)
        done = []
        for one in pending:
            for part, _ in factors(one, unknown, generator):
                if not part.has(generator):
                    done.append(part)
                    continue
                below = checked(relation, unknown, generator).degree(unknown)
                above = sympy.Poly(part, unknown, generator)
                if above.degree(unknown) * root[1] + above.degree(generator) * below > 3 * MAX_DEGREE:
                    raise Unsolved(f"removing roots gives an equation of degree beyond {MAX_DEGREE}")
                without = sympy.expand(sympy.resultant(part, relation, generator))
                if without == 0:
                    raise Unsolved("removing roots leaves nothing of an equation")
                if without.has(unknown):
                    done.append(without)
        pending = list(dict.fromkeys(done))
    return pending
