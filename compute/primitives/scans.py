"""Forward and backward passes over all steps of a recurrent layer, for numbers of any arithmetic.

terms is (..., steps, gates*h): the contribution of the input to the gates at each step. The gradients of all
operands are computed together in one backward pass, when the first is requested. Values of one step are
computed in that step: arrays over all steps would not fit into the cache.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.fused import FusedBackward, Gradients
from compute.primitives.scalars import count


class RecurrentScan(FusedBackward):
    """A forward pass over the steps, and the values kept for the backward pass.

    Arrays inside are (sequences, steps, width).

    states: the states after each step; several kinds of states are stacked along a new first axis.
    running: which sequences have not ended, by step; None if none ends early.
    """

    states: Array

    def __init__(self, xp: Arithmetic, terms: Array, start: Array, running: Array, reverse: bool) -> None:
        *self.batch, self.steps, _ = terms.shape
        self.xp, self.units = xp, start.shape[-1]
        self.terms = self.flatten(terms)
        self.start = start.reshape(-1, self.units)
        self.one, self.zero = count(xp, 1), xp.zeros(())
        self.running: Array | None = None
        if not bool(running.all()):
            self.running = self.flatten(np.broadcast_to(running, (*self.batch, self.steps, 1)))
        self.order = range(self.steps - 1, -1, -1) if reverse else range(self.steps)
        self.kind = np.result_type(terms, start)

    def flatten(self, a: Array) -> Array:
        """Reshape (..., steps, width) to (sequences, steps, width)."""
        return a.reshape(-1, *a.shape[-2:])

    def empty(self, *outer: int, width: int) -> Array:
        """Return an uninitialized array (*outer, sequences, steps, width)."""
        return np.empty((*outer, len(self.start), self.steps, width), self.kind)

    def unflatten(self, a: Array) -> Array:
        """Reshape (..., sequences, steps, width) to the batch axes of the operands."""
        return a.reshape(*a.shape[:-3], *self.batch, *a.shape[-2:])

    def keep_finished(self, t: int, new: Array, old: Array) -> Array:
        """Return the new state of running sequences, and the old state of finished ones."""
        return new if self.running is None else self.xp.where(self.running[:, t], new, old)

    def previous_state(self, states: Array, start: Array, t: int) -> Array:
        """Return the state before step t."""
        if t == self.order[0]:
            return start
        state: Array = states[:, t - self.order.step]
        return state

    def previous_states(self, states: Array, start: Array) -> Array:
        """Return the states before all steps."""
        before = np.empty_like(states)
        if self.order.step > 0:
            before[:, 0], before[:, 1:] = start, states[:, :-1]
        else:
            before[:, -1], before[:, :-1] = start, states[:, 1:]
        return before

    def reversed_steps(self) -> Iterable[int]:
        """Return the steps in the order of the backward pass."""
        return reversed(self.order)

    def split_gradient(self, t: int, gradient: Array) -> tuple[Array, Array | None]:
        """Split the gradient of a state: that of running sequences, and that which bypasses the step."""
        if self.running is None:
            return gradient, None
        running = self.running[:, t]
        return self.xp.where(running, gradient, self.zero), self.xp.where(running, self.zero, gradient)

    def add_bypassed(self, carried: Array, bypassed: Array | None) -> Array:
        return carried if bypassed is None else self.xp.add(carried, bypassed)

    def unflatten_state(self, gradient: Array) -> Array:
        """Reshape a gradient of the initial state to (..., h)."""
        return gradient.reshape(*self.batch, -1)

    def weight_gradient(self, left: Array, right: Array) -> Array:
        """Return the sum of left^T right over all steps and sequences: the gradient of a weight matrix."""
        return self.xp.matmul(left.reshape(-1, left.shape[-1]).T, right.reshape(-1, right.shape[-1]))

    def bias_gradient(self, gradient: Array) -> Array:
        """Return the sum over all steps and sequences: the gradient of a bias."""
        summed: Array = self.xp.sum(gradient.reshape(-1, gradient.shape[-1]), 0)[0]
        return summed

    def differentiate(self, g: Array) -> Gradients:
        return self.backward(g.reshape(self.states.shape))

    @abstractmethod
    def backward(self, g: Array) -> Gradients:
        """Return the gradients of all operands for the gradient of the states."""


Slope = Callable[[Array], Array]


def _activations(xp: Arithmetic, one: Array, zero: Array) -> dict[str, tuple[Slope, Slope]]:
    """Return by name each activation function and its derivative in terms of its result."""
    return {
        "tanh": (xp.tanh, lambda y: xp.subtract(one, xp.multiply(y, y))),
        "sigmoid": (xp.sigmoid, lambda y: xp.subtract(y, xp.multiply(y, y))),
        "relu": (
            lambda a: xp.where(xp.greater(a, zero), a, zero),
            lambda y: xp.where(xp.greater(y, zero), one, zero),
        ),
        "identity": (lambda a: a, lambda y: one),
    }


class ElmanScan(RecurrentScan):
    """h_t = activation(terms_t + h_{t-1} W_h)."""

    def __init__(
        self,
        xp: Arithmetic,
        terms: Array,
        w_h: Array,
        start: Array,
        running: Array,
        activation: str,
        reverse: bool,
    ) -> None:
        super().__init__(xp, terms, start, running, reverse)
        self.w_h = w_h
        act, self.slope = _activations(xp, self.one, self.zero)[activation]
        self.kind = np.result_type(terms, w_h, start)
        self.states = self.empty(width=self.units)
        hidden = self.start
        for t in self.order:
            hidden = self.keep_finished(t, act(xp.add(self.terms[:, t], xp.matmul(hidden, w_h))), hidden)
            self.states[:, t] = hidden
        self.result = self.unflatten(self.states)

    def backward(self, g: Array) -> Gradients:
        xp, transposed = self.xp, self.w_h.T
        terms, carried = np.empty_like(self.states), xp.zeros(self.start.shape)
        for t in self.reversed_steps():
            gradient, bypassed = self.split_gradient(t, xp.add(g[:, t], carried))
            gradient = xp.multiply(gradient, self.slope(self.states[:, t]))
            terms[:, t] = gradient
            carried = self.add_bypassed(xp.matmul(gradient, transposed), bypassed)
        before = self.previous_states(self.states, self.start)
        return self.unflatten(terms), self.weight_gradient(before, terms), self.unflatten_state(carried)


class LongShortTermScan(RecurrentScan):
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t). Its states are h and c."""

    def __init__(
        self,
        xp: Arithmetic,
        terms: Array,
        w_h: Array,
        start: Array,
        cell: Array,
        running: Array,
        order: tuple[int, ...],
        reverse: bool,
    ) -> None:
        super().__init__(xp, terms, start, running, reverse)
        h = self.units
        self.kind = np.result_type(terms, w_h, start, cell)
        self.w_h, self.cell = w_h, cell.reshape(-1, h)
        self.i, self.f, self.g, self.o = (slice(at * h, (at + 1) * h) for at in order)
        # One sigmoid for adjacent gates.
        side_by_side = order[1] == order[0] + 1
        pair = slice(order[0] * h, (order[0] + 2) * h)
        runs = [pair, self.o] if side_by_side else [pair, self.f]
        self.gates, self.cell_tanh = self.empty(width=4 * h), self.empty(width=h)
        self.states = self.empty(2, width=h)
        hidden, cell, multiply = self.start, self.cell, xp.multiply
        for t in self.order:
            total, gates = xp.add(self.terms[:, t], xp.matmul(hidden, w_h)), self.gates[:, t]
            for run in runs:
                gates[:, run] = xp.sigmoid(total[:, run])
            gates[:, self.g] = xp.tanh(total[:, self.g])
            new = xp.add(multiply(gates[:, self.f], cell), multiply(gates[:, self.i], gates[:, self.g]))
            cell = self.keep_finished(t, new, cell)
            cell_tanh = xp.tanh(cell)
            hidden = self.keep_finished(t, multiply(gates[:, self.o], cell_tanh), hidden)
            self.cell_tanh[:, t], self.states[0, :, t], self.states[1, :, t] = cell_tanh, hidden, cell
        self.result = self.unflatten(self.states)

    def backward(self, g: Array) -> Gradients:
        xp, one, transposed = self.xp, self.one, self.w_h.T
        multiply, add, subtract = xp.multiply, xp.add, xp.subtract
        terms = np.empty_like(self.gates)
        carried, cell = xp.zeros(self.start.shape), xp.zeros(self.start.shape)
        for t in self.reversed_steps():
            gates, cell_tanh = self.gates[:, t], self.cell_tanh[:, t]
            slopes = subtract(gates, multiply(gates, gates))
            candidate, output = gates[:, self.g], gates[:, self.o]
            of_hidden, bypassed = self.split_gradient(t, add(g[0, :, t], carried))
            of_cell, bypassed_cell = self.split_gradient(t, add(g[1, :, t], cell))
            hidden_slope = multiply(output, subtract(one, multiply(cell_tanh, cell_tanh)))
            of_cell = add(of_cell, multiply(of_hidden, hidden_slope))
            before = self.previous_state(self.states[1], self.cell, t)
            of_gates = np.empty_like(gates)
            of_gates[:, self.i] = multiply(multiply(of_cell, candidate), slopes[:, self.i])
            of_gates[:, self.f] = multiply(multiply(of_cell, before), slopes[:, self.f])
            of_gates[:, self.o] = multiply(multiply(of_hidden, cell_tanh), slopes[:, self.o])
            candidate_slope = subtract(one, multiply(candidate, candidate))
            of_gates[:, self.g] = multiply(multiply(of_cell, gates[:, self.i]), candidate_slope)
            terms[:, t] = of_gates
            cell = self.add_bypassed(multiply(of_cell, gates[:, self.f]), bypassed_cell)
            carried = self.add_bypassed(xp.matmul(of_gates, transposed), bypassed)
        matrix = self.weight_gradient(self.previous_states(self.states[0], self.start), terms)
        return self.unflatten(terms), matrix, self.unflatten_state(carried), self.unflatten_state(cell)


