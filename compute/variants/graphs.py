"""Variants of operations and programs: their named values and constraints."""

from collections.abc import Iterator, Sequence

from compute.arithmetic.namespace import Array
from compute.grading.explanations import Variant
from compute.grading.graphs import GraphComputation
from compute.grading.rubrics import Rubric
from compute.variants.constraints import (
    Constraint,
    Wanted,
    constrain_difficulty,
    constrain_finite,
    constrain_mistakes,
    constrain_norms,
)
from compute.variants.measures import has_few_digits
from compute.variants.steps import computed_names, friendly_names, has_ties, is_saturated


def graph_values(computation: GraphComputation) -> Iterator[tuple[str, Array]]:
    """Yield the computed values that are numbers, by name."""
    return _named_values(computation, computed_names(computation.plan.graph))


def graph_constraints(
    wanted: Wanted, template: GraphComputation, mistakes: Sequence[Variant], rubric: Rubric
) -> Iterator[Constraint]:
    """Yield the constraints on variants of an operation or a program, the cheap ones first."""
    yield from constrain_norms(wanted)
    yield constrain_finite(template, graph_values)
    if wanted.friendly:
        names, digits = friendly_names(template.plan.graph), wanted.friendly
        yield Constraint("friendly", lambda computation, _: all(
            has_few_digits(array, digits) for _, array in _named_values(computation, names)))  # fmt: skip
    if wanted.like_template:
        yield from constrain_difficulty(template, graph_values)
        if not _is_saturated(template):
            yield Constraint("difficulty:saturation", lambda computation, _: not _is_saturated(computation))
    if wanted.no_ties:
        yield Constraint(
            "no_ties", lambda computation, _: not has_ties(computation.plan.graph, computation.base)
        )
    if wanted.no_saturation:
        yield Constraint("no_saturation", lambda computation, _: not _is_saturated(computation))
    yield from constrain_mistakes(wanted, template, mistakes, rubric)


def _named_values(computation: GraphComputation, names: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """Yield the computed values of numbers among some names."""
    table, graph = computation.base, computation.plan.graph
    for name in names:
        found = table.get(graph.names[name].index)
        if found is not None and found.dtype.kind == "f":
            yield name, found


def _is_saturated(computation: GraphComputation) -> bool:
    return is_saturated(computation.plan.graph, computation.base)
