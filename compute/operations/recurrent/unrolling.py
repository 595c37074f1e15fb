"""Recurrent layers along a sequence: step by step, in both directions, one above the other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from compute.budgets.planning import foresee
from compute.dimensions import Shape, ShapeError, broadcast, product, show
from compute.errors import QuestionError, TooLarge
from compute.graph.graph import INDEX, Graph
from compute.graph.value import Value, apply
from compute.operations.framework.constants import literal
from compute.operations.recurrent.cells import Cell, State, TimeStep, Weights
from compute.operations.recurrent.rnn_layout import Learned, Stacking

MOST_NAMED = 15_000  # values, of all steps and layers: a graph of more takes seconds to build
MOST_LAYERS = 1000  # each direction counts
FINAL = "final_"


def run(
    cell: Cell,
    x: Value,
    learned: Learned,
    initial: dict[str, Value | None],
    lengths: Value | None,
    stacking: Stacking,
) -> Value:
    """All layers over a sequence (... t d); names the steps, the stacks, the output and the last states.

    initial: of each state the value before the first step, (... h), with axes for layers and directions
    before the last where there are several; or nothing for zeros.
    """
    if (passes := stacking.layers * len(stacking.directions)) > MOST_LAYERS:
        raise TooLarge(
            ("layers",), "too many layers", f"at most {MOST_LAYERS}, where each direction counts", f"{passes}"
        )
    learned.check(stacking)
    graph, going = x.graph, None
    if x.is_assumed:
        _take_sizes(x, {*cell.stages, *cell.states, "output"})
    if lengths is not None:
        _check_lengths(lengths, x)
        graph.conventions["beyond_lengths"] = "inputs are read as 0, states stay as they are, output is 0"
        going = apply("running", lengths, steps=x.shape[-2])
    graph.conventions["time_steps"] = "counted from 1; the initial state is that of step 0"
    # Of one direction without ends the output is the last layer's hidden states by another name.
    is_last_hidden = graph.is_given("output") and len(stacking.directions) == 1 and going is None
    last: dict[str, list[Value]] = {name: [] for name in cell.states}
    hidden = x
    for layer in range(stacking.layers):
        outputs = []
        for direction, way in enumerate(stacking.directions):
            with _scoped(graph, stacking, layer, way):
                weights = learned.of(stacking, layer, direction)
                sizes = (*x.shape[:-2], weights.hidden)
                start = {
                    name: _start(name, initial[name], sizes, stacking, (layer, direction), graph)
                    for name in cell.states
                }
                given = {name for name in (*cell.stages, *cell.states) if graph.is_given(name)}
                if layer == stacking.layers - 1 and is_last_hidden:
                    given.add("hidden")
                stacks = _one_way(cell, hidden, weights, start, going, way == "reverse", given)
            end = 0 if way == "reverse" else -1
            for name in cell.states:
                steps = stacks[name]
                at = end % steps.shape[-2] if isinstance(steps.shape[-2], int) else 0
                last[name].append(stacks.get(FINAL + name) or apply("time_step", steps, at=at))
            outputs.append(stacks["hidden"])
        hidden = _side_by_side(outputs)
        if going is not None:
            hidden = _running(hidden, going)
    output = hidden.named("output")
    for name, values in last.items():
        _together(values, stacking).named(FINAL + name, leading=stacking.labels)
    return output


def _running(sequence: Value, going: Value) -> Value:
    """A sequence (..., t d) with zeros beyond the ends, whatever stands there."""
    return apply("choose", going, sequence, literal(sequence.graph, 0))


def _take_sizes(x: Value, names: set[str]) -> None:
    """Go on with the batch and the steps of what is given over all steps, where x was not sent."""
    for name, shape in x.graph.given.items():
        if name.rpartition(".")[2] in names and len(shape) >= x.rank:
            x.shape, x.has_open_batch = (*shape[:-1], x.shape[-1]), False
            return


def _side_by_side(values: list[Value]) -> Value:
    """The directions of a layer, one behind the other along the last axis."""
    return values[0] if len(values) == 1 else apply("join_axes", apply("stack", *values, axis=-2))


def _together(values: list[Value], stacking: Stacking) -> Value:
    """The last states of all layers and directions, with axes for these where there are several."""
    if stacking.is_single:
        return values[0]
    stacked = apply("stack", *values, axis=-2)
    if len(stacking.labels) < 2:
        return stacked
    *outer, _, units = stacked.shape
    return apply("reshape", stacked, to=(*outer, *stacking.sizes(stacking.layers), units))


@contextmanager
def _scoped(graph: Graph, stacking: Stacking, layer: int, way: str) -> Iterator[None]:
    """Names of one of several layers or directions stand behind it: `layer[0].reverse.hidden[3]`."""
    parts = [f"layer[{layer}]"] * (stacking.layers > 1) + [way] * (len(stacking.directions) > 1)
    if not parts:
        yield
        return
    declared = {
        name: one._replace(symbol=_symbol(one.symbol, stacking, layer, way))
        for name, one in graph.declared.items()
    }
    with graph.scope(".".join(parts), declared, graph.dimensions):
        yield


def _symbol(symbol: str, stacking: Stacking, layer: int, way: str) -> str:
    """A symbol as one of several layers or directions has it: an arrow over it, its layer above it."""
    letter, below, rest = symbol.partition("_")
    if len(stacking.directions) > 1:
        letter = rf"\over{'left' if way == 'reverse' else 'right'}arrow{{{letter}}}"
    return letter + (f"^{{({layer})}}" if stacking.layers > 1 else "") + below + rest


def _check_lengths(lengths: Value, x: Value) -> None:
    if lengths.shape != x.shape[:-2]:
        raise QuestionError(
            ("lengths",), "there is to be one length for each sequence", f"shape {show(x.shape[:-2])}",
            f"shape {show(lengths.shape)}",
        )  # fmt: skip


def _start(
    name: str, initial: Value | None, sizes: Shape, stacking: Stacking, at: tuple[int, int], graph: Graph
) -> Value:
    """The state before the first step, of one layer in one direction."""
    if initial is None:
        zero = literal(graph, 0)
        return apply("stretch", zero, to=sizes)
    axes = stacking.sizes(stacking.layers)
    whole = (*sizes[:-1], *axes, sizes[-1])
    field = "h_0" if name == "hidden" else "c_0"
    try:
        fits = broadcast(initial.shape, whole) == whole and initial.rank > len(axes)
    except ShapeError:
        fits = False
    if not fits or initial.shape[initial.rank - len(axes) - 1 :] != whole[len(sizes) - 1 :]:
        raise QuestionError(
            (field,), f"the shape of {field} does not fit the layers", f"shape {show(whole)}",
            f"shape {show(initial.shape)}",
        )  # fmt: skip
    if axes:
        batch = initial.shape[: initial.rank - len(axes) - 1]
        flat = apply("reshape", initial, to=(*batch, product(axes), sizes[-1]))
        place = at[1] if len(axes) == 1 and stacking.layers == 1 else at[0] * len(stacking.directions) + at[1]
        initial = apply("time_step", flat, at=place)
    return initial if initial.shape == sizes else apply("stretch", initial, to=sizes)


def _one_way(
    cell: Cell,
    x: Value,
    weights: Weights,
    start: State,
    going: Value | None,
    reverse: bool,
    given: set[str],
) -> dict[str, Value]:
    """One layer in one direction: of each state all steps, (... t h) in the order of the sequence.

    given: the names of what is given over all steps.
    """
    graph, steps = x.graph, x.shape[-2]
    scan = cell.scan if weights.peepholes is None else None
    inside = {*cell.stages, *(f"{name}[t]" for name in (*cell.stages, *cell.states))}
    asked = {name for name in graph.requested_in_scope() if INDEX.sub("[t]", name) in inside}
    if not isinstance(steps, int) and any("[" in name for name in asked):
        raise QuestionError(
            ("x",), "nothing says how many steps there are, so that none of them can be named",
            f"x, (..., t, d), or {' or '.join(cell.states)} over all steps under given", "neither",
        )  # fmt: skip
    plain = not asked and not given and not graph.needs_all_values
    if scan is not None and not graph.symbolic and (plain or not isinstance(steps, int)):
        return _scanned(*scan, x, weights, start, going, reverse)
    if not isinstance(steps, int):
        raise QuestionError(
            ("x",), "with these settings steps are taken one by one", "a number of steps", f"{steps} steps"
        )
    named = len(graph.names) + steps * (len(cell.stages) + len(cell.states))
    if named > MOST_NAMED:
        raise TooLarge(
            ("x",),
            "too many steps to name each; send shorter sequences, or name in select what is returned",
            f"at most {MOST_NAMED} named values in all layers",
            f"at least {named}",
        )
    foresee(steps * len({*cell.stages, *cell.states}))
    if not given:
        return _unrolled(cell, x, weights, start, going, reverse, {})
    for name in asked:
        whole = name.partition("[")[0]
        if whole in given and whole != name and graph.is_given(name):
            raise QuestionError(
                ("given", graph.full_name(name)), f"{name} is given twice: it is a step of {whole}",
                "one of the two", "both",
            )  # fmt: skip
    # What is given over all steps takes the place of what they would have given, and each step takes its row.
    with graph.without_names():
        computed = _unrolled(cell, x, weights, start, going, reverse, {})
    rows = {name: computed[name].named(name) for name in (*cell.stages, *cell.states) if name in given}
    return _unrolled(cell, x, weights, start, going, reverse, rows)


def _scanned(
    primitive: str,
    settings: dict[str, Any],
    x: Value,
    weights: Weights,
    start: State,
    going: Value | None,
    reverse: bool,
) -> dict[str, Value]:
    """All steps at once, where none of them is asked for."""
    terms = apply("project", x if going is None else _running(x, going), weights.w_x)
    inner = primitive == "gru_scan"  # whose second bias goes through the reset gate
    biases = [one for one in (weights.b, None if inner else weights.b_h) if one is not None]
    if biases:
        terms = terms + (biases[0] if len(biases) == 1 else biases[0] + biases[1])
    operands = [terms, weights.w_h, *start.values()]
    if inner:
        zero = literal(x.graph, 0)
        operands.insert(2, zero if weights.b_h is None else weights.b_h)
    operands.append(apply("unending", graph=x.graph) if going is None else going)
    found = apply(primitive, *operands, **settings, reverse=reverse)
    if len(start) == 1:
        return {"hidden": found.named("hidden")}
    return {name: apply("part", found, items=(at,)).named(name) for at, name in enumerate(start)}


def _unrolled(
    cell: Cell,
    x: Value,
    weights: Weights,
    start: State,
    going: Value | None,
    reverse: bool,
    given: Mapping[str, Value],
) -> dict[str, Value]:
    """All steps one by one. given: by name what is given over all steps, named already.

    Of states that are given, where sequences end, the last ones too: what is given beyond an end is none.
    """
    state = start
    found: dict[str, list[Value]] = {name: [] for name in (*cell.stages, *cell.states)}
    count = x.shape[-2]
    assert isinstance(count, int)
    for at in reversed(range(count)) if reverse else range(count):
        still = None if going is None else apply("time_step", going, at=at)
        here = TimeStep(at + 1, state, still, given)
        after = cell.step(here, here.running(apply("time_step", x, at=at)), weights)
        state = {name: after[name] for name in cell.states}
        for name, values in found.items():
            values.append(after[name])
    stacks = {
        name: given[name]
        if name in given
        else apply("stack", *(reversed(values) if reverse else values), axis=-2).named(name)
        for name, values in found.items()
    }
    if going is not None:
        stacks |= {FINAL + name: one for name, one in state.items() if name in given}
    return stacks
