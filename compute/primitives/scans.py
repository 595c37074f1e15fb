"""All steps of a recurrent layer at once, there and back, over any numbers that NumPy's arrays can hold.

terms is (..., steps, gates*h): what the input gives to the gates at each step. Gradients of all operands are
found together, at the first that is asked for, by going back through the steps once. What a step needs is
computed in the step: arrays over all steps would leave the cache, and memory that is new costs more than
arithmetic.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.fused import FusedBackward, Gradients
from compute.primitives.scalars import count


class RecurrentScan(FusedBackward):
    """What a pass over the steps leaves for the way back. Arrays inside are (sequences, steps, width).

    states: what the pass gives, several behind one another along a new first axis; going: which sequences
    still run, or None where all do.
    """

    states: Array

    def __init__(self, xp: Arithmetic, terms: Array, start: Array, going: Array, reverse: bool) -> None:
        *self.batch, self.steps, _ = terms.shape
        self.xp, self.units = xp, start.shape[-1]
        self.terms = self.flat(terms)
        self.start = start.reshape(-1, self.units)
        self.one, self.zero = count(xp, 1), xp.zeros(())
        self.going: Array | None = None
        if not bool(going.all()):
            self.going = self.flat(np.broadcast_to(going, (*self.batch, self.steps, 1)))
        self.order = range(self.steps - 1, -1, -1) if reverse else range(self.steps)
        self.kind = np.result_type(terms, start)

    def flat(self, a: Array) -> Array:
        """(..., steps, width) as (sequences, steps, width)."""
        return a.reshape(-1, *a.shape[-2:])

    def empty(self, *outer: int, width: int) -> Array:
        """Room for so many numbers of each sequence at each step."""
        return np.empty((*outer, len(self.start), self.steps, width), self.kind)

    def whole(self, a: Array) -> Array:
        """(sequences, steps, width), perhaps behind other axes, as the caller has it."""
        return a.reshape(*a.shape[:-3], *self.batch, *a.shape[-2:])

    def kept(self, t: int, new: Array, old: Array) -> Array:
        """The new state of the sequences that still run, and the old one of the others."""
        return new if self.going is None else self.xp.where(self.going[:, t], new, old)

    def before(self, states: Array, start: Array, t: int) -> Array:
        """The state that step t began with."""
        if t == self.order[0]:
            return start
        found: Array = states[:, t - self.order.step]
        return found

    def shifted(self, states: Array, start: Array) -> Array:
        """The states that all steps began with."""
        found = np.empty_like(states)
        if self.order.step > 0:
            found[:, 0], found[:, 1:] = start, states[:, :-1]
        else:
            found[:, -1], found[:, :-1] = start, states[:, 1:]
        return found

    def back(self) -> Iterable[int]:
        """Steps in the order of the way back."""
        return reversed(self.order)

    def parted(self, t: int, gradient: Array) -> tuple[Array, Array | None]:
        """The gradient of a state: what reaches the step, and what passes it by where a sequence ended."""
        if self.going is None:
            return gradient, None
        going = self.going[:, t]
        return self.xp.where(going, gradient, self.zero), self.xp.where(going, self.zero, gradient)

    def joined(self, carried: Array, passed: Array | None) -> Array:
        return carried if passed is None else self.xp.add(carried, passed)

    def initial(self, gradient: Array) -> Array:
        """A gradient of the state before the first step, (..., h)."""
        return gradient.reshape(*self.batch, -1)

    def product(self, left: Array, right: Array) -> Array:
        """The sum over all steps and sequences of left times right: the gradient of a matrix."""
        return self.xp.matmul(left.reshape(-1, left.shape[-1]).T, right.reshape(-1, right.shape[-1]))

    def total(self, gradient: Array) -> Array:
        """The sum over all steps and sequences: the gradient of a bias."""
        summed: Array = self.xp.sum(gradient.reshape(-1, gradient.shape[-1]), 0)[0]
        return summed

    def differentiate(self, g: Array) -> Gradients:
        return self.returned(g.reshape(self.states.shape))

    @abstractmethod
    def returned(self, g: Array) -> Gradients:
        """The gradients of all operands, for the gradient of the states."""


Slope = Callable[[Array], Array]


def _activations(xp: Arithmetic, one: Array, zero: Array) -> dict[str, tuple[Slope, Slope]]:
    """By name: the function, and its derivative in terms of what it gives."""
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
        going: Array,
        activation: str,
        reverse: bool,
    ) -> None:
        super().__init__(xp, terms, start, going, reverse)
        self.w_h = w_h
        act, self.slope = _activations(xp, self.one, self.zero)[activation]
        self.kind = np.result_type(terms, w_h, start)
        self.states = self.empty(width=self.units)
        hidden = self.start
        for t in self.order:
            hidden = self.kept(t, act(xp.add(self.terms[:, t], xp.matmul(hidden, w_h))), hidden)
            self.states[:, t] = hidden
        self.result = self.whole(self.states)

    def returned(self, g: Array) -> Gradients:
        xp, turned = self.xp, self.w_h.T
        terms, carried = np.empty_like(self.states), xp.zeros(self.start.shape)
        for t in self.back():
            here, passed = self.parted(t, xp.add(g[:, t], carried))
            here = xp.multiply(here, self.slope(self.states[:, t]))
            terms[:, t] = here
            carried = self.joined(xp.matmul(here, turned), passed)
        before = self.shifted(self.states, self.start)
        return self.whole(terms), self.product(before, terms), self.initial(carried)


class LongShortTermScan(RecurrentScan):
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t). Its states are h and c."""

    def __init__(
        self,
        xp: Arithmetic,
        terms: Array,
        w_h: Array,
        start: Array,
        cell: Array,
        going: Array,
        order: tuple[int, ...],
        reverse: bool,
    ) -> None:
        super().__init__(xp, terms, start, going, reverse)
        h = self.units
        self.kind = np.result_type(terms, w_h, start, cell)
        self.w_h, self.cell = w_h, cell.reshape(-1, h)
        self.i, self.f, self.g, self.o = (slice(at * h, (at + 1) * h) for at in order)
        # Gates that stand side by side are squashed together.
        side_by_side = order[1] == order[0] + 1
        pair = slice(order[0] * h, (order[0] + 2) * h)
        runs = [pair, self.o] if side_by_side else [pair, self.f]
        self.gates, self.squashed = self.empty(width=4 * h), self.empty(width=h)
        self.states = self.empty(2, width=h)
        hidden, cell, multiply = self.start, self.cell, xp.multiply
        for t in self.order:
            total, gates = xp.add(self.terms[:, t], xp.matmul(hidden, w_h)), self.gates[:, t]
            for run in runs:
                gates[:, run] = xp.sigmoid(total[:, run])
            gates[:, self.g] = xp.tanh(total[:, self.g])
            new = xp.add(multiply(gates[:, self.f], cell), multiply(gates[:, self.i], gates[:, self.g]))
            cell = self.kept(t, new, cell)
            squashed = xp.tanh(cell)
            hidden = self.kept(t, multiply(gates[:, self.o], squashed), hidden)
            self.squashed[:, t], self.states[0, :, t], self.states[1, :, t] = squashed, hidden, cell
        self.result = self.whole(self.states)

    def returned(self, g: Array) -> Gradients:
        xp, one, turned = self.xp, self.one, self.w_h.T
        multiply, add, subtract = xp.multiply, xp.add, xp.subtract
        terms = np.empty_like(self.gates)
        carried, cell = xp.zeros(self.start.shape), xp.zeros(self.start.shape)
        for t in self.back():
            gates, squashed = self.gates[:, t], self.squashed[:, t]
            slopes = subtract(gates, multiply(gates, gates))
            candidate, output = gates[:, self.g], gates[:, self.o]
            here, passed = self.parted(t, add(g[0, :, t], carried))
            of_cell, passed_cell = self.parted(t, add(g[1, :, t], cell))
            within = multiply(output, subtract(one, multiply(squashed, squashed)))
            of_cell = add(of_cell, multiply(here, within))
            before = self.before(self.states[1], self.cell, t)
            found = np.empty_like(gates)
            found[:, self.i] = multiply(multiply(of_cell, candidate), slopes[:, self.i])
            found[:, self.f] = multiply(multiply(of_cell, before), slopes[:, self.f])
            found[:, self.o] = multiply(multiply(here, squashed), slopes[:, self.o])
            steep = subtract(one, multiply(candidate, candidate))
            found[:, self.g] = multiply(multiply(of_cell, gates[:, self.i]), steep)
            terms[:, t] = found
            cell = self.joined(multiply(of_cell, gates[:, self.f]), passed_cell)
            carried = self.joined(xp.matmul(found, turned), passed)
        matrix = self.product(self.shifted(self.states[0], self.start), terms)
        return self.whole(terms), matrix, self.initial(carried), self.initial(cell)


