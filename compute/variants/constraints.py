"""Constraints on a variant: each is checked on its computed values and has a name that failures count."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.checking import largest_distance
from compute.grading.computations import Slot
from compute.grading.explanations import Variant
from compute.grading.graphs import GraphComputation
from compute.grading.marking import TOLD_APART
from compute.grading.rubrics import Rubric
from compute.graph.graph import Graph, Value
from compute.variants.measures import FEW, has_few_digits, measure

Inputs = Mapping[str, Array]
Check = Callable[[GraphComputation, Inputs], bool]
WITHIN = 2.0  # factor by which the largest number may differ from the template's
SURE = 0.999  # weights of a softmax and outputs of a gate beyond this are saturated
ENDLESS = frozenset((
    "softmax", "log_softmax", "softmax_jacobian", "exp", "log", "log1p", "expm1", "sigmoid", "tanh", "sin",
    "cos", "entropy_term", "log_probability", "logit_surprise", "class_surprise", "rnn_scan", "lstm_scan",
    "gru_scan", "frequencies",
    "log_relu", "elu", "celu", "selu", "silu", "gelu", "mish", "erf", "log_sigmoid", "softplus", "tanhshrink",
    "scaled_tanh",
))  # fmt: skip
"""Primitives whose results have endless digits for most operands; friendly values come before them."""
SOFTMAXES = frozenset({"softmax", "log_softmax"})
MOVES = frozenset({"clear_masked", "masked_fill", "reshape", "expand_dims", "transpose"})
KINKS = frozenset({"relu", "log_relu", "relu6", "positive_part", "leaky_relu", "prelu", "absolute"})
GATES = frozenset({"softmax", "sigmoid", "tanh"})
MAXIMA = frozenset({"max_pool", "winners", "hardmax", "argmax"})


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on a variant. name: public."""

    name: str
    holds: Check


@dataclass(frozen=True, slots=True)
class Wanted:
    """The constraints that a request asks for.

    friendly: the most significant digits of values before functions with endless digits; 0 for any.
    integer_norms: inputs whose rows, along the last axis, have lengths that are integers.
    distinguishes: the known mistakes that have to be told apart: those that the template tells apart, all,
        none, or some codes.
    like_template: whether the difficulty has to be the template's.
    """

    friendly: int = 0
    integer_norms: tuple[str, ...] = ()
    no_ties: bool = False
    no_saturation: bool = False
    like_template: bool = True
    distinguishes: Literal["template", "all", "none"] | tuple[str, ...] = "template"


def constraints(
    wanted: Wanted, template: GraphComputation, mistakes: Sequence[Variant], rubric: Rubric
) -> Iterator[Constraint]:
    """Yield the constraints of a request, the cheap ones first."""
    graph = template.plan.graph
    for name in wanted.integer_norms:
        yield Constraint(f"integer_norms:{name}", partial(_has_integer_norms, name))
    yield Constraint("finite", _stays_finite(template))
    if wanted.friendly:
        names, digits = friendly_names(graph), wanted.friendly
        yield Constraint("friendly", lambda computation, _: all(
            has_few_digits(array, digits) for _, array in named_values(computation, names)))  # fmt: skip
    if wanted.like_template:
        yield from _difficulty(template)
    if wanted.no_ties:
        yield Constraint("no_ties", lambda computation, _: not _has_ties(computation))
    if wanted.no_saturation:
        yield Constraint("no_saturation", lambda computation, _: not _is_saturated(computation))
    for variant in mistakes:
        code = variant.mistakes[0].code
        if _is_wanted(code, variant, wanted, template, rubric):
            yield Constraint(f"distinguishes:{code}", _tells_apart(variant, rubric))


