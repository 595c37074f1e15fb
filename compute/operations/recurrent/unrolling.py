"""Recurrent layers along a sequence: stacked, in one or both directions, step by step or in one scan."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from compute.budgets.planning import foresee
from compute.dimensions import Shape, ShapeError, broadcast, product, show
from compute.errors import QuestionError, TooLarge
from compute.graph.graph import INDEX, Graph, Value, apply
from compute.operations.framework.constants import add_literal
from compute.operations.recurrent.cells import Cell, State, TimeStep, Weights
from compute.operations.recurrent.rnn_layout import RnnLayout, StackedWeights

MOST_NAMED = 15_000  # named values in all layers; larger graphs take seconds to build
MOST_LAYERS = 1000  # layers times directions
FINAL = "final_"


def run_layers(
    cell: Cell,
    x: Value,
    weights_stack: StackedWeights,
    initial: dict[str, Value | None],
    lengths: Value | None,
    layout: RnnLayout,
) -> Value:
    """Run all layers over a sequence, and name the steps, the stacks, the output and the final states.

    x: (... t d).
    initial: by state, its value before the first step, (... h), with axes for layers and directions before
        the last if there are several; None for zeros.
    lengths: the length of each sequence; None if all have the full length.

    Raises QuestionError if shapes do not fit, and TooLarge for too many layers or steps.
    """
    if (passes := layout.layers * len(layout.directions)) > MOST_LAYERS:
        raise TooLarge(
            ("layers",), "too many layers", f"at most {MOST_LAYERS}, where each direction counts", f"{passes}"
        )
    weights_stack.check(layout)
    graph, running = x.graph, None
    if x.is_assumed:
        _infer_batch(x, {*cell.stages, *cell.states, "output"})
    if lengths is not None:
        _check_lengths(lengths, x)
        graph.conventions["beyond_lengths"] = "inputs are read as 0, states stay as they are, output is 0"
        running = apply("running", lengths, steps=x.shape[-2])
    graph.conventions["time_steps"] = "counted from 1; the initial state is that of step 0"
    # With one direction and no lengths the output is the last layer's hidden states.
    is_last_hidden = graph.is_given("output") and len(layout.directions) == 1 and running is None
    last: dict[str, list[Value]] = {name: [] for name in cell.states}
    hidden = x
    for layer in range(layout.layers):
        outputs = []
        for direction, direction_name in enumerate(layout.directions):
            with _layer_scope(graph, layout, layer, direction_name):
                weights = weights_stack.layer_weights(layout, layer, direction)
                sizes = (*x.shape[:-2], weights.hidden)
                start = {
                    name: _initial_state(name, initial[name], sizes, layout, (layer, direction), graph)
                    for name in cell.states
                }
                given = {name for name in (*cell.stages, *cell.states) if graph.is_given(name)}
                if layer == layout.layers - 1 and is_last_hidden:
                    given.add("hidden")
                stacks = _run_direction(
                    cell, hidden, weights, start, running, direction_name == "reverse", given
                )
            end = 0 if direction_name == "reverse" else -1
            for name in cell.states:
                steps = stacks[name]
                at = end % steps.shape[-2] if isinstance(steps.shape[-2], int) else 0
                last[name].append(stacks.get(FINAL + name) or apply("time_step", steps, at=at))
            outputs.append(stacks["hidden"])
        hidden = _concatenate_directions(outputs)
        if running is not None:
            hidden = _mask_ended(hidden, running)
    output = hidden.named("output")
    for name, values in last.items():
        _stack_final_states(values, layout).named(FINAL + name, leading=layout.labels)
    return output


def _mask_ended(sequence: Value, running: Value) -> Value:
    """Return a sequence (... t d) with zeros, not NaN, beyond the end of each sequence."""
    return apply("where", running, sequence, add_literal(sequence.graph, 0))


def _infer_batch(x: Value, names: set[str]) -> None:
    """Give an unknown x the batch and the steps of a value that is given over all steps."""
    for name, shape in x.graph.given.items():
        if name.rpartition(".")[2] in names and len(shape) >= x.rank:
            x.shape, x.has_open_batch = (*shape[:-1], x.shape[-1]), False
            return


def _concatenate_directions(values: list[Value]) -> Value:
    """Concatenate the directions of a layer along the last axis."""
    return values[0] if len(values) == 1 else apply("join_axes", apply("stack", *values, axis=-2))


def _stack_final_states(values: list[Value], layout: RnnLayout) -> Value:
    """Return the final states of all layers and directions, with axes for these if there are several."""
    if layout.is_single:
        return values[0]
    stacked = apply("stack", *values, axis=-2)
    if len(layout.labels) < 2:
        return stacked
    *outer, _, units = stacked.shape
    return apply("reshape", stacked, to=(*outer, *layout.sizes(layout.layers), units))


@contextmanager
def _layer_scope(graph: Graph, layout: RnnLayout, layer: int, direction_name: str) -> Iterator[None]:
    """Open the scope of one of several layers or directions: `layer[0].reverse.hidden[3]`."""
    parts = [f"layer[{layer}]"] * (layout.layers > 1) + [direction_name] * (len(layout.directions) > 1)
    if not parts:
        yield
        return
    declared = {
        name: spec._replace(symbol=_symbol(spec.symbol, layout, layer, direction_name))
        for name, spec in graph.declared.items()
    }
    with graph.scope(".".join(parts), declared, graph.dimensions):
        yield


def _symbol(symbol: str, layout: RnnLayout, layer: int, direction_name: str) -> str:
    """Mark a symbol with an arrow for its direction and a superscript for its layer."""
    letter, below, rest = symbol.partition("_")
    if len(layout.directions) > 1:
        letter = rf"\over{'left' if direction_name == 'reverse' else 'right'}arrow{{{letter}}}"
    return letter + (f"^{{({layer})}}" if layout.layers > 1 else "") + below + rest


def _check_lengths(lengths: Value, x: Value) -> None:
    if lengths.shape != x.shape[:-2]:
        raise QuestionError(
            ("lengths",), "expected one length per sequence", f"shape {show(x.shape[:-2])}",
            f"shape {show(lengths.shape)}",
        )  # fmt: skip


def _initial_state(
    name: str, initial: Value | None, sizes: Shape, layout: RnnLayout, at: tuple[int, int], graph: Graph
) -> Value:
    """Return the state before the first step of one layer in one direction."""
    if initial is None:
        zero = add_literal(graph, 0)
        return apply("broadcast_to", zero, to=sizes)
    axes = layout.sizes(layout.layers)
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
        place = at[1] if len(axes) == 1 and layout.layers == 1 else at[0] * len(layout.directions) + at[1]
        initial = apply("time_step", flat, at=place)
    return initial if initial.shape == sizes else apply("broadcast_to", initial, to=sizes)


def _run_direction(
    cell: Cell,
    x: Value,
    weights: Weights,
    start: State,
    running: Value | None,
    reverse: bool,
    given: set[str],
) -> dict[str, Value]:
    """Run one layer in one direction, and return each state over all steps, (... t h), in sequence order.

    given: the names of values that are given over all steps.
    """
    graph, steps = x.graph, x.shape[-2]
    scan = cell.scan if weights.peepholes is None else None
    inside = {*cell.stages, *(f"{name}[t]" for name in (*cell.stages, *cell.states))}
    asked = {name for name in graph.requested_in_scope() if INDEX.sub("[t]", name) in inside}
    if not isinstance(steps, int) and any("[" in name for name in asked):
        raise QuestionError(
            ("x",), "the number of steps is unknown, so that no step can be named",
            f"x, (..., t, d), or {' or '.join(cell.states)} over all steps under given", "neither",
        )  # fmt: skip
    plain = not asked and not given and not graph.needs_all_values
    if scan is not None and not graph.symbolic and (plain or not isinstance(steps, int)):
        return _run_scan(*scan, x, weights, start, running, reverse)
    if not isinstance(steps, int):
        raise QuestionError(
            ("x",), "these settings need a known number of steps", "a number of steps", f"{steps} steps"
        )
    named = len(graph.names) + steps * (len(cell.stages) + len(cell.states))
    if named > MOST_NAMED:
        raise TooLarge(
            ("x",),
            "too many steps to name each; send shorter sequences, or select the values to return",
            f"at most {MOST_NAMED} named values in all layers",
            f"at least {named}",
        )
    foresee(steps * len({*cell.stages, *cell.states}))
    if not given:
        return _unroll(cell, x, weights, start, running, reverse, {})
    for name in asked:
        whole = name.partition("[")[0]
        if whole in given and whole != name and graph.is_given(name):
            raise QuestionError(
                ("given", graph.full_name(name)), f"{name} is given twice: it is a step of {whole}",
                "one of the two", "both",
            )  # fmt: skip
    # A value that is given over all steps replaces the computed stack, and each step uses its row.
    with graph.without_names():
        computed = _unroll(cell, x, weights, start, running, reverse, {})
    rows = {name: computed[name].named(name) for name in (*cell.stages, *cell.states) if name in given}
    return _unroll(cell, x, weights, start, running, reverse, rows)


def _run_scan(
    primitive: str,
    settings: dict[str, Any],
    x: Value,
    weights: Weights,
    start: State,
    running: Value | None,
    reverse: bool,
) -> dict[str, Value]:
    """Compute all steps in one primitive, without naming them."""
    terms = apply("project", x if running is None else _mask_ended(x, running), weights.w_x)
    inner = primitive == "gru_scan"  # its second bias is inside the reset gate's product
    biases = [bias for bias in (weights.b, None if inner else weights.b_h) if bias is not None]
    if biases:
        terms = terms + (biases[0] if len(biases) == 1 else biases[0] + biases[1])
    operands = [terms, weights.w_h, *start.values()]
    if inner:
        zero = add_literal(x.graph, 0)
        operands.insert(2, zero if weights.b_h is None else weights.b_h)
    operands.append(apply("always_true", graph=x.graph) if running is None else running)
    states = apply(primitive, *operands, **settings, reverse=reverse)
    if len(start) == 1:
        return {"hidden": states.named("hidden")}
    return {name: apply("part", states, items=(at,)).named(name) for at, name in enumerate(start)}


def _unroll(
    cell: Cell,
    x: Value,
    weights: Weights,
    start: State,
    running: Value | None,
    reverse: bool,
    given: Mapping[str, Value],
) -> dict[str, Value]:
    """Compute and name all steps one by one, and return the stacks over all steps.

    given: named values over all steps, by name. If sequences end, the result also has the final state of each
        given state, because given rows beyond an end are ignored.
    """
    state = start
    steps: dict[str, list[Value]] = {name: [] for name in (*cell.stages, *cell.states)}
    count = x.shape[-2]
    assert isinstance(count, int)
    for at in reversed(range(count)) if reverse else range(count):
        still = None if running is None else apply("time_step", running, at=at)
        here = TimeStep(at + 1, state, still, given)
        after = cell.step(here, here.mask_ended(apply("time_step", x, at=at)), weights)
        state = {name: after[name] for name in cell.states}
        for name, values in steps.items():
            values.append(after[name])
    stacks = {
        name: given[name]
        if name in given
        else apply("stack", *(reversed(values) if reverse else values), axis=-2).named(name)
        for name, values in steps.items()
    }
    if running is not None:
        stacks |= {FINAL + name: value for name, value in state.items() if name in given}
    return stacks
