"""Costs of operations and programs from shapes alone, with all else that shapes determine."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from compute.dimensions import Shape, Size, product, total
from compute.errors import QuestionErrors, unknown_name
from compute.graph.graph import Graph, Value
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build
from compute.programs.building import build_program
from compute.question.answer import StepDescription, describe_step
from compute.question.plan import describe_cost, list_conventions
from compute.readings.cost import PartCost, TotalCost, count_cost
from compute.readings.key_value_cache import KeyValueCache, find_caches
from compute.readings.receptive_fields import Field, find_receptive_fields
from compute.readings.sequential_depth import deepest, find_depths
from compute.readings.training_cost import count_backward, origin


class LineCost(NamedTuple):
    """The cost of one line of a program.

    line: its number, from 1.
    parameters: those that no earlier line uses.
    activations: the entries that it adds to memory: its value, unless that only rearranges another, and the
        values inside it that the backward pass needs.
    depth: the longest chain of dependent steps up to its value.
    parts: the costs of the submodules inside it.
    """

    line: int
    name: str
    shape: Shape
    parameters: Size
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    activations: Size
    depth: Size
    parts: list[PartCost]


class ValueFields(NamedTuple):
    """The receptive field of a value along each reported axis of the image, by the number of the axis."""

    name: str
    fields: dict[int, Field]


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """All that shapes determine.

    total, steps, conventions: as `describe_cost` returns them.
    output: the value that the backward pass starts from: the operation's output, or the last line.
    lines: the table of a program.
    activations: the entries that all lines, or the operation, add to memory.
    backward_multiply_adds, backward_elementwise: the cost of the backward pass.
    depth: the longest chain of dependent steps.
    caches: the keys and values of attentions.
    receptive_fields: those of the values that depend on the image, if one is chosen.
    """

    total: TotalCost
    steps: list[StepDescription]
    conventions: dict[str, Any]
    output: Value
    lines: list[LineCost]
    activations: Size
    backward_multiply_adds: Size
    backward_elementwise: Size
    depth: Size
    caches: list[KeyValueCache]
    receptive_fields: list[ValueFields] | None


def cost_of_operation(
    operation: str, inputs: Mapping[str, Tensor], attributes: Mapping[str, Any], image: str | None = None
) -> NetworkCost:
    """Return what an operation costs, for inputs of these shapes.

    image: the input that receptive fields are measured in.

    Totals and steps are those of an answer with all values; everything else is that of a run that names no
    more values than it needs. Raises QuestionErrors.
    """
    counted, steps, conventions = describe_cost(operation, inputs, attributes)
    graph = build(CATALOGUE[operation], inputs, attributes, everything=False, missing_policy="usual")
    return _describe(counted, steps, conventions, graph, count_cost(graph), image)


def cost_of_program(
    program: tuple[str, ...],
    inputs: Mapping[str, Tensor],
    parameters: Collection[str] | None,
    data: Collection[str],
    image: str | None = None,
) -> NetworkCost:
    """Return what a program costs, for inputs of these shapes.

    Weights of submodules that are left out have the sizes that their settings state. parameters, data: as for
    `build_program`; the image is no parameter unless it is named among them. Raises QuestionErrors.
    """
    if image is not None and parameters is None:
        data = {*data, image} & {*data, *inputs}
    graph, _ = build_program(program, inputs, {}, parameters, data, everything=False, missing_policy="usual")
    steps = [describe_step(str(value.name), value) for value in graph.standard_values() if not value.is_input]
    counted = count_cost(graph)
    return _describe(counted, steps, list_conventions(None, graph), graph, counted, image)


def _describe(
    counted: TotalCost,
    steps: list[StepDescription],
    conventions: dict[str, Any],
    graph: Graph,
    run: TotalCost,
    image: str | None,
) -> NetworkCost:
    """Return all costs. graph, run: those of a run that names no more values than it needs."""
    named = [value for value, _ in run.counted]
    output = graph.names[list(graph.lines)[-1]] if graph.lines else graph.names.get("output", named[-1])
    backward = count_backward(graph, output)
    depths = find_depths(graph, {value.index for _, inner in run.counted for value in inner})
    activations = _count_activations(graph, run, backward.kept, output)
    return NetworkCost(
        total=counted,
        steps=steps,
        conventions=conventions,
        output=output,
        lines=_table(graph, run, activations, depths),
        activations=total(activations.values()),
        backward_multiply_adds=backward.cost.multiply_adds,
        backward_elementwise=backward.cost.elementwise,
        depth=deepest(depths, named),
        caches=find_caches(graph),
        receptive_fields=None if image is None else _list_fields(graph, named, image),
    )


def _count_activations(graph: Graph, run: TotalCost, kept: Collection[int], output: Value) -> dict[str, Size]:
    """Return the entries that each named value adds to memory, by name."""
    stored: set[int] = set()
    entries: dict[str, Size] = {}
    for value, _ in run.counted:
        source = origin(value)
        is_result = value is output or value.name in graph.lines
        if source.applied is None or source.index in stored or not (is_result or source.index in kept):
            continue
        stored.add(source.index)
        entries[str(value.name)] = product(source.shape) * graph.multiplicity(value.index)
    return entries


def _table(
    graph: Graph, run: TotalCost, activations: Mapping[str, Size], depths: Mapping[int, Size]
) -> list[LineCost]:
    """Return a row for each line of a program, in order."""
    if not graph.lines:
        return []
    rows = {
        name: LineCost(line + 1, name, graph.names[name].shape, 0, 0, 0, 0, 0, 0, [])
        for name, line in graph.lines.items()
    }
    used: set[int] = set()
    for (value, inner), step in zip(run.counted, run.steps, strict=True):
        name = str(value.name).partition(".")[0]
        row, own = rows[name], _first_parameters(inner, used)
        rows[name] = row._replace(
            parameters=row.parameters
            + total(product(one.shape) * graph.multiplicity(one.index) for one in own),
            multiply_adds=row.multiply_adds + step.multiply_adds * step.times,
            elementwise=row.elementwise + step.elementwise * step.times,
            comparisons=row.comparisons + step.comparisons * step.times,
            activations=row.activations + activations.get(str(value.name), 0),
            depth=depths.get(value.index, 0) if value.name == name else row.depth,
        )
    for part in run.parts:
        line, dot, _ = part.name.partition(".")
        if dot:
            rows[line].parts.append(part)
    return list(rows.values())


def _first_parameters(inner: Collection[Value], used: set[int]) -> list[Value]:
    """Return the parameters that these values use and no value before them. used: their indices."""
    found = {}
    for value in inner:
        for operand in value.inputs:
            if operand.applied is None and operand.is_parameter and operand.index not in used:
                found[operand.index] = operand
    used.update(found)
    return list(found.values())


def _list_fields(graph: Graph, named: Collection[Value], name: str) -> list[ValueFields]:
    """Return the receptive fields of named values. Raises QuestionErrors if there is no such input."""
    image = graph.names.get(name)
    if image is None or image.applied is not None:
        inputs = [one for one, value in graph.names.items() if value.applied is None]
        raise QuestionErrors([unknown_name(("receptive_field",), "input", name, inputs)])
    axes, fields = find_receptive_fields(graph, image)
    return [
        ValueFields(str(value.name), {axis: fields[value.index][axis] for axis in axes})
        for value in named
        if value.index in fields
    ]
