"""Declarations of known mistakes: replacements of steps in the graph of an operation or a program.

A misconception is one function that builds the mistaken step from values of the graph. The forward values and
the gradients that belong to it follow from the graph, as for every other step. A mistake in a gradient alone
keeps the value of the step and replaces the gradient rule of one operand.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size
from compute.errors import QuestionError
from compute.graph.graph import INDEX, Graph, Value, apply, apply_primitive
from compute.graph.primitive import Primitive, identity_gradient, no_cost
from compute.graph.steps import step_values
from compute.latex import Formula
from compute.operations.framework.constants import add_literal

GradientRule = Callable[..., Array]
"""A mistaken gradient rule (xp, g, ...). Its further parameters are `y`, the value of the step, `x`, the
operand that gets the gradient, and the names of other values that it is given."""


class DoesNotApply(Exception):
    """A misconception has no meaning for a step, as for a bias that does not exist."""


DOES_NOT_FIT = (DoesNotApply, QuestionError, ShapeError, ValueError, LookupError, AttributeError)
"""The errors of a misconception at a step that is not of the form that it expects, as after another one."""


@dataclass(frozen=True, slots=True)
class Misconception:
    """A known mistake.

    code: its public name: the topic, a dot, and the mistake.
    build: returns the mistaken value of a step; None, or DoesNotApply is raised, where it has no meaning.
    steps: the names of the values that it replaces, without their scope; `hidden[t]` for all steps.
    operations: the operations whose steps these are; empty for all.
    primitives: the primitives that it replaces, in operations and in programs.
    reshapes: whether the mistaken step may have another shape than the right one.
    message: names the idea for the student, without numbers of the answer.
    note: explains to the grader what was computed.
    source: an occurrence of the mistake.
    """

    code: str
    build: "Callable[[Step], Value | None]"
    message: str
    note: str
    source: str
    steps: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    primitives: frozenset[str] = frozenset()
    reshapes: bool = False

    def concerns(self, operation: str, name: str) -> bool:
        """Return whether it replaces a named value of an operation."""
        return declared_name(name) in self.steps and (not self.operations or operation in self.operations)

    def concerns_primitive(self, operation: str, primitive: str) -> bool:
        """Return whether it replaces a primitive that an operation, or a program (""), applies."""
        return primitive in self.primitives and (not self.operations or operation in self.operations)


def declared_name(name: str) -> str:
    """Return the name under which an operation declares a value: `hidden[t]` for `layer[0].hidden[3]`."""
    return INDEX.sub("[t]", name.rpartition(".")[2])


def misconception(
    code: str,
    *,
    at: str | Collection[str] = (),
    of: Collection[str] = (),
    primitives: Collection[str] = (),
    reshapes: bool = False,
    message: str,
    note: str,
    source: str,
) -> "Callable[[Callable[[Step], Value | None]], Misconception]":
    """Declare a function that builds a mistaken step as a misconception.

    at: the names of the values that it replaces.
    of: the operations that it belongs to; all by default.
    primitives: the primitives that it replaces.
    reshapes: whether the mistaken step may have another shape, as with another stride.
    """
    steps = (at,) if isinstance(at, str) else at
    if bool(steps) == bool(primitives):
        raise ValueError(f"{code} needs names of values or primitives, not both")

    def declare(build: "Callable[[Step], Value | None]") -> Misconception:
        return Misconception(
            code,
            build,
            message,
            note,
            source,
            frozenset(steps),
            frozenset(of),
            frozenset(primitives),
            reshapes,
        )

    return declare


@dataclass(frozen=True, slots=True)
class Step:
    """A step that a misconception replaces.

    value: its right value.
    name: its name inside the operation; "" for a primitive without a name of its own.
    """

    value: Value
    name: str

    @property
    def graph(self) -> Graph:
        """The graph that is being built."""
        return self.value.graph

    @property
    def operands(self) -> tuple[Value, ...]:
        """The operands of its last primitive."""
        return self.value.inputs

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of its last primitive."""
        return self.value.attributes

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the operation."""
        return self.graph.settings

    @property
    def sizes(self) -> Mapping[str, Size]:
        """The sizes of the operation's dimensions, by name."""
        return self.graph.dimensions

    def __getitem__(self, name: str) -> Value:
        """Return an earlier value of the operation, or an input, by its name.

        Raises DoesNotApply if there is none.
        """
        value = self.graph.names.get(self.graph.full_name(name), self.graph.arguments.get(name))
        if value is None:
            raise DoesNotApply(name)
        return value

    def has(self, name: str) -> bool:
        """Return whether the operation has an input or an earlier value of this name."""
        return name in self.graph.arguments or self.graph.full_name(name) in self.graph.names

    def size(self, value: Value, axis: int) -> int:
        """Return the size of an axis. Raises DoesNotApply if it is not a number, or there is no such axis."""
        if not -value.rank <= axis < value.rank or not isinstance(value.shape[axis], int):
            raise DoesNotApply(f"axis {axis}")
        size = value.shape[axis]
        assert isinstance(size, int)
        return size

    def find(self, primitive: str) -> Value:
        """Return the last application of a primitive inside the step.

        Raises DoesNotApply if there is none.
        """
        for value in reversed(step_values(self.value)):
            if value.primitive is not None and value.primitive.name == primitive:
                return value
        raise DoesNotApply(primitive)

    def constant(self, number: float) -> Value:
        """Return a constant."""
        return add_literal(self.graph, number)

    def rebuilt(self, replaced: Mapping[Value, Value], whole: Value | None = None) -> Value:
        """Return the step computed from other operands.

        replaced: the value to use in the place of each operand, named or inside the step.
        whole: the value to compute again; that of the step by default.
        """
        whole = self.value if whole is None else whole
        copies = dict(replaced)
        if whole in copies:
            return copies[whole]
        for inner in step_values(whole):
            if inner in copies or inner.primitive is None:
                continue
            operands = tuple([copies.get(operand, operand) for operand in inner.inputs])
            if operands != inner.inputs:
                copies[inner] = apply_primitive(
                    inner.primitive, *operands, graph=self.graph, **inner.attributes
                )
        return copies.get(whole, whole)

    def with_gradient(self, operand: Value, rule: GradientRule, /, **needs: Value) -> Value:
        """Return the step with its own value and another gradient of one operand.

        operand: an operand of the step, named or inside it.
        rule: the gradient of the operand; other operands keep theirs.
        needs: further values that the rule takes, by the names of its parameters.
        """
        kept = self.rebuilt({operand: stop_gradient(operand)})
        if kept is self.value:
            raise DoesNotApply("an operand of another step")
        return with_gradient_rule(kept, operand, rule, needs)

    def with_gradient_through(self, operand: Value, other: Value) -> Value:
        """Return the step with its own value, and the gradient of one operand that another value gives.

        operand: an operand of the step, named or inside it.
        other: a value of the step's shape that depends on the operand.
        """
        kept = self.rebuilt({operand: stop_gradient(operand)})
        if kept is self.value:
            raise DoesNotApply("an operand of another step")
        return with_gradient_rule(kept, other, identity_gradient)


