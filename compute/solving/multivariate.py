"""Equations in several unknowns: isolated solutions, and families with free unknowns."""

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.case_split import Algebra, Branch, relation_of, split_cases
from compute.solving.checking import find_conditions, merge_conditions, simplify_condition
from compute.solving.constants import simplest_form, truth
from compute.solving.regions import substitute
from compute.solving.roots import MAX_SYMBOLIC_DEGREE
from compute.solving.solutions import Condition, Expr, Family, Solution, SolutionSet, Unsolved
from compute.solving.systems import Elimination, Leaf

MAX_UNKNOWNS = 6


def solve_multivariate(equations: tuple[Expr, ...], unknowns: tuple[Expr, ...]) -> SolutionSet:
    """Return all real solutions in several unknowns. Raises Unsolved."""
    if len(unknowns) > MAX_UNKNOWNS:
        raise Unsolved(f"at most {MAX_UNKNOWNS} unknowns can be solved for together")
    unknown_set = set(unknowns)
    solutions: dict[tuple[Expr, ...], Solution] = {}
    families: dict[Family, None] = {}
    factored: tuple[Expr, ...] = ()
    gaps: dict[str, None] = {}
    all_branches = split_cases(equations, unknown_set)
    for branch in all_branches:
        algebra = Algebra(unknown_set)
        try:
            polynomials = [algebra.numerator(equation) for equation in branch.equations]
        except Unsolved as reason:
            gaps[str(reason)] = None
            continue
        if len(all_branches) == 1 and not algebra.roots:
            factored = tuple(_factor_small(algebra.restore(polynomial)) for polynomial in polynomials)
        roots = _root_expressions(algebra)
        elimination = Elimination((*unknowns, *roots), algebra)
        elimination.solve([*polynomials, *map(relation_of, algebra.roots)])
        gaps.update(dict.fromkeys(elimination.gaps))
        for leaf in elimination.leaves:
            try:
                outcome = _check_leaf(leaf, branch, unknowns, roots)
            except Unsolved as reason:
                outcome = str(reason)
            if isinstance(outcome, Solution):
                solutions.setdefault(tuple(outcome.values.values()), outcome)
            elif isinstance(outcome, Family):
                families[outcome] = None
            elif isinstance(outcome, str):
                gaps[outcome] = None
    isolated = tuple(
        solution
        for solution in solutions.values()
        if not any(_is_member(solution, family, unknowns) for family in families)
    )
    return _describe(isolated, tuple(families), factored, list(gaps), unknowns)


def _factor_small(polynomial: Expr) -> Expr:
    """Factor a polynomial if it is small."""
    is_small = len(polynomial.free_symbols) <= 7 and size(polynomial) < 1_000
    if is_small and sympy.Poly(polynomial, *polynomial.free_symbols).total_degree() <= MAX_SYMBOLIC_DEGREE:
        return sympy.factor(polynomial)
    return polynomial


def _check_leaf(
    leaf: Leaf, branch: Branch, unknowns: tuple[Expr, ...], generators: dict[Expr, Expr]
) -> Solution | Family | str | None:
    """Return a leaf as a checked solution or family; None if it solves nothing; text: why it is open."""
    if generators:
        leaf = _without_generators(leaf, generators, set(unknowns))
    values = {unknown: simplest_form(leaf.values[unknown]) for unknown in unknowns if unknown in leaf.values}
    if any(value.has(sympy.nan, sympy.zoo) for value in values.values()):
        return None
    free = tuple(unknown for unknown in unknowns if unknown not in values)
    is_implicit = any(isinstance(condition, sympy.Eq) for condition in leaf.conditions)
    if generators and (is_implicit or len(leaf.free) != len(free)):
        return "equations with roots leave more than one unknown free"
    required = find_conditions(values, branch, set(unknowns), known_zero=is_implicit, given=leaf.conditions)
    if required is None:
        return None
    conditions: dict[Condition, None] = {}
    for condition in (*leaf.conditions, *required):
        simplified = simplify_condition(condition)
        if simplified is sympy.false:
            return None
        if simplified is not sympy.true and not _holds_by_assumption(simplified):
            conditions[simplified] = None
    all_conditions = merge_conditions(tuple(conditions))
    if sympy.false in all_conditions:
        return None
    if not free:
        return Solution(
            {unknown.name: value for unknown, value in values.items()}, None, True, all_conditions
        )
    relations = [sympy.Eq(unknown, value, evaluate=False) for unknown, value in values.items()]
    return Family((*relations, *all_conditions), tuple(unknown.name for unknown in free))


