"""Questions without their entries, and their plans.

`prepare` plans a question, checks every name and shape, and predicts the size of the answer. It allocates no
arrays for entries. Plans are cached, since many requests have the same shapes.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from compute.arithmetic import kinds
from compute.budgets.planning import plans_kept
from compute.dimensions import Polynomial
from compute.errors import QuestionError, QuestionErrors, at, unknown_name
from compute.graph.graph import Graph, Replacement
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import build, check_upstream, find_missing
from compute.operations.framework.declaration import Operation
from compute.operations.framework.submodules import missing_error
from compute.programs.building import build_program
from compute.programs.claims import Claim
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
PLAN_BYTES = 64 * 2**20  # of cached plans; `prepare.cache.budget` changes it


class Question(NamedTuple):
    """The entry-independent part of a question, hashable so that plans can be cached.

    attributes: the settings of the operation.
    inputs, given, upstream: shapes by name.
    select: names and patterns to return; None for all.
    program: lines that replace the operation.
    parameters, data: the inputs of a program that are trainable, and those that are not.
    also: further names that the graph must contain.
    assumptions: assumptions about free symbols.
    abbreviated: values that appear as symbols in everything computed from them.
    readings: the requested readings, by field, each with its request.
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
def prepare(question: Question) -> Plan:
    """Build the graph of a question and plan all its results.

    Raises QuestionErrors if names or shapes are wrong.
    """
    symbolic = question.arithmetic == kinds.EXACT
    requests: dict[str, Any] = dict(question.readings)
    readings = [reading for reading in READINGS if reading.field.name in requests]
    for reading in readings:
        if reading.floats_only and symbolic:
            name = reading.field.name
            raise at((name,), reading.exact_refusal, f"{name} with float64 or float32 alone",
                     "true with exact arithmetic")  # fmt: skip
    graph, claims = build_graph(question)
    for place, name in enumerate(question.abbreviated):
        if name not in graph.names or graph.names[name].kind != "real":
            raise QuestionErrors([unknown_name(("abbreviate", place), "real value", name, graph.names)])
    upstream = dict(question.upstream)
    check_real(("upstream",), upstream, graph)
    check_upstream(graph, upstream)
    selected, echoed = select_names(graph, question.select)

    extensions = {reading.field.name: reading.extend(graph) for reading in readings}
    known = {graph.names[name].index for name, _ in (*question.inputs, *question.given)}
    arithmetic = kinds.get_arithmetic(
        question.arithmetic,
        dict(question.assumptions),
        [str(graph.names[name].name) for name in question.abbreviated],
    )
    evaluation = Evaluation(graph, arithmetic, known)
    reached = [name for name in selected if evaluation.reachable[graph.names[name].index]]
    evaluation.request(graph.names[name].index for name in reached)
    differentiation = None
    if upstream:
        seeds = {graph.names[name].index for name in upstream}
        targets = None if question.select is None else [graph.names[name].index for name in selected]
        differentiation = Differentiation(evaluation, seeds, targets)
    returned = [name for name in reached if name in echoed or not graph.was_sent(name)]
    differentiated = _names_with_gradient(graph, differentiation, selected)
    seed_indices = sorted(graph.names[name].index for name in upstream)
    planning = Planning(
        graph,
        evaluation,
        differentiation,
        requests=requests,
        seeds=seed_indices,
        returned=returned,
        differentiated=differentiated,
        given=frozenset(name for name, _ in question.given),
        claims=claims,
        extensions=extensions,
    )
    planned = [(reading, reading.plan(planning, requests[reading.field.name])) for reading in readings]
    computed = evaluation.computed_values()
    predicted = predict(
        graph,
        computed,
        known,
        returned,
        differentiation,
        differentiated,
        [reading for _, reading in planned],
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
        stepped=_step_names(graph, known, selected),
        conventions=state_conventions(graph, question),
        notes=_static_notes(graph, differentiation),
        inputs_path=("inputs",) if question.program else (),
        predicted=predicted,
    )


def build_graph(question: Question, replacement: Replacement | None = None) -> tuple[Graph, list[Claim]]:
    """Build the graph of a question, and the claims of a program.

    replacement: replaces steps while the graph is built.

    Raises QuestionErrors if names or shapes are wrong.
    """
    inputs, given = dict(question.inputs), dict(question.given)
    if not question.program:
        operation = CATALOGUE[question.operation]
        return _build_operation(operation, inputs, given, question, replacement), []
    requests: dict[str, Any] = dict(question.readings)
    graph, claims = build_program(
        question.program, inputs, given, question.parameters, question.data, requests.get("claims", ()),
        *_requested_names(question), symbolic=question.arithmetic == kinds.EXACT, replacement=replacement,
    )  # fmt: skip
    unnamed = set(graph.unnamed)
    check_names(("given",), [name for name in given if name not in unnamed], graph)
    return graph, claims


