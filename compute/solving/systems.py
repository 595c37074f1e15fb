"""Polynomial equations in several unknowns, by elimination: what is linear first, then resultants."""

from dataclasses import dataclass, field
from itertools import product

import sympy

from compute.solving.case_split import Algebra
from compute.solving.constants import sign
from compute.solving.roots import compared, factors, real_roots
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_DEPTH = 12
MAX_LEAVES = 200
MAX_PAIRS = 400
MAX_TOTAL_DEGREE = 24  # of what is factored in several unknowns


@dataclass(frozen=True)
class Leaf:
    """Values of some unknowns in terms of the others, which are free, and what has to hold then."""

    values: dict[Expr, Expr]
    conditions: tuple[Condition, ...]
    free: tuple[Expr, ...]


@dataclass
class Elimination:
    """Solves polynomials in unknowns; generators of roots count as unknowns.

    gaps: why something was not solved.
    """

    unknowns: tuple[Expr, ...]
    algebra: Algebra
    leaves: list[Leaf] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def solve(
        self,
        polynomials: list[Expr],
        values: dict[Expr, Expr] | None = None,
        conditions: tuple[Condition, ...] = (),
        depth: int = 0,
    ) -> None:
        """Find the leaves of a system; each choice of a factor and of a case is followed."""
        values = values or {}
        if depth > MAX_DEPTH or len(self.leaves) > MAX_LEAVES:
            self.gaps.append("the equations have too many cases")
            return
        rest = self._reduced(polynomials)
        if rest is None:
            return
        if not rest:
            self._leaf(values, conditions)
            return
        try:
            self._first(rest, values, conditions, depth)
        except Unsolved as reason:
            self.gaps.append(str(reason))

    def _reduced(self, polynomials: list[Expr]) -> list[Expr] | None:
        """The polynomials that are not zero; None where one never is zero."""
        found = []
        for one in dict.fromkeys(polynomials):
            if not one.free_symbols & set(self.unknowns):
                worth = self.algebra.back(one)
                if worth.free_symbols:
                    if sympy.expand(worth) != 0:
                        return None  # zero for some values of symbols at most, which are not chosen
                elif sign(worth) != 0:
                    return None
            else:
                found.append(one)
        return found

    def _first(
        self, rest: list[Expr], values: dict[Expr, Expr], conditions: tuple[Condition, ...], depth: int
    ) -> None:
        """Solve the simplest polynomial for an unknown, and the others after it."""
        ranked = sorted(rest, key=self._difficulty)
        simplest, others = ranked[0], ranked[1:]
        if sympy.Poly(simplest, *self._of(simplest)).total_degree() > MAX_TOTAL_DEGREE:
            raise Unsolved(f"equations in several unknowns are solved up to degree {MAX_TOTAL_DEGREE}")
        for factor, _ in factors(simplest, *self._of(simplest)):
            unknowns = self._of(factor)
            linear = self._linear(factor, unknowns)
            if linear is not None:
                self._substitute(factor, linear, others, values, conditions, depth)
            elif len(unknowns) == 1:
                self._rooted(factor, unknowns[0], others, values, conditions, depth)
            elif not others:
                self._curve(factor, unknowns, values, conditions)
            else:
                self._paired([factor, *others], values, conditions)

    def _difficulty(self, one: Expr) -> tuple[int, int, int]:
        symbols = self._of(one)
        linear = self._linear(one, symbols) is None
        return int(linear), len(symbols), len(sympy.Add.make_args(one))

    def _of(self, one: Expr) -> list[Expr]:
        return [symbol for symbol in self.unknowns if one.has(symbol)]

    def _linear(self, factor: Expr, unknowns: list[Expr]) -> tuple[Expr, Expr] | None:
        """An unknown of degree 1 and its coefficient, a constant one if there is any."""
        found = []
        for at, one in enumerate(unknowns):
            coefficients = sympy.Poly(factor, one).all_coeffs()
            if len(coefficients) == 2:
                lead = coefficients[0]
                found.append((bool(self._of(lead)), len(sympy.Add.make_args(lead)), at, one, lead))
        if not found:
            return None
        *_, unknown, lead = min(found, key=lambda each: each[:3])
        return unknown, lead

    def _substitute(
        self,
        factor: Expr,
        linear: tuple[Expr, Expr],
        others: list[Expr],
        values: dict[Expr, Expr],
        conditions: tuple[Condition, ...],
        depth: int,
    ) -> None:
        unknown, lead = linear
        without = sympy.expand(factor - lead * unknown)
        worth = -without / lead
        asked = compared(self.algebra.back(lead), sympy.Ne)
        if asked is not sympy.false:
            kept = conditions if asked is sympy.true else (*conditions, sympy.Ne(lead, 0))
            moved = [self._numerator(one, unknown, worth) for one in others]
            self.solve(moved, {**values, unknown: worth}, kept, depth + 1)
        if self._of(lead):
            self.solve([*others, sympy.expand(lead), without], values, conditions, depth + 1)

    def _numerator(self, one: Expr, unknown: Expr, worth: Expr) -> Expr:
        if not one.has(unknown):
            return one
        put = one.xreplace({unknown: worth})
        return self.algebra.numerator(put)

    def _rooted(
        self,
        factor: Expr,
        unknown: Expr,
        others: list[Expr],
        values: dict[Expr, Expr],
        conditions: tuple[Condition, ...],
        depth: int,
    ) -> None:
        roots = real_roots(factor, unknown, self.algebra.back)
        if roots.left:
            self.gaps.append(f"the roots of a factor in {unknown} have no form that is written")
        for root in roots.found:
            if root.value.has(sympy.CRootOf) and any(one.has(unknown) for one in others):
                self._paired([factor, *others], values, conditions)
                return
        for root in roots.found:
            moved = [self._numerator(one, unknown, root.value) for one in others]
            self.solve(moved, {**values, unknown: root.value}, (*conditions, *root.conditions), depth + 1)

    def _curve(
        self, factor: Expr, unknowns: list[Expr], values: dict[Expr, Expr], conditions: tuple[Condition, ...]
    ) -> None:
        """All zeros of one polynomial in several unknowns: solved for one of degree 2, or left as it is."""
        for unknown in unknowns:
            if sympy.Poly(factor, unknown).degree() != 2:
                continue
            a, b, c = sympy.Poly(factor, unknown).all_coeffs()
            if self._of(a):
                continue
            inside = self.algebra.back(sympy.factor(b**2 - 4 * a * c))
            if inside.is_negative:
                return
            if inside.is_nonpositive:  # real where it is zero alone
                self.solve([sympy.expand(b**2 - 4 * a * c)], {**values, unknown: -b / (2 * a)}, conditions, 1)
                return
            for root in (-sympy.sqrt(inside), sympy.sqrt(inside)):
                kept = (*conditions, sympy.Ge(inside, 0))
                self._leaf({**values, unknown: (-b + root) / (2 * a)}, kept)
            return
        self._leaf(values, (*conditions, sympy.Eq(factor, 0)))

    def _paired(
        self, system: list[Expr], values: dict[Expr, Expr], conditions: tuple[Condition, ...]
    ) -> None:
        """Two unknowns: the roots of both resultants, and their pairs that solve all. Raises Unsolved."""
        unknowns = [one for one in self.unknowns if any(part.has(one) for part in system)]
        if len(unknowns) != 2 or any(one.free_symbols - set(unknowns) for one in system):
            raise Unsolved("equations that are linear in no unknown are solved in two, and with numbers")
        first, second = unknowns
        sides = []
        for kept, removed in ((first, second), (second, first)):
            single = next((one for one in system if self._of(one) == [kept]), None)
            both = [one for one in system if one.has(removed)]
            if single is None:
                if len(both) < 2:
                    raise Unsolved("the equations do not determine their unknowns")
                single = sympy.expand(sympy.resultant(both[0], both[1], removed))
            if not single.has(kept):
                if single == 0:
                    raise Unsolved("two equations have a factor in common that is not separated")
                return
            sides.append([root.value for root in real_roots(single, kept).found])
        if len(sides[0]) * len(sides[1]) > MAX_PAIRS:
            raise Unsolved("the equations have too many candidates for solutions")
        for pair in product(*sides):
            put = dict(zip(unknowns, pair, strict=True))
            if all(sign(one.xreplace(put)) == 0 for one in system):
                self._leaf({**values, **put}, conditions)

    def _leaf(self, values: dict[Expr, Expr], conditions: tuple[Condition, ...]) -> None:
        """Take note of values, later ones put into earlier ones."""
        found: dict[Expr, Expr] = {}
        for unknown, worth in reversed(values.items()):
            found[unknown] = self.algebra.back(worth.xreplace(found))
        kept = tuple(self.algebra.back(one.xreplace(found)) for one in conditions)
        free = tuple(one for one in self.unknowns if one not in found)
        self.leaves.append(Leaf(found, kept, free))
