"""One value of a graph, and how it is computed from other values."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from compute.budgets.planning import spend
from compute.dimensions import Shape, ShapeError, show
from compute.errors import Path, QuestionError
from compute.graph.primitive import REGISTRY, Application, Primitive
from compute.graph.spec import ValueSpec

if TYPE_CHECKING:
    from compute.graph.graph import Graph

Kind = Literal["real", "boolean", "index"]
NO_ATTRIBUTES: Mapping[str, Any] = {}
SPEND_EVERY = 8  # values that are charged to the budget together, since charging each would be slow


class Tensor(NamedTuple):
    """Shape and kind of a tensor whose entries are not known yet."""

    shape: Shape
    kind: Kind = "real"


class Value:
    """One value of a graph, not yet evaluated.

    applied: the primitive applied to its inputs; None for an input of the graph.
    """

    __slots__ = (
        "applied", "attributes", "axes", "declared", "graph", "has_open_batch", "index", "inputs",
        "is_assumed", "is_parameter", "kind", "may_be_infinite", "name", "primitive", "shape", "symbol",
    )  # fmt: skip

    def __init__(
        self,
        graph: "Graph",
        shape: Shape,
        applied: Application | None = None,
        inputs: "tuple[Value, ...]" = (),
    ) -> None:
        self.graph = graph
        self.index = len(graph.values)
        if self.index % SPEND_EVERY == 0:
            spend(SPEND_EVERY)
        self.applied = applied
        self.primitive: Primitive | None = None
        self.inputs = inputs
        self.attributes: Mapping[str, Any] = NO_ATTRIBUTES
        self.shape = shape
        self.kind: Kind = "real"
        if applied is not None:
            self.primitive, self.attributes = applied.primitive, applied.attributes
            kind = applied.primitive.kind
            self.kind = inputs[0].kind if kind == "same" else kind
        self.name: str | None = None
        self.symbol = ""
        self.axes: tuple[str, ...] = ()
        self.declared: ValueSpec | None = None
        self.is_parameter = False
        self.is_assumed = False  # its shape follows from a default, not from the request
        self.has_open_batch = False  # its batch axes are unknown
        for operand in inputs:
            if operand.has_open_batch:
                self.has_open_batch = True
        self.may_be_infinite = False
        graph.values.append(self)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_input(self) -> bool:
        return self.primitive is None

    @property
    def written_inputs(self) -> "tuple[Value, ...]":
        """The inputs that its formula shows."""
        if self.primitive is None or not self.primitive.hidden_operands:
            return self.inputs
        pairs = zip(self.inputs, self.primitive.operands, strict=True)
        return tuple([value for value, operand in pairs if operand not in self.primitive.hidden_operands])

    def named(self, name: str, *, leading: tuple[str, ...] = ()) -> "Value":
        """Give the value a public name and return it. A value that has a name already gets an alias.

        leading: labels of axes before those that the name declares; any others are batch axes.
        """
        return self.graph.name(name, self, leading)

    def __add__(self, other: "Value") -> "Value":
        return apply("add", self, other)

    def __sub__(self, other: "Value") -> "Value":
        return apply("subtract", self, other)

    def __mul__(self, other: "Value") -> "Value":
        return apply("multiply", self, other)

    def __truediv__(self, other: "Value") -> "Value":
        return apply("divide", self, other)

    def __matmul__(self, other: "Value") -> "Value":
        return apply("matmul", self, other)

    @property
    def T(self) -> "Value":  # noqa: N802 - the field's own notation
        """The value with its last two axes exchanged."""
        return apply("transpose", self)


def apply(name: str, *operands: Value, graph: "Graph | None" = None, **attributes: Any) -> Value:
    """Add a value to the graph: a primitive of the registry applied to operands.

    Raises QuestionError if the operands' shapes do not fit the primitive.
    """
    primitive = REGISTRY[name]
    if graph is None:
        graph = operands[0].graph
    try:
        applied = graph.application(primitive, operands, attributes)
    except ShapeError as error:
        path, shapes = _describe_operands(operands)
        raise QuestionError(
            path, f"{name} cannot combine {shapes}: {error}", primitive.expects, shapes
        ) from None
    if primitive.convention is not None:
        graph.conventions.update(primitive.convention_of(attributes))
    return Value(graph, applied.shape, applied, operands)


def _describe_operands(operands: tuple[Value, ...]) -> tuple[Path, str]:
    """Return the path of the last input among the operands, and their names and shapes in words."""
    names = [nearest_names(operand) for operand in operands]
    inputs = [name for operand, near in zip(operands, names, strict=True)
              for name in near if operand.graph.names[name].is_input]  # fmt: skip
    shapes = " and ".join(
        f"{'/'.join(near)} {show(operand.shape)}" for operand, near in zip(operands, names, strict=True)
    )
    return tuple(inputs[-1:]), shapes


def nearest_names(value: Value) -> list[str]:
    """Return the value's own name, or those of its nearest named ancestors."""
    if value.name is not None:
        return [value.name]
    names: dict[str, None] = {}
    seen: set[int] = set()
    pending = [value]
    while pending:
        ancestor = pending.pop()
        if ancestor.index not in seen:
            seen.add(ancestor.index)
            if ancestor.name is not None:
                names.setdefault(ancestor.name)
            else:
                pending.extend(reversed(ancestor.written_inputs))
    return list(names)