def named_values(computation: GraphComputation, names: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """Yield the computed values of numbers among some names."""
    table, graph = computation.base, computation.plan.graph
    for name in names:
        found = table.get(graph.names[name].index)
        if found is not None and found.dtype.kind == "f":
            yield name, found


def computed_names(graph: Graph) -> list[str]:
    """Return the names of computed values, each value once."""
    names = {value.index: name for name, value in reversed(graph.names.items()) if not value.is_input}
    return list(reversed(names.values()))


def friendly_names(graph: Graph) -> list[str]:
    """Return the names of values before functions with endless digits."""
    endless: set[int] = set()
    for value in graph.values:
        own = value.primitive is not None and value.primitive.name in ENDLESS
        if own or any(operand.index in endless for operand in value.inputs):
            endless.add(value.index)
    return [name for name in computed_names(graph) if graph.names[name].index not in endless]


def softmax_inputs(graph: Graph) -> set[str]:
    """Return the inputs that are the scores of a softmax themselves."""
    direct = {_source(operand).index for value in graph.values
              if value.primitive is not None and value.primitive.name in SOFTMAXES
              for operand in value.inputs}  # fmt: skip
    return {name for name, value in graph.names.items() if value.is_input and value.index in direct}


def _source(value: Value) -> Value:
    """Return the value whose entries a value has, but for those that are masked."""
    while value.primitive is not None and value.primitive.name in MOVES:
        value = value.inputs[0]
    return value


def _has_integer_norms(name: str, _: GraphComputation, inputs: Inputs) -> bool:
    array = inputs[name]
    norms = np.sqrt((array * array).sum(axis=-1))
    return bool((np.abs(norms - np.round(norms)) <= 1e-9).all())


def _stays_finite(template: GraphComputation) -> Check:
    names = computed_names(template.plan.graph)
    finite = [name for name, array in named_values(template, names) if np.isfinite(array).all()]
    return lambda computation, _: all(
        bool(np.isfinite(array).all()) for _, array in named_values(computation, finite)
    )


def _difficulty(template: GraphComputation) -> Iterator[Constraint]:
    """Yield the bounds of difficulty: digits of values that are short in the template, and sizes."""
    found = list(named_values(template, computed_names(template.plan.graph)))
    short = [name for name, array in found if has_few_digits(array, FEW)]
    names = [name for name, _ in found]
    digits = measure(array for name, array in found if name in short).significant_digits
    largest = measure(array for _, array in found).largest
    yield Constraint("difficulty:digits", lambda computation, _: all(
        has_few_digits(array, digits) for _, array in named_values(computation, short)))  # fmt: skip
    yield Constraint("difficulty:size", lambda computation, _: (
        largest / WITHIN <= measure(array for _, array in named_values(computation, names)).largest
        <= largest * WITHIN))  # fmt: skip
    if not _is_saturated(template):
        yield Constraint("difficulty:saturation", lambda computation, _: not _is_saturated(computation))


def _operands(computation: GraphComputation, kinds: frozenset[str]) -> Iterator[tuple[Value, Array]]:
    """Yield the steps of some primitives, with the first operand of each."""
    table = computation.base
    for value in computation.plan.graph.values:
        if value.primitive is None or value.primitive.name not in kinds or value.index not in table:
            continue
        if (operand := table.get(value.inputs[0].index)) is not None:
            yield value, operand


def _has_ties(computation: GraphComputation) -> bool:
    """Return whether a kink is met, or the operand of a maximum has two equal finite entries."""
    if any((array == 0).any() for _, array in _operands(computation, KINKS)):
        return True
    for value, array in _operands(computation, MAXIMA):
        is_pooled = value.primitive is not None and value.primitive.name == "max_pool"
        rows = array.reshape(1, -1) if is_pooled or not array.ndim else array.reshape(-1, array.shape[-1])
        for row in rows:
            finite = row[np.isfinite(row)]
            if np.unique(finite).size < finite.size:
                return True
    return False


def _is_saturated(computation: GraphComputation) -> bool:
    for value, _ in _operands(computation, GATES):
        result = computation.base[value.index]
        is_sigmoid = value.primitive is not None and value.primitive.name == "sigmoid"
        if (np.abs(result) > SURE).any() or (is_sigmoid and (result < 1 - SURE).any()):
            return True
    return False


def _tells_apart(variant: Variant, rubric: Rubric) -> Check:
    def check(computation: GraphComputation, inputs: Inputs) -> bool:
        if variant.computation is None:  # it cannot be made in these shapes
            return False
        other = variant.computation.with_inputs(inputs)
        apart = largest_distance(computation, other, _marked(computation, rubric), rubric)
        return apart is not None and apart >= TOLD_APART

    return check


def _marked(computation: GraphComputation, rubric: Rubric) -> list[Slot]:
    return [slot for slot in computation.slots if not rubric.marks or slot in rubric.marks]


def _is_wanted(
    code: str, variant: Variant, wanted: Wanted, template: GraphComputation, rubric: Rubric
) -> bool:
    other, codes = variant.computation, wanted.distinguishes
    if isinstance(codes, tuple):
        return code in codes
    if other is None or codes == "none":
        return False
    apart = largest_distance(template, other, _marked(template, rubric), rubric)
    if codes == "template":
        return apart is not None and apart >= TOLD_APART
    return apart is not None