class GatedScan(RecurrentScan):
    """h_t = n + z (h_{t-1} - n); the two gates stand first, `reset_at` says which of them resets."""

    def __init__(
        self,
        xp: Arithmetic,
        terms: Array,
        w_h: Array,
        b_h: Array,
        start: Array,
        going: Array,
        reset_at: int,
        reset_after: bool,
        reverse: bool,
    ) -> None:
        super().__init__(xp, terms, start, going, reverse)
        h = self.units
        self.kind = np.result_type(terms, w_h, b_h, start)
        self.after, self.bias_shape, self.w_h = reset_after, b_h.shape, w_h
        self.resets = slice(reset_at * h, (reset_at + 1) * h)
        self.updates = slice((1 - reset_at) * h, (2 - reset_at) * h)
        self.both, self.last = slice(0, 2 * h), slice(2 * h, 3 * h)
        bias, outer = np.broadcast_to(b_h, (3 * h,)), slice(None) if reset_after else self.both
        self.gates, self.candidates = self.empty(width=2 * h), self.empty(width=h)
        self.inner = self.empty(width=h)  # what the reset gate is multiplied by
        self.states = self.empty(width=h)
        add, multiply, hidden = xp.add, xp.multiply, self.start
        for t in self.order:
            here = self.terms[:, t]
            of_hidden = add(xp.matmul(hidden, w_h[:, outer]), bias[outer])
            gates = xp.sigmoid(add(here[:, self.both], of_hidden[:, self.both]))
            inner = of_hidden[:, self.last] if reset_after else hidden
            reached = multiply(gates[:, self.resets], inner)
            if not reset_after:
                reached = add(xp.matmul(reached, w_h[:, self.last]), bias[self.last])
            candidate = xp.tanh(add(here[:, self.last], reached))
            new = add(candidate, multiply(gates[:, self.updates], xp.subtract(hidden, candidate)))
            hidden = self.kept(t, new, hidden)
            self.gates[:, t], self.inner[:, t] = gates, inner
            self.candidates[:, t], self.states[:, t] = candidate, hidden
        self.result = self.whole(self.states)

    def returned(self, g: Array) -> Gradients:
        xp, one = self.xp, self.one
        multiply, add, subtract, matmul = xp.multiply, xp.add, xp.subtract, xp.matmul
        terms = self.empty(width=3 * self.units)
        within = self.empty(width=3 * self.units) if self.after else terms
        turned, last_turned = self.w_h.T, self.w_h[:, self.last].T
        carried = xp.zeros(self.start.shape)
        for t in self.back():
            gates, candidate = self.gates[:, t], self.candidates[:, t]
            reset, update = gates[:, self.resets], gates[:, self.updates]
            slopes = subtract(gates, multiply(gates, gates))
            here, passed = self.parted(t, add(g[:, t], carried))
            before = self.before(self.states, self.start, t)
            steep = multiply(subtract(one, update), subtract(one, multiply(candidate, candidate)))
            found = np.empty((len(gates), 3 * self.units), self.kind)
            found[:, self.last] = last = multiply(here, steep)
            found[:, self.updates] = multiply(
                multiply(here, subtract(before, candidate)), slopes[:, self.updates]
            )
            inner = last if self.after else matmul(last, last_turned)
            found[:, self.resets] = multiply(multiply(inner, self.inner[:, t]), slopes[:, self.resets])
            terms[:, t] = found
            reached = multiply(inner, reset)
            if self.after:
                found[:, self.last] = reached
                within[:, t] = found
                back = matmul(found, turned)
            else:
                back = add(matmul(found[:, self.both], turned[self.both]), reached)
            carried = self.joined(add(multiply(here, update), back), passed)
        before = self.shifted(self.states, self.start)
        if self.after:
            matrix = self.product(before, within)
        else:
            reached = multiply(self.gates[..., self.resets], before)
            parts = [
                self.product(before, terms[..., self.both]),
                self.product(reached, terms[..., self.last]),
            ]
            matrix = np.concatenate(parts, axis=-1)
        bias = self.total(within)
        if not self.bias_shape:
            bias = xp.sum(bias, 0)[0]
        return self.whole(terms), matrix, bias.reshape(self.bias_shape), self.initial(carried)
