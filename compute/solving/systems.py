"""Polynomial equations in several unknowns, by elimination: linear unknowns first, then resultants."""

from dataclasses import dataclass, field
from itertools import product

import sympy

from compute.solving.case_split import Algebra
from compute.solving.constants import sign
from compute.solving.roots import compare_with_zero, factorize, real_roots
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_DEPTH = 12
MAX_LEAVES = 200
MAX_PAIRS = 400
MAX_TOTAL_DEGREE = 24  # of a polynomial that is factored in several unknowns


@dataclass(frozen=True)
class Leaf:
    """Values of some unknowns in terms of the others, which are free, and the conditions for them."""

    values: dict[Expr, Expr]
    conditions: tuple[Condition, ...]
    free: tuple[Expr, ...]


@dataclass
class Elimination:
    """Solves polynomials in unknowns, among which it counts generators of roots.

    gaps: reasons why there may be more solutions.
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
        """Find the leaves of a system, following every choice of a factor and of a case."""
        values = values or {}
        if depth > MAX_DEPTH or len(self.leaves) > MAX_LEAVES:
            self.gaps.append("the equations have too many cases")
            return
        remaining = self._drop_zeros(polynomials)
        if remaining is None:
            return
        if not remaining:
            self._add_leaf(values, conditions)
            return
        try:
            self._eliminate_simplest(remaining, values, conditions, depth)
        except Unsolved as reason:
            self.gaps.append(str(reason))

    def _drop_zeros(self, polynomials: list[Expr]) -> list[Expr] | None:
        """Return the polynomials that are not zero; None if one is never zero."""
        remaining = []
        for polynomial in dict.fromkeys(polynomials):
            if not polynomial.free_symbols & set(self.unknowns):
                constant = self.algebra.restore(polynomial)
                if constant.free_symbols:
                    if sympy.expand(constant) != 0:
                        return None  # zero for special values of symbols at most
                elif sign(constant) != 0:
                    return None
            else:
                remaining.append(polynomial)
        return remaining

    def _eliminate_simplest(
        self, polynomials: list[Expr], values: dict[Expr, Expr], conditions: tuple[Condition, ...], depth: int
    ) -> None:
        """Solve the simplest polynomial for an unknown, then the others."""
        ranked = sorted(polynomials, key=self._difficulty)
        simplest, others = ranked[0], ranked[1:]
        if sympy.Poly(simplest, *self._unknowns_in(simplest)).total_degree() > MAX_TOTAL_DEGREE:
            raise Unsolved(f"equations in several unknowns are solved up to degree {MAX_TOTAL_DEGREE}")
        for factor, _ in factorize(simplest, *self._unknowns_in(simplest)):
            unknowns = self._unknowns_in(factor)
            linear = self._find_linear(factor, unknowns)
            if linear is not None:
                self._substitute(factor, linear, others, values, conditions, depth)
            elif len(unknowns) == 1:
                self._substitute_roots(factor, unknowns[0], others, values, conditions, depth)
            elif not others:
                self._solve_curve(factor, unknowns, values, conditions)
            else:
                self._solve_pair([factor, *others], values, conditions)

    def _difficulty(self, polynomial: Expr) -> tuple[int, int, int]:
        symbols = self._unknowns_in(polynomial)
        is_nonlinear = self._find_linear(polynomial, symbols) is None
        return int(is_nonlinear), len(symbols), len(sympy.Add.make_args(polynomial))

    def _unknowns_in(self, expression: Expr) -> list[Expr]:
        return [symbol for symbol in self.unknowns if expression.has(symbol)]

    def _find_linear(self, factor: Expr, unknowns: list[Expr]) -> tuple[Expr, Expr] | None:
        """Return an unknown of degree 1 and its coefficient, preferably a constant one."""
        candidates = []
        for index, unknown in enumerate(unknowns):
            coefficients = sympy.Poly(factor, unknown).all_coeffs()
            if len(coefficients) == 2:
                lead = coefficients[0]
                rank = (bool(self._unknowns_in(lead)), len(sympy.Add.make_args(lead)), index)
                candidates.append((rank, unknown, lead))
        if not candidates:
            return None
        _, unknown, lead = min(candidates, key=lambda candidate: candidate[0])
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
        rest = sympy.expand(factor - lead * unknown)
        value = -rest / lead
        lead_is_nonzero = compare_with_zero(self.algebra.restore(lead), sympy.Ne)
        if lead_is_nonzero is not sympy.false:
            kept = conditions if lead_is_nonzero is sympy.true else (*conditions, sympy.Ne(lead, 0))
            substituted = [self._substitute_numerator(other, unknown, value) for other in others]
            self.solve(substituted, {**values, unknown: value}, kept, depth + 1)
        if self._unknowns_in(lead):
            self.solve([*others, sympy.expand(lead), rest], values, conditions, depth + 1)

    def _substitute_numerator(self, polynomial: Expr, unknown: Expr, value: Expr) -> Expr:
        if not polynomial.has(unknown):
            return polynomial
        substituted = polynomial.xreplace({unknown: value})
        return self.algebra.numerator(substituted)

    def _substitute_roots(
        self,
        factor: Expr,
        unknown: Expr,
        others: list[Expr],
        values: dict[Expr, Expr],
        conditions: tuple[Condition, ...],
        depth: int,
    ) -> None:
        roots = real_roots(factor, unknown, self.algebra.restore)
        if roots.unsolved:
            self.gaps.append(f"the roots of a factor in {unknown} have no closed form")
        for root in roots.roots:
            if root.value.has(sympy.CRootOf) and any(other.has(unknown) for other in others):
                self._solve_pair([factor, *others], values, conditions)
                return
        for root in roots.roots:
            substituted = [self._substitute_numerator(other, unknown, root.value) for other in others]
            self.solve(
                substituted, {**values, unknown: root.value}, (*conditions, *root.conditions), depth + 1
            )

    def _solve_curve(
        self, factor: Expr, unknowns: list[Expr], values: dict[Expr, Expr], conditions: tuple[Condition, ...]
    ) -> None:
        """Solve one polynomial in several unknowns for one of degree 2, or leave it implicit."""
        for unknown in unknowns:
            if sympy.Poly(factor, unknown).degree() != 2:
                continue
            a, b, c = sympy.Poly(factor, unknown).all_coeffs()
            if self._unknowns_in(a):
                continue
            discriminant = self.algebra.restore(sympy.factor(b**2 - 4 * a * c))
            if discriminant.is_negative:
                return
            if discriminant.is_nonpositive:  # real only where it is zero
                self.solve([sympy.expand(b**2 - 4 * a * c)], {**values, unknown: -b / (2 * a)}, conditions, 1)
                return
            for root in (-sympy.sqrt(discriminant), sympy.sqrt(discriminant)):
                kept = (*conditions, sympy.Ge(discriminant, 0))
                self._add_leaf({**values, unknown: (-b + root) / (2 * a)}, kept)
            return
        self._add_leaf(values, (*conditions, sympy.Eq(factor, 0)))

    def _solve_pair(
        self, system: list[Expr], values: dict[Expr, Expr], conditions: tuple[Condition, ...]
    ) -> None:
        """Solve for two unknowns: pair the roots of both resultants and test each pair. Raises Unsolved."""
        unknowns = [unknown for unknown in self.unknowns if any(part.has(unknown) for part in system)]
        if len(unknowns) != 2 or any(part.free_symbols - set(unknowns) for part in system):
            raise Unsolved("nonlinear equations are solved in two unknowns only, and without other symbols")
        first, second = unknowns
        sides = []
        for kept, removed in ((first, second), (second, first)):
            resultant = next((part for part in system if self._unknowns_in(part) == [kept]), None)
            with_removed = [part for part in system if part.has(removed)]
            if resultant is None:
                if len(with_removed) < 2:
                    raise Unsolved("the equations do not determine their unknowns")
                resultant = sympy.expand(sympy.resultant(with_removed[0], with_removed[1], removed))
            if not resultant.has(kept):
                if resultant == 0:
                    raise Unsolved("two equations have a common factor that is not separated")
                return
            sides.append([root.value for root in real_roots(resultant, kept).roots])
        if len(sides[0]) * len(sides[1]) > MAX_PAIRS:
            raise Unsolved("the equations have too many candidates for solutions")
        for pair in product(*sides):
            candidate = dict(zip(unknowns, pair, strict=True))
            if all(sign(part.xreplace(candidate)) == 0 for part in system):
                self._add_leaf({**values, **candidate}, conditions)

    def _add_leaf(self, values: dict[Expr, Expr], conditions: tuple[Condition, ...]) -> None:
        """Add a leaf, substituting later values into earlier ones."""
        resolved: dict[Expr, Expr] = {}
        for unknown, value in reversed(values.items()):
            resolved[unknown] = self.algebra.restore(value.xreplace(resolved))
        resolved_conditions = tuple(
            self.algebra.restore(condition.xreplace(resolved)) for condition in conditions
        )
        free = tuple(unknown for unknown in self.unknowns if unknown not in resolved)
        self.leaves.append(Leaf(resolved, resolved_conditions, free))