def stop_gradient(value: Value) -> Value:
    """Return a value that passes no gradient on."""
    return apply_primitive(_STOPPED, value)


def fixed_mask(graph: Graph, allowed: Array) -> Value:
    """Return booleans that do not depend on the question's entries."""
    mask = Primitive(
        name="",
        forward=lambda xp: allowed,
        shape=lambda: allowed.shape,
        latex=lambda: Formula("M"),
        expects="nothing",
        cost=no_cost,
        kind="boolean",
    )
    return apply_primitive(mask, graph=graph)


def invert_mask(mask: Value) -> Value:
    """Return booleans with true and false exchanged."""
    return apply_primitive(_INVERTED, mask)


def with_gradient_rule(
    value: Value,
    operand: Value,
    rule: GradientRule,
    needs: Mapping[str, Value] = {},
) -> Value:
    """Return a value that passes its gradient on unchanged, and one by another rule to an operand.

    needs: further values that the rule takes, by the names of its parameters.
    """

    def forward(xp: Arithmetic, y: Array, x: Array, *needed: Array) -> Array:
        return y

    def shape(y: Shape, *others: Shape) -> Shape:
        return y

    def latex(y: Formula, *others: Formula) -> Formula:
        return y

    @wraps(rule)
    def as_array(xp: Arithmetic, g: Array, *needed: Array) -> Array:
        return np.asarray(rule(xp, g, *needed), dtype=g.dtype)  # exact numbers may come without an array

    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, plain) for name in ("xp", "y_", "x", *needs)]
    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # names the operands
    primitive = Primitive(
        name="",
        forward=forward,
        shape=shape,
        latex=latex,
        expects="a value, and the values that its gradient needs",
        gradients={"y_": identity_gradient, "x": as_array},
        tangents="linear",
        cost=no_cost,
        kind="same",
    )
    return apply_primitive(primitive, value, operand, *needs.values())


@dataclass(frozen=True, slots=True)
class MistakenSteps:
    """The replacement of steps by those of a misconception.

    places: which of the steps that it concerns are replaced, counted from 0; None for all.
    """

    misconception: Misconception
    places: frozenset[int] | None = None

    def at_name(self, value: Value, name: str) -> Value:
        """Return the mistaken value of a name that the misconception concerns."""
        if not self.misconception.concerns(value.graph.operation, name):
            return value
        return self._mistaken(Step(value, name))

    def at_application(self, value: Value) -> Value:
        """Return the mistaken value of a primitive that the misconception concerns."""
        assert value.primitive is not None
        if not self.misconception.concerns_primitive(value.graph.operation, value.primitive.name):
            return value
        return self._mistaken(Step(value, ""))

    def _mistaken(self, step: Step) -> Value:
        graph, value = step.graph, step.value
        first = len(graph.values)
        with graph.without_replacement():
            try:
                mistaken = self.misconception.build(step)
            except DOES_NOT_FIT:
                return value
            if mistaken is None or mistaken is value:
                return value
            if mistaken.shape != value.shape and not self.misconception.reshapes:
                return value
            place = graph.replaceable
            graph.replaceable += 1
            if self.places is not None and place not in self.places:
                return value
            if mistaken.name is not None or mistaken.index < first:  # a value that other steps use, too
                mistaken = apply("identity", mistaken)
        graph.replaced.update((value.index, *range(first, len(graph.values))))
        return mistaken


def _identity(xp: Arithmetic, a: Array) -> Array:
    return a


def _invert(xp: Arithmetic, mask: Array) -> Array:
    return np.logical_not(mask)


_INVERTED = Primitive(
    name="",
    forward=_invert,
    shape=lambda mask: mask,
    latex=lambda mask: mask,
    expects="booleans",
    operand_kinds={"mask": ("boolean",)},
    cost=no_cost,
    kind="boolean",
)
_STOPPED = Primitive(
    name="",
    forward=_identity,
    shape=lambda a: a,
    latex=lambda a: a,
    expects="one value",
    cost=no_cost,
    kind="same",
)
