"""Known mistakes in the gates of long short-term memory and of gated recurrent units."""

from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import Step, misconception
from compute.operations.recurrent.stages import applied, operand_user, product, stage, terms

LSTM, GRU = ("lstm",), ("gru",)


def _cell_terms(step: Step) -> tuple[Value, Value]:
    """Return the products of the forget gate with the cell, and of the input gate with the candidate."""
    return product(step, stage(step, "forget_gate")), product(step, stage(step, "input_gate"))


@misconception(
    "lstm.cell_added_for_multiplied",
    at="cell[t]",
    of=LSTM,
    message="Look at how the input gate acts on the candidate.",
    note="the input gate and the candidate were added instead of multiplied",
    source="torchrecurrent#22",
)
def cell_added_for_multiplied(step: Step) -> Value:
    """Add the input gate to the candidate."""
    entering = _cell_terms(step)[1]
    gate, candidate = entering.inputs
    return step.rebuilt({entering: gate + candidate})


@misconception(
    "lstm.cell_products_swapped",
    at="cell[t]",
    of=LSTM,
    message="Look at which gate belongs to the previous cell, and which to the candidate.",
    note="the input gate was applied to the previous cell, and the forget gate to the candidate",
    source="CMSIS-NN#181",
)
def cell_products_swapped(step: Step) -> Value:
    """Exchange the input gate and the forget gate."""
    kept, entering = _cell_terms(step)
    (forget_gate, cell), (input_gate, candidate) = kept.inputs, entering.inputs
    return step.rebuilt({kept: input_gate * cell, entering: forget_gate * candidate})


@misconception(
    "lstm.forget_gate_left_out",
    at="cell[t]",
    of=LSTM,
    message="Look at what happens to the previous cell before the candidate is added.",
    note="the previous cell was kept without the forget gate",
    source="seen in courses",
)
def forget_gate_left_out(step: Step) -> Value:
    """Keep the whole previous cell."""
    kept, _ = _cell_terms(step)
    return step.rebuilt({kept: kept.inputs[1]})


@misconception(
    "lstm.input_gate_left_out",
    at="cell[t]",
    of=LSTM,
    message="Look at what happens to the candidate before it is added to the cell.",
    note="the candidate was added to the cell without the input gate",
    source="seen in courses",
)
def input_gate_left_out(step: Step) -> Value:
    """Add the whole candidate."""
    _, entering = _cell_terms(step)
    return step.rebuilt({entering: entering.inputs[1]})


@misconception(
    "lstm.hidden_for_cell",
    at="cell[t]",
    of=LSTM,
    message="There are two states: look at which of them the forget gate acts on.",
    note="the forget gate was applied to the previous hidden state instead of the previous cell",
    source="seen in courses",
)
def hidden_for_cell(step: Step) -> Value:
    """Keep a part of the hidden state."""
    kept, _ = _cell_terms(step)
    hidden = terms(Step(stage(step, "preactivation"), ""))[1].inputs[0]
    return step.rebuilt({kept: kept.inputs[0] * hidden})


@misconception(
    "lstm.cell_without_tanh",
    at="hidden[t]",
    of=LSTM,
    message="Look at what is applied to the cell before the output gate.",
    note="the output gate was applied to the cell itself, without its activation",
    source="seen in courses",
)
def cell_without_tanh(step: Step) -> Value:
    """Show the cell without its activation."""
    shown = product(step, stage(step, "output_gate"))
    return step.rebuilt({shown: shown.inputs[0] * stage(step, "cell")})


@misconception(
    "lstm.output_gate_left_out",
    at="hidden[t]",
    of=LSTM,
    message="Look at what decides how much of the cell is shown.",
    note="the activation of the cell was shown without the output gate",
    source="seen in courses",
)
def output_gate_left_out(step: Step) -> Value:
    """Show the whole cell."""
    shown = product(step, stage(step, "output_gate"))
    return step.rebuilt({shown: shown.inputs[1]})


@misconception(
    "lstm.coupled_gates",
    at="forget_gate[t]",
    of=LSTM,
    message="The forget gate has weights of its own: look at what it is computed from.",
    note="the forget gate was taken as 1 minus the input gate",
    source="glample/tagger#25",
)
def coupled_gates(step: Step) -> Value | None:
    """Let the input gate decide what is forgotten."""
    if step.settings["coupled"]:
        return None
    return step.constant(1) - stage(step, "input_gate")


@misconception(
    "lstm.gate_bias_of_another",
    at="preactivation[t]",
    of=LSTM,
    message="Each gate has a bias of its own: look at which one you added.",
    note="the bias of the output gate was added in all three gates",
    source="numpy-ml#42",
)
def gate_bias_of_another(step: Step) -> Value:
    """Use the bias of the output gate in all gates."""
    of_both = operand_user(step, "add", 1, terms(step)[1])
    biased = operand_user(step, "add", 0, of_both)
    bias = biased.inputs[1]
    size = step.size(bias, -1) // 4
    candidate, output_gate = (2, 3) if _is_first_order(step) else (3, 1)
    blocks = [candidate if at == candidate else output_gate for at in range(4)]
    parts = [apply("columns", bias, start=at * size, stop=(at + 1) * size) for at in blocks]
    return step.rebuilt({biased: of_both + apply("concatenate", *parts, axis=-1)})


def _is_first_order(step: Step) -> bool:
    return bool(step.settings["gate_order"] == "input_forget_candidate_output")


