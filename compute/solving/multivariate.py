"""Solving equations in several unknowns: points, and families that leave some of them free."""

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.case_split import Algebra, Branch, branches, relation_of
from compute.solving.checking import conditions_on, decided, joined
from compute.solving.constants import plainest, truth
from compute.solving.regions import put
from compute.solving.roots import MAX_SYMBOLIC_DEGREE
from compute.solving.solutions import Condition, Expr, Family, Found, Solution, Unsolved
from compute.solving.systems import Elimination, Leaf

MAX_UNKNOWNS = 6


def several(equations: tuple[Expr, ...], unknowns: tuple[Expr, ...]) -> Found:
    """All real solutions in several unknowns. Raises Unsolved."""
    if len(unknowns) > MAX_UNKNOWNS:
        raise Unsolved(f"at most {MAX_UNKNOWNS} unknowns are solved for together")
    asked = set(unknowns)
    solutions: dict[tuple[Expr, ...], Solution] = {}
    families: dict[Family, None] = {}
    factored: tuple[Expr, ...] = ()
    gaps: dict[str, None] = {}
    parts = branches(equations, asked)
    for branch in parts:
        algebra = Algebra(asked)
        try:
            polynomials = [algebra.numerator(one) for one in branch.equations]
        except Unsolved as reason:
            gaps[str(reason)] = None
            continue
        if len(parts) == 1 and not algebra.roots:
            factored = tuple(_product(algebra.back(one)) for one in polynomials)
        roots = _stands_for(algebra)
        elimination = Elimination((*unknowns, *roots), algebra)
        elimination.solve([*polynomials, *map(relation_of, algebra.roots)])
        gaps.update(dict.fromkeys(elimination.gaps))
        for leaf in elimination.leaves:
            try:
                found = _kept(leaf, branch, unknowns, roots)
            except Unsolved as reason:
                found = str(reason)
            if isinstance(found, Solution):
                solutions.setdefault(tuple(found.values.values()), found)
            elif isinstance(found, Family):
                families[found] = None
            elif isinstance(found, str):
                gaps[found] = None
    alone = tuple(one for one in solutions.values() if not any(_within(one, f, unknowns) for f in families))
    return _said(alone, tuple(families), factored, list(gaps), unknowns)


def _product(polynomial: Expr) -> Expr:
    few = len(polynomial.free_symbols) <= 7 and size(polynomial) < 1_000
    if few and sympy.Poly(polynomial, *polynomial.free_symbols).total_degree() <= MAX_SYMBOLIC_DEGREE:
        return sympy.factor(polynomial)
    return polynomial


def _kept(
    leaf: Leaf, branch: Branch, unknowns: tuple[Expr, ...], generators: dict[Expr, Expr]
) -> Solution | Family | str | None:
    """A leaf as a solution or a family, once it is checked; None where it solves nothing; text: why not."""
    if generators:
        leaf = _without_generators(leaf, generators, set(unknowns))
    values = {one: plainest(leaf.values[one]) for one in unknowns if one in leaf.values}
    if any(one.has(sympy.nan, sympy.zoo) for one in values.values()):
        return None
    free = tuple(one for one in unknowns if one not in values)
    implicit = any(isinstance(one, sympy.Eq) for one in leaf.conditions)
    if generators and (implicit or len(leaf.free) != len(free)):
        return "equations with roots leave more than one unknown open"
    asked = conditions_on(values, branch, set(unknowns), known_zero=implicit, given=leaf.conditions)
    if asked is None:
        return None
    conditions: dict[Condition, None] = {}
    for one in (*leaf.conditions, *asked):
        short = decided(one)
        if short is sympy.false:
            return None
        if short is not sympy.true and not _assumed(short):
            conditions[short] = None
    together = joined(tuple(conditions))
    if sympy.false in together:
        return None
    if not free:
        return Solution(
            {one.name: worth for one, worth in values.items()}, None, True, joined(tuple(conditions))
        )
    relations = [sympy.Eq(one, worth, evaluate=False) for one, worth in values.items()]
    return Family((*relations, *together), tuple(one.name for one in free))


def _stands_for(algebra: Algebra) -> dict[Expr, Expr]:
    """The roots that generators stand for, in unknowns."""
    found: dict[Expr, Expr] = {}
    for generator, index, inside in algebra.roots:
        found[generator] = sympy.Pow(algebra.back(inside.xreplace(found)), sympy.Rational(1, index))
    return found


def _without_generators(leaf: Leaf, generators: dict[Expr, Expr], unknowns: set[Expr]) -> Leaf:
    """A leaf where a generator is free and an unknown in its root is not, with the unknown free instead."""
    values, conditions = dict(leaf.values), leaf.conditions
    for generator in leaf.free:
        if generator not in generators:
            continue
        line = next((one for one, worth in values.items() if _is_line(worth, generator)), None)
        if line is not None:  # an unknown in the place of the root itself
            slope = values[line].coeff(generator)
            root = {generator: (line - sympy.expand(values[line] - slope * generator)) / slope}
            del values[line]
            values = {one: worth.xreplace(root) for one, worth in values.items()}
            conditions = (*(one.xreplace(root) for one in conditions), sympy.Ge(root[generator], 0))
            continue
        inside = generators[generator].free_symbols & unknowns
        given = sorted(
            (one for one in inside if one in values and values[one].has(generator)), key=lambda one: one.name
        )
        if given and len(inside & set(values)) == 1:
            root = {generator: generators[generator]}
            del values[given[0]]
            values = {one: worth.xreplace(root) for one, worth in values.items()}
            conditions = tuple(one.xreplace(root) for one in conditions)
    free = tuple(one for one in (*unknowns, *generators) if one not in values and one not in generators)
    left = tuple(
        one for one in leaf.free if one in generators and any(each.has(one) for each in values.values())
    )
    return Leaf(values, conditions, (*free, *left))


def _is_line(worth: Expr, symbol: Expr) -> bool:
    """Whether it is a fraction times a symbol, and a fraction."""
    slope = worth.coeff(symbol)
    rest = worth - slope * symbol
    return bool(slope.is_Rational and slope != 0 and rest.is_Rational)


def _assumed(condition: Condition) -> bool:
    """Whether a condition holds by what is assumed of its symbols."""
    if isinstance(condition, sympy.Ne):
        return bool((condition.lhs - condition.rhs).is_nonzero)
    if isinstance(condition, sympy.Ge):
        return bool((condition.lhs - condition.rhs).is_nonnegative)
    return isinstance(condition, sympy.Gt) and bool((condition.lhs - condition.rhs).is_positive)


def _within(solution: Solution, family: Family, unknowns: tuple[Expr, ...]) -> bool:
    values = {one: solution.values[one.name] for one in unknowns}
    return all(truth(put(one, values)) for one in family.relations)


def _said(
    solutions: tuple[Solution, ...],
    families: tuple[Family, ...],
    factored: tuple[Expr, ...],
    gaps: list[str],
    unknowns: tuple[Expr, ...],
) -> Found:
    names = " and ".join(one.name for one in unknowns)
    if gaps:
        how = f"These may not be all solutions: {gaps[0]}."
    elif families:
        how = "The equations leave unknowns free: each factor gives a relation between them."
    elif solutions:
        how = "Unknowns were eliminated one after another, and every solution checked."
    else:
        how = f"No real values of {names} that are allowed solve the equations."
    return Found(solutions, families, factored, not gaps, how)
