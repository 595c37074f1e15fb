"""A question, before its entries: what is asked of which operation, for which shapes.

`prepare` turns it into plans, checks every name and shape, and predicts what an answer will take. It
allocates nothing for entries, and is kept, since a class of a thousand sends the same shapes.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from compute.arithmetic import kinds
from compute.budgets.planning import plans_kept
from compute.dimensions import Polynomial
from compute.errors import QuestionError, QuestionErrors, at, unknown_name
from compute.graph.graph import Graph
from compute.graph.value import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.build import all_missing, build, check_upstream
from compute.operations.framework.declaration import Operation
from compute.operations.framework.submodules import missing
from compute.programs.building import Claim, build_program
from compute.question.answer import Plan, StepDescription, describe_step
from compute.question.plan_bytes import key_bytes, plan_bytes
from compute.question.predicted_size import predict
from compute.readings.cost import TotalCost, count_cost
from compute.readings.evaluation import Evaluation
from compute.readings.notes import Note
from compute.readings.reverse_mode import Differentiation
from compute.readings.selection import check_names, check_real, select_names
from compute.readings.verification.invariants import build_sides
from compute.readings.verification.plan import Answered, plan_verification

Tensors = tuple[tuple[str, Tensor], ...]
PLAN_BYTES = 64 * 2**20  # of kept plans; prepare.cache.budget changes it


class Question(NamedTuple):
    """What of a question depends on no entry; all of it hashable.

    split: those of the Jacobians that are wanted with their parts by path.
    program: lines that take the place of the operation; parameters, data: which of its inputs are trainable,
    and which are not; claims: equations to verify; also: names of values to have at hand; assumptions: what
    is assumed of free symbols; abbreviated: values that stand as symbols in what is computed from them;
    diagnose: whether to remark numbers that are finite and still no good;
    verify: whether evidence is to be gathered that the answer is right.
    """

    operation: str
    attributes: tuple[tuple[str, Any], ...] = ()
    inputs: Tensors = ()
    given: Tensors = ()
    upstream: Tensors = ()
    jacobian: tuple[tuple[str, str], ...] = ()
    split: frozenset[tuple[str, str]] = frozenset()
    select: tuple[str, ...] | None = None
    arithmetic: str = "float64"
    program: tuple[str, ...] = ()
    parameters: tuple[str, ...] | None = None
    data: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    assumptions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    abbreviated: tuple[str, ...] = ()
    diagnose: bool = False
    verify: bool = False


@plans_kept("plans", PLAN_BYTES, key_bytes, plan_bytes)
def prepare(asked: Question) -> Plan:
    """Build the graph and plan everything asked of it.

    Raises QuestionErrors where names or shapes are wrong.
    """
    symbolic = asked.arithmetic == kinds.EXACT
    if asked.diagnose and symbolic:
        raise at(("diagnose",), "is about rounding and the range of floats, and exact numbers have neither",
                 "diagnose with float64 or float32 alone", "true with exact arithmetic")  # fmt: skip
    inputs, given = dict(asked.inputs), dict(asked.given)
    claims: list[Claim] = []
    if asked.program:
        names = *_requested(asked), symbolic
        roles = asked.parameters, asked.data, asked.claims
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

    sides = build_sides(graph) if asked.verify else []
    known = {graph.names[name].index for name in (*inputs, *given)}
    arithmetic = kinds.get_arithmetic(
        asked.arithmetic,
        dict(asked.assumptions),
        [str(graph.names[name].name) for name in asked.abbreviated],
    )
    evaluation = Evaluation(graph, arithmetic, known)
    reached = [name for name in selected if evaluation.reachable[graph.names[name].index]]
    evaluation.request(graph.names[name].index for name in reached)
    evaluation.request(side.index for claim in claims for side in claim.sides or ())
    differentiation = None
    if upstream:
        seeds = {graph.names[name].index for name in upstream}
        targets = None if asked.select is None else [graph.names[name].index for name in selected]
        differentiation = Differentiation(evaluation, seeds, targets)
    jacobians = [(*pair, _jacobian(evaluation, place, *pair)) for place, pair in enumerate(asked.jacobian)]
    computed = evaluation.computed_values()
    returned = [name for name in reached if name in echoed or not graph.was_sent(name)]
    differentiated = _differentiated(graph, differentiation, selected)
    predicted = predict(
        graph, computed, known, returned, differentiation, differentiated, jacobians, asked.split,
        diagnose=asked.diagnose,
    )  # fmt: skip
    verification = None
    if asked.verify:
        starts = sorted(graph.names[name].index for name in upstream)
        answered = Answered(evaluation, starts, differentiated, asked.jacobian, returned, sides,
                            predicted.work)  # fmt: skip
        verification = plan_verification(answered)
        predicted = predicted.with_more(verification.work, verification.entries)
    return Plan(
        graph=graph,
        evaluation=evaluation,
        differentiation=differentiation,
        jacobians=jacobians,
        returned=returned,
        differentiated=differentiated,
        selected=selected,
        unknown=[*graph.unnamed, *_without(selected, reached)],
        stepped=_stepped(graph, known, selected),
        conventions=_conventions(CATALOGUE.get(asked.operation), graph, asked.attributes),
        split=asked.split,
        claims=[claim.sides and (claim.sides[0].index, claim.sides[1].index) for claim in claims],
        notes=_notes(graph, differentiation),
        inputs_at=("inputs",) if asked.program else (),
        diagnose=asked.diagnose,
        predicted=predicted,
        verification=verification,
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
    for name in [name for name in given if operation.accepts(name)]:
        if name in inputs:
            raise QuestionErrors([_twice(name)])
        inputs[name] = given.pop(name)
    lacking = [name for name in operation.inputs if name in operation.required - set(inputs)]
    if lacking and not cut:
        errors = [missing(name, operation.inputs[name]) for name in lacking]
        raise QuestionErrors(
            all_missing(operation, inputs, attributes, errors) if operation.parts else errors
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
    pairs = (name for pair in asked.jacobian for name in pair)
    names = {*(asked.select or ()), *asked.also, *(name for name, _ in asked.upstream), *pairs}
    return names, asked.select is None or any("*" in name for name in asked.select)


def _twice(name: str) -> QuestionError:
    return QuestionError(
        ("given", name), f"{name} is given twice", "one value for each name", "two, under two names"
    )


def _jacobian(evaluation: Evaluation, at: int, of: str, wrt: str) -> Differentiation:
    """The plan for one Jacobian, refused where an entry of it cannot be known."""
    graph = evaluation.graph
    for role, name in (("of", of), ("wrt", wrt)):
        if name not in graph.names:
            raise QuestionErrors([unknown_name(("jacobian", at, role), "value", name, graph.names)])
        value = graph.names[name]
        if not evaluation.reachable[value.index] or value.kind != "real":
            kind = {"real": "an unknown value", "boolean": "booleans"}.get(value.kind, "indices")
            error = QuestionError(
                ("jacobian", at, role),
                f"{name} is unknown or no number",
                "a real value that can be computed",
                kind,
            )
            raise QuestionErrors([error])
    index = graph.names[wrt].index
    plan = Differentiation(evaluation, {graph.names[of].index}, [index])
    if index in plan.cut or index in plan.unknown:
        raise QuestionErrors(
            [QuestionError(("jacobian", at, "wrt"),
                           f"{wrt} leads to {of} only through values that are given or unknown",
                           "a value with a known path", f"{wrt}, from which every path is cut")]
        )  # fmt: skip
    return plan


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
        if one.declared.dimension and not one.passed:
            settings[name] = graph.dimensions.get(name)
    settings = settings | graph.conventions
    return {name: _shown(one) for name, one in settings.items() if one is not None}


def _shown(setting: Any) -> Any:
    if isinstance(setting, list | tuple):
        return [_shown(one) for one in setting]
    if isinstance(setting, dict):
        return {name: _shown(one) for name, one in setting.items()}
    return str(setting) if isinstance(setting, Polynomial) else setting
