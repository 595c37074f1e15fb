"""Recurrent cells: one time step of a layer, with every gate named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

from compute.arithmetic.expressions import Expression
from compute.dimensions import Size
from compute.graph.graph import Value, apply
from compute.operations.framework.constants import add_literal
from compute.operations.layers.activation import ActivationName, activate

SCANNED = ("tanh", "relu", "sigmoid", "identity")  # the activations of `rnn_scan`
State: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Weights:
    """The parameters of one layer in one direction.

    w_x: (in, gates*h).
    w_h: (h, gates*h).
    b, b_h: (gates*h).
    peepholes: (3, h).
    """

    w_x: Value
    w_h: Value
    b: Value | None = None
    b_h: Value | None = None
    peepholes: Value | None = None

    @property
    def hidden(self) -> Size:
        """The number of units of the layer, h."""
        return self.w_h.shape[0]


@dataclass(frozen=True, slots=True)
class TimeStep:
    """One time step.

    number: counted from 1.
    before: the states before the step.
    running: whether each sequence is still running, (... 1); None if all are.
    given: values that are given over all steps, by name, (... t h).
    """

    number: int
    before: State
    running: Value | None
    given: Mapping[str, Value]

    def mask_ended(self, value: Value) -> Value:
        """Return the value with zeros, not NaN, for sequences that have ended."""
        if self.running is None:
            return value
        return apply("where", self.running, value, add_literal(value.graph, 0))

    def named(self, name: str, value: Value) -> Value:
        """Name a value of this step. If it is given over all steps, use the given row instead.

        A given row of a sequence that has ended is named, but not used.
        """
        if name in self.given:
            return self.mask_ended(self._row(name))
        return value.named(f"{name}[{self.number}]")

    def _row(self, name: str) -> Value:
        """Name this step's row of a value that is given over all steps."""
        row = apply("time_step", self.given[name], at=self.number - 1)
        return row.named(f"{name}[{self.number}]")

    def state(self, name: str, value: Value) -> Value:
        """Name a state after the step; that of a sequence that has ended does not change."""
        if name in self.given:
            value = self._row(name)
            return value if self.running is None else apply("where", self.running, value, self.before[name])
        if self.running is not None:
            value = apply("where", self.running, value, self.before[name])
        if value.name is not None:  # a stage that is passed on without an activation
            value = apply("identity", value)
        return self.named(name, value)


class Cell(Protocol):
    """One kind of recurrent cell.

    states: the names of the states, that of the output first.
    stages: the names of the other values of each step.
    """

    states: ClassVar[tuple[str, ...]]
    stages: ClassVar[tuple[str, ...]]

    def step(self, here: TimeStep, x: Value, weights: Weights) -> dict[str, Value]:
        """Return the next states and all stages of a step, named."""

    @property
    def scan(self) -> tuple[str, dict[str, Any]] | None:
        """The primitive that computes all steps at once, with its settings; None if there is none."""


def _add(total: Value, *terms: Value | None) -> Value:
    for term in terms:
        if term is not None:
            total = total + term
    return total


def _ones(value: Value) -> Value:
    return add_literal(value.graph, 1)


def _clip(value: Value, bound: Expression | None) -> Value:
    """Clip the argument of an activation to [-bound, bound]."""
    if bound is None:
        return value
    return apply("hardtanh", value, min_val=Expression("negative", (bound,)), max_val=bound)


def _gate_columns(value: Value, at: int, size: Size) -> Value:
    return apply("columns", value, start=at * size, stop=(at + 1) * size)


@dataclass(frozen=True, slots=True)
class Elman:
    """h_t = activation(x_t W_x + h_{t-1} W_h + b)."""

    states: ClassVar[tuple[str, ...]] = ("hidden",)
    stages: ClassVar[tuple[str, ...]] = ("preactivation",)
    activation: ActivationName
    clip: Expression | None = None

    def step(self, here: TimeStep, x: Value, weights: Weights) -> dict[str, Value]:
        total = apply("project", x, weights.w_x) + apply("project", here.before["hidden"], weights.w_h)
        total = here.named("preactivation", _clip(_add(total, weights.b, weights.b_h), self.clip))
        hidden = here.state("hidden", activate(total, self.activation))
        return {"preactivation": total, "hidden": hidden}

    @property
    def scan(self) -> tuple[str, dict[str, Any]] | None:
        if self.activation not in SCANNED or self.clip is not None:
            return None
        return "rnn_scan", {"activation": self.activation}


