"""The steps of a graph that constraints look at: those with endless digits, kinks, maxima and gates."""

from collections.abc import Iterator, Mapping

import numpy as np

from compute.arithmetic.namespace import Array
from compute.graph.graph import Graph, Value

Table = Mapping[int, Array]
"""Values by index in the graph."""
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


def has_ties(graph: Graph, table: Table) -> bool:
    """Return whether a kink is met, or the operand of a maximum has two equal finite entries."""
    if any((array == 0).any() for _, array in _operands(graph, table, KINKS)):
        return True
    for value, array in _operands(graph, table, MAXIMA):
        is_pooled = value.primitive is not None and value.primitive.name == "max_pool"
        rows = array.reshape(1, -1) if is_pooled or not array.ndim else array.reshape(-1, array.shape[-1])
        for row in rows:
            finite = row[np.isfinite(row)]
            if np.unique(finite).size < finite.size:
                return True
    return False


def is_saturated(graph: Graph, table: Table) -> bool:
    """Return whether an output of a softmax, sigmoid or tanh is at its bound."""
    for value, _ in _operands(graph, table, GATES):
        result = table[value.index]
        is_sigmoid = value.primitive is not None and value.primitive.name == "sigmoid"
        if (np.abs(result) > SURE).any() or (is_sigmoid and (result < 1 - SURE).any()):
            return True
    return False


def _operands(graph: Graph, table: Table, kinds: frozenset[str]) -> Iterator[tuple[Value, Array]]:
    """Yield the steps of some primitives, with the first operand of each."""
    for value in graph.values:
        if value.primitive is None or value.primitive.name not in kinds or value.index not in table:
            continue
        if (operand := table.get(value.inputs[0].index)) is not None:
            yield value, operand