def _with_block(step: Step, order: str) -> Value | None:
    """Return a gate, or the candidate, computed from another block of the preactivation.

    order: the first letters of input gate, forget gate, output gate and candidate (g), in the assumed order.
    """
    letter = "g" if step.name.startswith("candidate") else step.name[0]
    block = step.find("columns")
    start, stop = block.attributes["start"], block.attributes["stop"]
    size = stop - start
    first = order.index(letter) * size
    if first == start:
        return None
    return step.rebuilt({block: apply("columns", *block.inputs, start=first, stop=first + size)})


GATES = ("input_gate[t]", "forget_gate[t]", "candidate[t]", "output_gate[t]")


@misconception(
    "lstm.gates_in_order_i_o_f_g",
    at=GATES,
    of=LSTM,
    message="Look at the order in which the gates lie side by side in the weights.",
    note="the blocks were taken in the order input gate, output gate, forget gate, candidate",
    source="the order of ONNX; seen in courses",
)
def gates_in_order_i_o_f_g(step: Step) -> Value | None:
    """Take the blocks in the order of ONNX."""
    return _with_block(step, "iofg")


@misconception(
    "lstm.gates_in_order_i_f_o_g",
    at=GATES,
    of=LSTM,
    message="Look at the order in which the gates lie side by side in the weights.",
    note="the blocks were taken in the order input gate, forget gate, output gate, candidate",
    source="the order of CS231n's assignment; seen in courses",
)
def gates_in_order_i_f_o_g(step: Step) -> Value | None:
    """Take the blocks with the candidate last."""
    return _with_block(step, "ifog")


@misconception(
    "gru.update_gate_turned_round",
    at="hidden[t]",
    of=GRU,
    message="Look at which of the two the update gate keeps: the candidate or the previous state.",
    note="the update gate was applied to the candidate, and its complement to the previous state",
    source="ConvGRUCell#1; CNTK#3292; pytorch#15875; handson-ml#563",
)
def update_gate_turned_round(step: Step) -> Value:
    """Apply the update gate to the candidate."""
    update = stage(step, "update_gate")
    kept = product(step, update)
    total = operand_user(step, "add", 1, kept)
    rest, candidate = total.inputs[0].inputs
    return step.rebuilt({total: update * candidate + rest * kept.inputs[1]})


@misconception(
    "gru.reset_gate_left_out",
    at="candidate[t]",
    of=GRU,
    message="Look at what the candidate takes over from the previous state.",
    note="the candidate was computed without the reset gate",
    source="GRU-D#2",
)
def reset_gate_left_out(step: Step) -> Value:
    """Leave out the reset gate."""
    reset = product(step, stage(step, "reset_gate"))
    return step.rebuilt({reset: reset.inputs[1]})


@misconception(
    "gru.gates_swapped",
    at=("candidate[t]", "hidden[t]"),
    of=GRU,
    message="There are two gates: look at which enters the candidate, and which the new state.",
    note="the update gate stood in the candidate, and the reset gate in the new state",
    source="distill memorization-in-rnns#24",
)
def gates_swapped(step: Step) -> Value:
    """Exchange the places of the gates."""
    reset, update = stage(step, "reset_gate"), stage(step, "update_gate")
    if step.name.startswith("candidate"):
        used = product(step, reset)
        return step.rebuilt({used: update * used.inputs[1]})
    return step.rebuilt({update: reset})


@misconception(
    "gru.gate_blocks_exchanged",
    at=("reset_gate[t]", "update_gate[t]"),
    of=GRU,
    message="Look at the order in which the gates lie side by side in the weights.",
    note="the blocks of the reset gate and of the update gate were exchanged",
    source="the orders of PyTorch and Keras differ",
)
def gate_blocks_exchanged(step: Step) -> Value:
    """Take each gate from the block of the other one."""
    blocks = applied(step.value, "columns")[-2:]
    exchanged = {}
    for block in blocks:
        start, stop = block.attributes["start"], block.attributes["stop"]
        size = stop - start
        first = 0 if start else size
        exchanged[block] = apply("columns", *block.inputs, start=first, stop=first + size)
    return step.rebuilt(exchanged)


@misconception(
    "gru.reset_on_the_other_side",
    at="candidate[t]",
    of=GRU,
    message="Look at what the reset gate is applied to: the previous state, or its product with the weights.",
    note="the reset gate was applied before the product with the weights instead of after, or the other way"
    " round (then without a bias inside)",
    source="the setting reset_after; pytorch and keras differ",
)
def reset_on_the_other_side(step: Step) -> Value:
    """Apply the reset gate on the other side of the product."""
    reset = stage(step, "reset_gate")
    used = product(step, reset)
    if not step.settings["reset_after"]:
        projected = operand_user(step, "project", 0, used)
        state, weights = used.inputs[1], projected.inputs[1]
        return step.rebuilt({projected: reset * apply("project", state, weights)})
    hidden_terms = stage(step, "hidden_terms")
    start, stop = (used.inputs[1].attributes[name] for name in ("start", "stop"))
    projected = Step(hidden_terms, "").find("project")
    state, weights = projected.inputs
    columns = apply("columns", weights, start=start, stop=stop)
    term = apply("project", reset * state, columns)
    if projected is not hidden_terms:
        term = term + apply("columns", hidden_terms.inputs[1], start=start, stop=stop)
    return step.rebuilt({used: term})


MISCONCEPTIONS = (
    cell_added_for_multiplied,
    cell_products_swapped,
    forget_gate_left_out,
    input_gate_left_out,
    hidden_for_cell,
    cell_without_tanh,
    output_gate_left_out,
    coupled_gates,
    gate_bias_of_another,
    gates_in_order_i_o_f_g,
    gates_in_order_i_f_o_g,
    update_gate_turned_round,
    reset_gate_left_out,
    gates_swapped,
    gate_blocks_exchanged,
    reset_on_the_other_side,
)