def describe_cost(
    operation: str, inputs: Mapping[str, Tensor], attributes: Mapping[str, Any]
) -> tuple[TotalCost, list[StepDescription], dict[str, Any]]:
    """Return the cost, steps and conventions of an operation for shapes: numbers or dimension names."""
    declared = CATALOGUE[operation]
    graph = build(declared, inputs, attributes, missing_policy="usual")
    steps = [describe_step(str(value.name), value) for value in graph.standard_values() if not value.is_input]
    return count_cost(graph), steps, list_conventions(declared, graph, tuple(attributes.items()))


def _build_operation(
    operation: Operation,
    inputs: dict[str, Tensor],
    given: dict[str, Tensor],
    question: Question,
    replacement: Replacement | None,
) -> Graph:
    """Build the graph of an operation. Inputs under `given` are moved to `inputs`.

    Raises QuestionErrors if a required input is missing and no given value can replace it.
    """
    attributes = dict(question.attributes)
    has_given = bool(given)
    for name in [name for name in given if operation.find_input(name)]:
        if name in inputs:
            raise QuestionErrors([_duplicate_error(name)])
        inputs[name] = given.pop(name)
    lacking = [name for name in operation.inputs if name in operation.required - set(inputs)]
    if lacking and not has_given:
        errors = [missing_error(name, operation.inputs[name]) for name in lacking]
        raise QuestionErrors(
            find_missing(operation, inputs, attributes, errors) if operation.parts else errors
        )
    graph = build(
        operation,
        inputs,
        attributes,
        given,
        *_requested_names(question),
        symbolic=question.arithmetic == kinds.EXACT,
        missing_policy="unknown" if has_given else "refused",
        replacement=replacement,
    )
    check_names(("given",), given, graph)
    return graph


def _requested_names(question: Question) -> tuple[set[str], bool]:
    """Return the names that a question mentions, and whether it requests all values."""
    requests: dict[str, Any] = dict(question.readings)
    mentioned = (
        name
        for reading in READINGS
        if reading.field.name in requests
        for name in reading.names(requests[reading.field.name])
    )
    names = {*(question.select or ()), *question.also, *(name for name, _ in question.upstream), *mentioned}
    return names, question.select is None or any("*" in name for name in question.select)


def _duplicate_error(name: str) -> QuestionError:
    return QuestionError(
        ("given", name), f"{name} is given twice", "one value for each name", "two, under two names"
    )


def _step_names(graph: Graph, known: Collection[int], selected: Iterable[str]) -> list[str]:
    """Return the first selected name of each computed value."""
    first: dict[int, str] = {}
    for name in selected:
        value = graph.names[name]
        if not value.is_input and value.index not in known:
            first.setdefault(value.index, name)
    return list(first.values())


def _without(names: Iterable[str], excluded: Iterable[str]) -> list[str]:
    excluded = set(excluded)
    return [name for name in names if name not in excluded]


def _names_with_gradient(
    graph: Graph, differentiation: Differentiation | None, selected: Iterable[str]
) -> list[str]:
    if differentiation is None:
        return []
    cotangents = differentiation.cotangents
    indices = ((name, graph.names[name].index) for name in selected)
    return [name for name, index in indices if index in cotangents and cotangents[index].total is not None]


def _static_notes(graph: Graph, differentiation: Differentiation | None) -> list[Note]:
    notes = [Note(*note) for note in graph.static_notes]
    if differentiation is None:
        return notes
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
    return notes + cut + unknown


def state_conventions(graph: Graph, question: Question) -> dict[str, Any]:
    """Return every setting of a question with its value, and the conventions that the steps follow."""
    return list_conventions(CATALOGUE.get(question.operation), graph, question.attributes)


def list_conventions(
    operation: Operation | None, graph: Graph, attributes: tuple[tuple[str, Any], ...] = ()
) -> dict[str, Any]:
    """Return every setting with its value, sizes in letters as text, and the conventions of the steps.

    operation: None for a program.
    """
    declared = {} if operation is None else operation.attributes
    settings = {name: attribute.default for name, attribute in declared.items()} | dict(attributes)
    for name, attribute in declared.items():
        if attribute.declared.dimension and not attribute.is_inherited:
            settings[name] = graph.dimensions.get(name)
    settings = settings | graph.conventions
    return {name: _show_setting(setting) for name, setting in settings.items() if setting is not None}


def _show_setting(setting: Any) -> Any:
    if isinstance(setting, list | tuple):
        return [_show_setting(item) for item in setting]
    if isinstance(setting, dict):
        return {name: _show_setting(item) for name, item in setting.items()}
    return str(setting) if isinstance(setting, Polynomial) else setting
