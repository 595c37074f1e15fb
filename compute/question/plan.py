"""A question, before its entries: what is asked of which operation, for which shapes.

`prepare` turns it into plans, checks every name and shape, and predicts what an answer will take. It
allocates nothing for entries, and is kept, since a class of a thousand sends the same shapes.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from compute.arithmetic import kinds
from compute.budgets.planning import plans_kept
from compute.dimensions import Polynomial
from compute.errors import QuestionError, QuestionErrors, at, unknown_name
from compute.graph.graph import Graph
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build, check_upstream, find_missing
from compute.operations.framework.declaration import Operation
from compute.operations.framework.submodules import missing_error
from compute.programs.building import Claim, build_program
from compute.question.answer import Plan, StepDescription, describe_step
from compute.question.declared_readings.catalogue import READINGS
from compute.question.declared_readings.declaration import Planning
from compute.question.plan_bytes import key_bytes
from compute.question.predicted_size import predict
from compute.readings.cost import TotalCost, count_cost
from compute.readings.evaluation import Evaluation
from compute.readings.notes import Note
from compute.readings.reverse_mode import Differentiation
from compute.readings.selection import check_names, check_real, select_names

Tensors = tuple[tuple[str, Tensor], ...]
PLAN_BYTES = 64 * 2**20  # of kept plans; prepare.cache.budget changes it


class Question(NamedTuple):
    """The entry-independent part of a question, hashable so that plans can be cached.

    program: lines that take the place of the operation.
    parameters, data: the inputs of a program that are trainable, and those that are not.
    also: names of values to have at hand.
    assumptions: assumptions about free symbols.
    abbreviated: values that appear as symbols in everything computed from them.
    readings: the declared readings that are asked for, by field, each with its request.
    """

    operation: str
    attributes: tuple[tuple[str, Any], ...] = ()
    inputs: Tensors = ()
    given: Tensors = ()
    upstream: Tensors = ()
    select: tuple[str, ...] | None = None
    arithmetic: str = "float64"
    program: tuple[str, ...] = ()
    parameters: tuple[str, ...] | None = None
    data: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    assumptions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    abbreviated: tuple[str, ...] = ()
    readings: tuple[tuple[str, Hashable], ...] = ()


@plans_kept("plans", PLAN_BYTES, key_bytes, attrgetter("held"))
def prepare(asked: Question) -> Plan:
    """Build the graph and plan everything asked of it.

    Raises QuestionErrors where names or shapes are wrong.
    """
    symbolic = asked.arithmetic == kinds.EXACT
    requests: dict[str, Any] = dict(asked.readings)
    readings = [reading for reading in READINGS if reading.field.name in requests]
    for reading in readings:
        if reading.floats_only and symbolic:
            name = reading.field.name
            raise at((name,), reading.exact_refusal, f"{name} with float64 or float32 alone",
                     "true with exact arithmetic")  # fmt: skip
    inputs, given = dict(asked.inputs), dict(asked.given)
    claims: list[Claim] = []
    if asked.program:
        names = *_requested(asked), symbolic
        roles = asked.parameters, asked.data, requests.get("claims", ())
        graph, claims = build_program(asked.program, inputs, given, *roles, *names)
        unnamed = set(graph.unnamed)
        check_names(("given",), [name for name in given if name not in unnamed], graph)
    else:
        graph = _graph(CATALOGUE[asked.operation], inputs, given, dict(asked.attributes), asked)
    for place, name in enumerate(asked.abbreviated):
        if name not in graph.names or graph.names[name].kind != "real":
            raise QuestionErrors([unknown_name(("abbreviate", place), "real value", name, graph.names)])
    upstream = dict(asked.upstream)
    check_real(("upstream",), upstream, graph)
    check_upstream(graph, upstream)
    selected, echoed = select_names(graph, asked.select)

    extensions = {reading.field.name: reading.extend(graph) for reading in readings}
    known = {graph.names[name].index for name in (*inputs, *given)}
    arithmetic = kinds.get_arithmetic(
        asked.arithmetic,
        dict(asked.assumptions),
        [str(graph.names[name].name) for name in asked.abbreviated],
    )
    evaluation = Evaluation(graph, arithmetic, known)
    reached = [name for name in selected if evaluation.reachable[graph.names[name].index]]
    evaluation.request(graph.names[name].index for name in reached)
    differentiation = None
    if upstream:
        seeds = {graph.names[name].index for name in upstream}
        targets = None if asked.select is None else [graph.names[name].index for name in selected]
        differentiation = Differentiation(evaluation, seeds, targets)
    returned = [name for name in reached if name in echoed or not graph.was_sent(name)]
    differentiated = _differentiated(graph, differentiation, selected)
    starts = sorted(graph.names[name].index for name in upstream)
    planning = Planning(
        graph,
        evaluation,
        differentiation,
        requests=requests,
        seeds=starts,
        returned=returned,
        differentiated=differentiated,
        given=frozenset(name for name, _ in asked.given),
        claims=claims,
        extensions=extensions,
    )
    planned = [(reading, reading.plan(planning, requests[reading.field.name])) for reading in readings]
    computed = evaluation.computed_values()
    predicted = predict(
        graph, computed, known, returned, differentiation, differentiated, [one for _, one in planned]
    )
    return Plan(
        graph=graph,
        evaluation=evaluation,
        differentiation=differentiation,
        readings=planned,
        returned=returned,
        differentiated=differentiated,
        selected=selected,
        unknown=[*graph.unnamed, *_without(selected, reached)],
        stepped=_stepped(graph, known, selected),
        conventions=_conventions(CATALOGUE.get(asked.operation), graph, asked.attributes),
        notes=_notes(graph, differentiation),
        inputs_at=("inputs",) if asked.program else (),
        predicted=predicted,
    )


def shapes_only(
    operation: str, inputs: Mapping[str, Tensor], attributes: Mapping[str, Any]
) -> tuple[TotalCost, list[StepDescription], dict[str, Any]]:
    """Cost, steps and conventions for shapes alone, in numbers or dimension names."""
    declared = CATALOGUE[operation]
    graph = build(declared, inputs, attributes, missing_policy="usual")
    steps = [describe_step(str(value.name), value) for value in graph.standard_values() if not value.is_input]
    return count_cost(graph), steps, _conventions(declared, graph, tuple(attributes.items()))


def _graph(
    operation: Operation,
    inputs: dict[str, Tensor],
    given: dict[str, Tensor],
    attributes: Mapping[str, Any],
    asked: Question,
) -> Graph:
    """The graph for what is known. An operation's input under `given` is simply an input."""
    cut = bool(given)
    for name in [name for name in given if operation.find_input(name)]:
        if name in inputs:
            raise QuestionErrors([_twice(name)])
        inputs[name] = given.pop(name)
    lacking = [name for name in operation.inputs if name in operation.required - set(inputs)]
    if lacking and not cut:
        errors = [missing_error(name, operation.inputs[name]) for name in lacking]
        raise QuestionErrors(
            find_missing(operation, inputs, attributes, errors) if operation.parts else errors
        )
    graph = build(
        operation,
        inputs,
        attributes,
        given,
        *_requested(asked),
        symbolic=asked.arithmetic == kinds.EXACT,
        missing_policy="unknown" if cut else "refused",
    )
    check_names(("given",), given, graph)
    return graph