class GatedScan(RecurrentScan):
    """h_t = n + z (h_{t-1} - n). The two gates come first; `reset_at` is the index of the reset gate."""

    def __init__(
        self,
        xp: Arithmetic,
        terms: Array,
        w_h: Array,
        b_h: Array,
        start: Array,
        running: Array,
        reset_at: int,
        reset_after: bool,
        reverse: bool,
    ) -> None:
        super().__init__(xp, terms, start, running, reverse)
        h = self.units
        self.kind = np.result_type(terms, w_h, b_h, start)
        self.after, self.bias_shape, self.w_h = reset_after, b_h.shape, w_h
        self.resets = slice(reset_at * h, (reset_at + 1) * h)
        self.updates = slice((1 - reset_at) * h, (2 - reset_at) * h)
        self.gate_part, self.candidate_part = slice(0, 2 * h), slice(2 * h, 3 * h)
        bias, outer = np.broadcast_to(b_h, (3 * h,)), slice(None) if reset_after else self.gate_part
        self.gates, self.candidates = self.empty(width=2 * h), self.empty(width=h)
        self.inner = self.empty(width=h)  # the other factor of the reset gate
        self.states = self.empty(width=h)
        add, multiply, hidden = xp.add, xp.multiply, self.start
        for t in self.order:
            terms_t = self.terms[:, t]
            of_hidden = add(xp.matmul(hidden, w_h[:, outer]), bias[outer])
            gates = xp.sigmoid(add(terms_t[:, self.gate_part], of_hidden[:, self.gate_part]))
            inner = of_hidden[:, self.candidate_part] if reset_after else hidden
            gated = multiply(gates[:, self.resets], inner)
            if not reset_after:
                gated = add(xp.matmul(gated, w_h[:, self.candidate_part]), bias[self.candidate_part])
            candidate = xp.tanh(add(terms_t[:, self.candidate_part], gated))
            new = add(candidate, multiply(gates[:, self.updates], xp.subtract(hidden, candidate)))
            hidden = self.keep_finished(t, new, hidden)
            self.gates[:, t], self.inner[:, t] = gates, inner
            self.candidates[:, t], self.states[:, t] = candidate, hidden
        self.result = self.unflatten(self.states)

    def backward(self, g: Array) -> Gradients:
        xp, one = self.xp, self.one
        multiply, add, subtract, matmul = xp.multiply, xp.add, xp.subtract, xp.matmul
        terms = self.empty(width=3 * self.units)
        hidden_terms = self.empty(width=3 * self.units) if self.after else terms
        transposed, candidate_transposed = self.w_h.T, self.w_h[:, self.candidate_part].T
        carried = xp.zeros(self.start.shape)
        for t in self.reversed_steps():
            gates, candidate = self.gates[:, t], self.candidates[:, t]
            reset, update = gates[:, self.resets], gates[:, self.updates]
            slopes = subtract(gates, multiply(gates, gates))
            gradient, bypassed = self.split_gradient(t, add(g[:, t], carried))
            before = self.previous_state(self.states, self.start, t)
            candidate_slope = multiply(subtract(one, update), subtract(one, multiply(candidate, candidate)))
            of_gates = np.empty((len(gates), 3 * self.units), self.kind)
            of_gates[:, self.candidate_part] = last = multiply(gradient, candidate_slope)
            of_gates[:, self.updates] = multiply(
                multiply(gradient, subtract(before, candidate)), slopes[:, self.updates]
            )
            inner = last if self.after else matmul(last, candidate_transposed)
            of_gates[:, self.resets] = multiply(multiply(inner, self.inner[:, t]), slopes[:, self.resets])
            terms[:, t] = of_gates
            gated = multiply(inner, reset)
            if self.after:
                of_gates[:, self.candidate_part] = gated
                hidden_terms[:, t] = of_gates
                to_hidden = matmul(of_gates, transposed)
            else:
                to_hidden = add(matmul(of_gates[:, self.gate_part], transposed[self.gate_part]), gated)
            carried = self.add_bypassed(add(multiply(gradient, update), to_hidden), bypassed)
        before = self.previous_states(self.states, self.start)
        if self.after:
            matrix = self.weight_gradient(before, hidden_terms)
        else:
            gated = multiply(self.gates[..., self.resets], before)
            parts = [
                self.weight_gradient(before, terms[..., self.gate_part]),
                self.weight_gradient(gated, terms[..., self.candidate_part]),
            ]
            matrix = np.concatenate(parts, axis=-1)
        bias = self.bias_gradient(hidden_terms)
        if not self.bias_shape:
            bias = xp.sum(bias, 0)[0]
        return self.unflatten(terms), matrix, bias.reshape(self.bias_shape), self.unflatten_state(carried)