def _root_expressions(algebra: Algebra) -> dict[Expr, Expr]:
    """Return the roots that generators stand for, in terms of unknowns."""
    expressions: dict[Expr, Expr] = {}
    for generator, index, radicand in algebra.roots:
        expressions[generator] = sympy.Pow(
            algebra.restore(radicand.xreplace(expressions)), sympy.Rational(1, index)
        )
    return expressions


def _without_generators(leaf: Leaf, generators: dict[Expr, Expr], unknowns: set[Expr]) -> Leaf:
    """Eliminate free generators of a leaf by making an unknown in their root free instead."""
    values, conditions = dict(leaf.values), leaf.conditions
    for generator in leaf.free:
        if generator not in generators:
            continue
        linear_in = next((unknown for unknown, value in values.items() if _is_line(value, generator)), None)
        if linear_in is not None:  # replace the root itself by an unknown
            slope = values[linear_in].coeff(generator)
            root = {generator: (linear_in - sympy.expand(values[linear_in] - slope * generator)) / slope}
            del values[linear_in]
            values = {unknown: value.xreplace(root) for unknown, value in values.items()}
            conditions = (
                *(condition.xreplace(root) for condition in conditions),
                sympy.Ge(root[generator], 0),
            )
            continue
        unknowns_inside = generators[generator].free_symbols & unknowns
        candidates = sorted(
            (unknown for unknown in unknowns_inside if unknown in values and values[unknown].has(generator)),
            key=lambda unknown: unknown.name,
        )
        if candidates and len(unknowns_inside & set(values)) == 1:
            root = {generator: generators[generator]}
            del values[candidates[0]]
            values = {unknown: value.xreplace(root) for unknown, value in values.items()}
            conditions = tuple(condition.xreplace(root) for condition in conditions)
    free = tuple(unknown for unknown in unknowns if unknown not in values and unknown not in generators)
    remaining = tuple(
        symbol
        for symbol in leaf.free
        if symbol in generators and any(value.has(symbol) for value in values.values())
    )
    return Leaf(values, conditions, (*free, *remaining))


def _is_line(expression: Expr, symbol: Expr) -> bool:
    """Return whether an expression is a fraction times a symbol, plus a fraction."""
    slope = expression.coeff(symbol)
    rest = expression - slope * symbol
    return bool(slope.is_Rational and slope != 0 and rest.is_Rational)


def _holds_by_assumption(condition: Condition) -> bool:
    """Return whether a condition holds by the assumptions on its symbols."""
    if isinstance(condition, sympy.Ne):
        return bool((condition.lhs - condition.rhs).is_nonzero)
    if isinstance(condition, sympy.Ge):
        return bool((condition.lhs - condition.rhs).is_nonnegative)
    return isinstance(condition, sympy.Gt) and bool((condition.lhs - condition.rhs).is_positive)


def _is_member(solution: Solution, family: Family, unknowns: tuple[Expr, ...]) -> bool:
    values = {unknown: solution.values[unknown.name] for unknown in unknowns}
    return all(truth(substitute(relation, values)) for relation in family.relations)


def _describe(
    solutions: tuple[Solution, ...],
    families: tuple[Family, ...],
    factored: tuple[Expr, ...],
    gaps: list[str],
    unknowns: tuple[Expr, ...],
) -> SolutionSet:
    names = " and ".join(unknown.name for unknown in unknowns)
    if gaps:
        how = f"These may not be all solutions: {gaps[0]}."
    elif families:
        how = "The equations leave unknowns free: each factor gives a relation between them."
    elif solutions:
        how = "Unknowns were eliminated one after another, and every solution checked."
    else:
        how = f"No real values of {names} that are allowed solve the equations."
    return SolutionSet(solutions, families, factored, not gaps, how)