def _requested(asked: Question) -> tuple[set[str], bool]:
    """The names that a question speaks of, and whether it asks for everything."""
    requests: dict[str, Any] = dict(asked.readings)
    mentioned = (
        name
        for reading in READINGS
        if reading.field.name in requests
        for name in reading.names(requests[reading.field.name])
    )
    names = {*(asked.select or ()), *asked.also, *(name for name, _ in asked.upstream), *mentioned}
    return names, asked.select is None or any("*" in name for name in asked.select)


def _twice(name: str) -> QuestionError:
    return QuestionError(
        ("given", name), f"{name} is given twice", "one value for each name", "two, under two names"
    )


def _stepped(graph: Graph, known: Collection[int], selected: Iterable[str]) -> list[str]:
    """The names of the steps: for each value that is computed the first that is selected."""
    found: dict[int, str] = {}
    for name in selected:
        value = graph.names[name]
        if not value.is_input and value.index not in known:
            found.setdefault(value.index, name)
    return list(found.values())


def _without(names: Iterable[str], others: Iterable[str]) -> list[str]:
    left_out = set(others)
    return [name for name in names if name not in left_out]


def _differentiated(
    graph: Graph, differentiation: Differentiation | None, selected: Iterable[str]
) -> list[str]:
    if differentiation is None:
        return []
    flows = differentiation.cotangents
    indices = ((name, graph.names[name].index) for name in selected)
    return [name for name, index in indices if index in flows and flows[index].total is not None]


def _notes(graph: Graph, differentiation: Differentiation | None) -> list[Note]:
    said = [Note(*remark) for remark in graph.static_notes]
    if differentiation is None:
        return said
    cut = [
        Note("cut", str(graph.values[index].name),
             "leads to the upstream value only through a given value: it gets no gradient")
        for index in differentiation.cut
    ]  # fmt: skip
    unknown = [
        Note("unknown_gradient", str(graph.values[index].name),
             "its gradient depends on a value that is unknown")
        for index in differentiation.unknown
    ]  # fmt: skip
    return said + cut + unknown


def _conventions(
    operation: Operation | None, graph: Graph, said: tuple[tuple[str, Any], ...]
) -> dict[str, Any]:
    """Every setting as it was used, and what the steps settle where books differ."""
    declared = {} if operation is None else operation.attributes
    settings = {name: one.default for name, one in declared.items()} | dict(said)
    for name, one in declared.items():
        if one.declared.dimension and not one.is_inherited:
            settings[name] = graph.dimensions.get(name)
    settings = settings | graph.conventions
    return {name: _shown(one) for name, one in settings.items() if one is not None}


def _shown(setting: Any) -> Any:
    if isinstance(setting, list | tuple):
        return [_shown(one) for one in setting]
    if isinstance(setting, dict):
        return {name: _shown(one) for name, one in setting.items()}
    return str(setting) if isinstance(setting, Polynomial) else setting