@dataclass(frozen=True, slots=True)
class LongShortTerm:
    """Gates i, f, o and a candidate g: c_t = f c_{t-1} + i g, h_t = o tanh(c_t).

    order: the indices in the weights of the input gate, the forget gate, the candidate and the output gate.
    coupled: whether the forget gate is 1 minus the input gate.
    clip: the bound of the arguments of activations.
    """

    states: ClassVar[tuple[str, ...]] = ("hidden", "cell")
    stages: ClassVar[tuple[str, ...]] = (
        "preactivation", "input_gate", "forget_gate", "candidate", "output_gate",
    )  # fmt: skip
    order: tuple[int, int, int, int]
    gate_activation: ActivationName
    activation: ActivationName
    cell_activation: ActivationName
    coupled: bool = False
    clip: Expression | None = None

    def step(self, here: TimeStep, x: Value, weights: Weights) -> dict[str, Value]:
        total = apply("project", x, weights.w_x) + apply("project", here.before["hidden"], weights.w_h)
        total = here.named("preactivation", _add(total, weights.b, weights.b_h))
        before, size = here.before["cell"], weights.hidden
        columns = [_gate_columns(total, index, size) for index in self.order]

        def gate(name: str, at: int, cell: Value, peephole: int) -> Value:
            argument = columns[at]
            if weights.peepholes is not None:
                argument = argument + apply("time_step", weights.peepholes, at=peephole) * cell
            return here.named(name, activate(_clip(argument, self.clip), self.gate_activation))

        input_gate = gate("input_gate", 0, before, 0)
        if self.coupled:
            forget_gate = here.named("forget_gate", _ones(input_gate) - input_gate)
        else:
            forget_gate = gate("forget_gate", 1, before, 2)
        candidate = here.named("candidate", activate(_clip(columns[2], self.clip), self.activation))
        cell = here.state("cell", forget_gate * before + input_gate * candidate)
        output_gate = gate("output_gate", 3, cell, 1)
        shown = output_gate * activate(_clip(cell, self.clip), self.cell_activation)
        return {
            "preactivation": total,
            "input_gate": input_gate,
            "forget_gate": forget_gate,
            "candidate": candidate,
            "output_gate": output_gate,
            "cell": cell,
            "hidden": here.state("hidden", shown),
        }

    @property
    def scan(self) -> tuple[str, dict[str, Any]] | None:
        activations = (self.gate_activation, self.activation, self.cell_activation)
        if activations != ("sigmoid", "tanh", "tanh") or self.coupled or self.clip is not None:
            return None
        return "lstm_scan", {"order": self.order}


@dataclass(frozen=True, slots=True)
class GatedUnit:
    """Gates r and z and a candidate n: h_t = (1 - z) n + z h_{t-1}.

    reset_at: the index in the weights of the reset gate, 0 or 1; the update gate has the other, the candidate
    2. reset_after: whether the reset gate is applied to h_{t-1} W_h + b_h instead of h_{t-1}.
    clip: the bound of the arguments of activations.
    """

    states: ClassVar[tuple[str, ...]] = ("hidden",)
    stages: ClassVar[tuple[str, ...]] = (
        "input_terms", "hidden_terms", "reset_gate", "update_gate", "candidate",
    )  # fmt: skip
    reset_at: int
    gate_activation: ActivationName
    activation: ActivationName
    reset_after: bool
    clip: Expression | None = None

    def step(self, here: TimeStep, x: Value, weights: Weights) -> dict[str, Value]:
        before, size, w_h, b_h = here.before["hidden"], weights.hidden, weights.w_h, weights.b_h
        terms = here.named("input_terms", _add(apply("project", x, weights.w_x), weights.b))
        if not self.reset_after:  # the candidate's columns are used after the reset gate
            w_h = apply("columns", w_h, start=0, stop=2 * size)
            b_h = None if b_h is None else apply("columns", b_h, start=0, stop=2 * size)
        of_hidden = here.named("hidden_terms", _add(apply("project", before, w_h), b_h))

        def gate(name: str, at: int) -> Value:
            total = _gate_columns(terms, at, size) + _gate_columns(of_hidden, at, size)
            return here.named(name, activate(_clip(total, self.clip), self.gate_activation))

        reset, update = gate("reset_gate", self.reset_at), gate("update_gate", 1 - self.reset_at)
        total = _gate_columns(terms, 2, size)
        if self.reset_after:
            total = total + reset * _gate_columns(of_hidden, 2, size)
        else:
            total = total + apply("project", reset * before, _gate_columns(weights.w_h, 2, size))
            total = _add(total, None if weights.b_h is None else _gate_columns(weights.b_h, 2, size))
        candidate = here.named("candidate", activate(_clip(total, self.clip), self.activation))
        return {
            "input_terms": terms,
            "hidden_terms": of_hidden,
            "reset_gate": reset,
            "update_gate": update,
            "candidate": candidate,
            "hidden": here.state("hidden", (_ones(update) - update) * candidate + update * before),
        }

    @property
    def scan(self) -> tuple[str, dict[str, Any]] | None:
        if (self.gate_activation, self.activation) != ("sigmoid", "tanh") or self.clip is not None:
            return None
        return "gru_scan", {"reset_at": self.reset_at, "reset_after": self.reset_after}
