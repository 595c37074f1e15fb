"""Case splits: equations with absolute values, signs, maxima or cases as systems without them."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.roots import MAX_DEGREE, factorize, to_poly
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_BRANCHES = 128
MAX_SIZE = 6_000  # operations of all equations
MAX_RADICALS = 6
CASES = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise)


@dataclass(frozen=True)
class Branch:
    """Equations without cases, and the conditions under which they are equivalent to the original ones."""

    equations: tuple[Expr, ...]
    conditions: tuple[Condition, ...] = ()


def split_cases(equations: tuple[Expr, ...], unknowns: set[Expr]) -> list[Branch]:
    """Return a branch for every combination of cases that depend on unknowns.

    Raises Unsolved if there are too many.
    """
    if sum(map(size, equations)) > MAX_SIZE:
        raise Unsolved(f"the equations have more than {MAX_SIZE} operations")
    pending, result, tried = [Branch(equations)], [], 0
    while pending:
        branch = pending.pop()
        tried += 1
        if tried > 2 * MAX_BRANCHES:
            raise Unsolved(f"the equations have more than {MAX_BRANCHES} cases")
        part = _innermost_case(branch, unknowns)
        if part is None:
            result.append(branch)
            continue
        for value, conditions, zeros in _case_options(part):
            chosen = _choose_case(branch, part, value, conditions, zeros)
            if chosen is not None:
                pending.append(chosen)
    return result


def _innermost_case(branch: Branch, unknowns: set[Expr]) -> Expr | None:
    """Return the smallest case expression, which contains no other."""
    parts = {
        part
        for expression in (*branch.equations, *branch.conditions)
        for part in expression.atoms(*CASES)
        if part.free_symbols & unknowns
    }
    return min(parts, key=lambda part: (size(part), sympy.default_sort_key(part)), default=None)


def _case_options(expression: Expr) -> list[tuple[Expr, list[Condition], list[Expr]]]:
    """Return each value of a case expression with its conditions and the expressions that are then zero."""
    if isinstance(expression, sympy.Abs):
        inside = expression.args[0]
        return [(inside, [sympy.Ge(inside, 0)], []), (-inside, [sympy.Lt(inside, 0)], [])]
    if isinstance(expression, sympy.sign):
        inside = expression.args[0]
        above, below = sympy.Gt(inside, 0), sympy.Lt(inside, 0)
        return [(sympy.S.One, [above], []), (sympy.S.NegativeOne, [below], []), (sympy.S.Zero, [], [inside])]
    if isinstance(expression, sympy.Max | sympy.Min):
        relation = sympy.Ge if isinstance(expression, sympy.Max) else sympy.Le
        return [
            (part, [relation(part, other) for other in expression.args if other != part], [])
            for part in expression.args
        ]
    options: list[tuple[Expr, list[Condition], list[Expr]]] = []
    earlier: list[Condition] = []
    for value, condition in expression.args:
        options.append((value, [condition, *map(sympy.Not, earlier)], []))
        earlier.append(condition)
    return options


def _choose_case(
    branch: Branch, part: Expr, value: Expr, conditions: list[Condition], zeros: list[Expr]
) -> Branch | None:
    """Return the branch with a value for a case expression, or None if its conditions are contradictory."""
    substitution = {part: value}
    equations = [equation.xreplace(substitution) for equation in branch.equations]
    if any(equation is sympy.nan or equation.has(sympy.zoo) for equation in equations):
        return None
    all_conditions = (*branch.conditions, *conditions)
    kept = dict.fromkeys(condition.xreplace(substitution) for condition in all_conditions)
    if sympy.false in kept:
        return None
    relations = [condition for condition in kept if isinstance(condition, sympy.core.relational.Relational)]
    if any(relation.negated in relations for relation in relations):
        return None
    kept.pop(sympy.true, None)
    return replace(branch, equations=(*equations, *zeros), conditions=tuple(kept))


@dataclass
class Algebra:
    """Expressions as quotients of polynomials in unknowns, symbols and generators.

    roots: for each root of an expression with unknowns, inner roots first: its generator, its index, and its
        radicand.
    opaque: the expressions without unknowns that generators replace.
    """

    unknowns: set[Expr]
    roots: list[tuple[Expr, int, Expr]] = field(default_factory=list)
    opaque: dict[Expr, Expr] = field(default_factory=dict)
    _known: dict[Any, Expr] = field(default_factory=dict)
    _names: Any = field(default_factory=count)

    def numerator(self, expression: Expr) -> Expr:
        """Return the expanded numerator of an expression over a common denominator. Raises Unsolved."""
        converted = self.convert(expression)
        if size(converted) > MAX_SIZE:
            raise Unsolved(f"an equation has more than {MAX_SIZE} operations")
        _check_growth(converted)
        return sympy.expand(sympy.fraction(sympy.together(converted))[0])

    def convert(self, expression: Expr) -> Expr:
        """Return the expression in generators. Raises Unsolved if an unknown is inside anything but roots."""
        if expression.is_Rational or expression.is_Symbol:
            return expression
        if expression.is_Add or expression.is_Mul:
            return expression.func(*map(self.convert, expression.args))
        if expression.is_Pow and expression.exp.is_Integer:
            if abs(expression.exp) > MAX_DEGREE:
                raise Unsolved(f"an equation holds a power beyond {MAX_DEGREE}")
            return self.convert(expression.base) ** expression.exp
        if not expression.free_symbols & self.unknowns:
            return self._convert_opaque(expression)
        if expression.is_Pow and expression.exp.is_Rational:
            return self._root_generator(expression.base, expression.exp.q) ** expression.exp.p
        raise Unsolved("an unknown is inside a function or an exponent that is not supported")

    def restore(self, expression: Expr) -> Expr:
        """Substitute the expressions without unknowns back for their generators."""
        return expression.xreplace(self.opaque) if self.opaque else expression

    def opaque_roots(self) -> list[tuple[Expr, int, Expr]] | None:
        """Return the roots that generators in coefficients stand for; None if one is not such a root."""
        roots = []
        for generator, expression in self.opaque.items():
            if not (expression.is_Pow and expression.exp.is_Rational and expression.base.is_Rational):
                return None
            roots.append((generator, int(expression.exp.q), expression.base))
        return roots

    def _convert_opaque(self, expression: Expr) -> Expr:
        if expression.is_Pow and expression.exp.is_Rational and expression.base.is_Rational:
            root = sympy.Pow(expression.base, sympy.Rational(1, expression.exp.q))
            if root.is_Pow and root.base == expression.base:
                return self._new_generator(root) ** expression.exp.p
            if root != expression and not root.is_Pow:
                return self.convert(root) ** expression.exp.p
        return self._new_generator(expression)

    def _new_generator(self, expression: Expr) -> Expr:
        generator = self._known.get(expression)
        if generator is None:
            generator = self._known[expression] = sympy.Symbol(f"#{next(self._names)}", real=True)
            self.opaque[generator] = expression
        return generator

    def _root_generator(self, base: Expr, index: int) -> Expr:
        key = base, index
        generator = self._known.get(key)
        if generator is None:
            radicand = self.convert(base)  # first, so that inner roots precede outer ones
            if len(self.roots) == MAX_RADICALS:
                raise Unsolved(f"an equation holds more than {MAX_RADICALS} different roots")
            generator = self._known[key] = sympy.Symbol(f"#{next(self._names)}", real=True)
            self.roots.append((generator, index, radicand))
        return generator


def _check_growth(expression: Expr) -> None:
    """Raise Unsolved if expanding could produce too many terms."""

    def count_terms(term: Expr) -> int:
        if term.is_Add:
            return min(sum(map(count_terms, term.args)), 10**7)
        if term.is_Mul:
            product = 1
            for part in term.args:
                product = min(product * count_terms(part), 10**7)
            return product
        if term.is_Pow and term.exp.is_Integer:
            term_count, power = count_terms(term.base), abs(int(term.exp))
            # In few symbols, like terms of a power of a sum are combined.
            bound = (power * (term_count - 1) + 1) ** min(len(term.base.free_symbols), 3)
            return int(min(term_count ** min(power, 20), bound, 10**7))
        return 1

    if count_terms(expression) > 20_000:
        raise Unsolved("expanding an equation would take too many terms")


def relation_of(root: tuple[Expr, int, Expr]) -> Expr:
    """Return the polynomial that is zero for a generator.

    It is the generator's power times the radicand's denominator, minus its numerator.
    """
    generator, index, radicand = root
    numerator, denominator = sympy.fraction(sympy.together(radicand))
    return sympy.expand(denominator * generator**index - numerator)


def eliminate_roots(polynomial: Expr, unknown: Expr, roots: list[tuple[Expr, int, Expr]]) -> list[Expr]:
    """Return polynomials without the generators of these roots.

    One of them is zero wherever the given one is. The resultant with the relation of a generator is a product
    over all its conjugates, so it has more zeros than the original. Raises Unsolved if it grows too large or
    vanishes.
    """
    if not roots:
        return [polynomial] if polynomial.has(unknown) else []
    pending = [polynomial] if polynomial.free_symbols & {unknown, *(root[0] for root in roots)} else []
    for root in reversed(roots):
        generator, relation = root[0], relation_of(root)
        done = []
        for current in pending:
            for part, _ in factorize(current, unknown, generator):
                if not part.has(generator):
                    done.append(part)
                    continue
                relation_degree = to_poly(relation, unknown, generator).degree(unknown)
                part_poly = sympy.Poly(part, unknown, generator)
                if (
                    part_poly.degree(unknown) * root[1] + part_poly.degree(generator) * relation_degree
                    > 3 * MAX_DEGREE
                ):
                    raise Unsolved(f"removing roots gives an equation of degree beyond {MAX_DEGREE}")
                resultant = sympy.expand(sympy.resultant(part, relation, generator))
                if resultant == 0:
                    raise Unsolved("removing roots leaves nothing of an equation")
                if resultant.has(unknown):
                    done.append(resultant)
        pending = list(dict.fromkeys(done))
    return pending
