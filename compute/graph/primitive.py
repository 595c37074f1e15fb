"""The declaration of a primitive: every reading's rule for it, in one place.

A primitive is a `Primitive` instance in a module of `compute/primitives/`. Its rules call only the
arithmetic namespace (`xp`), so they work for every kind of number.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, Size, broadcast, product
from compute.graph.axis_windows import Reads, read_aligned, read_all
from compute.graph.numerics import NO_HAZARD, Finding, Hazard
from compute.graph.work import ENTRY, STEP, copy_work, count_entries
from compute.latex import Formula

RESULT = -1
KEPT = -2
REGISTRY: "dict[str, Primitive]" = {}
Tangents: TypeAlias = Literal["linear", "product", "symmetric", "complex_step"] | Callable[..., Array]
Moments: TypeAlias = Literal[
    "moved", "sum", "difference", "product", "quotient", "total", "mean", "rectifier", "function", "literal",
    "mask", "draw",
]  # fmt: skip


class Cost(NamedTuple):
    """The cost of one application, as numbers or polynomials.

    multiply_adds: pairs of a multiplication and an addition inside contractions.
    elementwise: other arithmetic, one for each entry produced.
    """

    multiply_adds: Size = 0
    elementwise: Size = 0


@dataclass(frozen=True, slots=True)
class GradientRule:
    """The vector-Jacobian product (VJP) of one operand: its gradient from the gradient `g` of the result.

    needs: its further arguments, in calling order: positions of operands, RESULT, or KEPT. An operand that a
        rule does not name may be unknown.
    takes_shapes: whether it takes the operands' shapes.
    attributes: the attributes of the primitive that it takes.
    """

    function: Callable[..., Array]
    needs: tuple[int, ...]
    takes_shapes: bool
    attributes: tuple[str, ...]


class Promise(NamedTuple):
    """An equation that holds for every result of a primitive.

    sides(xp, y, *operands, **attributes): its two sides, arrays of the same shape.
    """

    statement: str
    sides: Callable[..., tuple[Array, Array]]


def elementwise_cost(shape: Shape, *operands: Shape, **attributes: Any) -> Cost:
    """Return the cost of one elementary operation per entry of the result."""
    return Cost(elementwise=product(shape))


def identity_gradient(xp: Arithmetic, g: Array) -> Array:
    """Return the gradient itself: the VJP of a term of a sum."""
    return g


def no_cost(shape: Shape, *operands: Shape, **attributes: Any) -> Cost:
    """Return no cost: entries are only moved."""
    return Cost()


@dataclass(frozen=True, eq=False)
class Primitive:
    """One step of arithmetic, with a rule for every reading.

    forward(xp, *operands, **attributes): the result; its parameters name the operands. If it takes any number
        of operands (`*a`), they share the gradient rule of `a`, which gets the operand's position as `place`.
    gradients: the VJP (xp, g, ...) of each differentiable operand. Its further parameters name its needs:
        `y`, operands, `kept`, attributes, and `shapes` (the operands' shapes).
    keeping(xp, *operands, **attributes): the result and the residuals for a gradient; called instead of
        forward if a gradient that needs `kept` is wanted.
    shape(*shapes, **attributes): the result's shape; raises ShapeError.
    latex(*formulas, **attributes): the formula.
    tangents: the Jacobian-vector product (JVP). "linear": forward of the tangents; "product": the sum of
        forward with one operand at a time replaced by its tangent; "symmetric": the gradient rule, since the
        Jacobian is diagonal or symmetric; "complex_step": forward with the tangents as imaginary parts, see
        `ComplexStep`; otherwise a function (xp, change, y, *operands, **attributes) of one tangent.
    moments: how expectations and variances pass, if entries of operands are random. "moved": entries are
        moved or copied; "sum", "difference", "quotient": of two operands; "product": a sum of as many
        products as it takes multiply-adds for each entry, or one product; "total", "mean": over an axis;
        "rectifier": a function of one entry that is linear on both sides of 0, where it is 0; "function":
        another function of one entry; "literal": a constant; "mask": true with probability 1 - `expression`;
        "draw": uniform on [0, 1) or standard normal.
    cost(shape, *shapes, **attributes): see `Cost`.
    gradient_cost(place, shape, *shapes, **attributes): the cost of the gradient rule of one operand. By
        default that of forward: a product takes as many multiply-adds for each of its factors.
    depth(shape, *shapes, **attributes): the steps that follow one another inside it, if it is a loop. By
        default one, or none if it only moves entries.
    reads(place, shape, *shapes, **attributes): the entries of one operand that an entry of the result reads;
        see `compute.graph.axis_windows`. By default those at the same indices, if it works entry by entry,
        and otherwise all.
    work(shape, *shapes, **attributes): the predicted work of forward (see `compute.graph.work`) if it does
        not follow from cost and entries, as for loops. Sizes are numbers.
    gradient_work(place, shape, *shapes, **attributes): the same for the gradient rule of one operand.
    pairs(shape, *shapes, **attributes): if the result holds some of all query-key pairs, the number of all
        pairs, and the number of its entries that are a pair (None if that depends on symbolic sizes).
    expects: the operands' shapes in words, for error messages.
    scratch(shape, *shapes, **attributes): the numbers held temporarily, if they are many.
    gradient_scratch(place, shape, *shapes, **attributes): the same for the gradient rule of one operand.
    kind: the kind of the result; "same": that of the first operand.
    operand_kinds: the kinds that operands may have, unless that is real, or any if entries are only moved.
    broadcasts: whether operands broadcast, so that gradients are summed back to their shapes.
    propagates_nonfinite: whether a non-finite entry of a real operand always makes one in the result.
    propagates_nonfinite_gradient: whether one in the result's gradient always makes one in every operand's.
    remark(xp, y, *operands, **attributes): (code, message) if the result deserves a note; called only if an
        operand is not finite.
    hazard: why results and gradients stop being finite; a function (**attributes) if that depends on them.
    diagnosis(y, *operands, absorbed, **attributes): what makes finite floating-point numbers unreliable;
        called on request only. absorbed(place): the entries of an operand that were computed from somewhat
        different numbers with the same result, as by cos near 0.
    promise: an equation that holds for every result, verified on request.
    withheld_gradient(**attributes): which gradient it withholds on purpose, in words; None if it passes all.
    convention: its choices where books differ, as the answer states them; a function (**attributes) if they
        depend on those.
    is_row_select: whether it selects the row at index `at` of the last axis but one. The gradients of several
        rows are scattered together, since one array of mostly zeros for each would take quadratic time.
    hidden_operands: operands that formulas and a step's inputs do not mention: masks that only keep NaN and
        infinities from spreading.
    meaning: one sentence for readers, if programs can call it by name.
    operands: the operands' names.
    rules: the gradient rule of each operand.
    """

    name: str
    forward: Callable[..., Array]
    shape: Callable[..., Shape]
    latex: Callable[..., Formula]
    expects: str
    gradients: Mapping[str, Callable[..., Array]] = field(default_factory=dict)
    keeping: Callable[..., tuple[Array, Any]] | None = None
    tangents: Tangents | None = None
    moments: Moments | None = None
    cost: Callable[..., Cost] = elementwise_cost
    gradient_cost: Callable[..., Cost] | None = None
    depth: Callable[..., Size] | None = None
    reads: Callable[..., Reads] | None = None
    pairs: Callable[..., tuple[Size, Size | None]] | None = None
    work: Callable[..., int] | None = None
    gradient_work: Callable[..., int] | None = None
    scratch: Callable[..., Size] | None = None
    gradient_scratch: Callable[..., int] | None = None
    kind: Literal["real", "boolean", "index", "same"] = "real"
    operand_kinds: Mapping[str, tuple[Literal["real", "boolean", "index"], ...]] = field(default_factory=dict)
    broadcasts: bool = False
    propagates_nonfinite: bool = False
    propagates_nonfinite_gradient: bool = False
    remark: Callable[..., tuple[str, str] | None] | None = None
    hazard: Hazard | Callable[..., Hazard] = NO_HAZARD
    diagnosis: Callable[..., Finding | None] | None = None
    promise: Promise | None = None
    withheld_gradient: Callable[..., str | None] | None = None
    convention: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None
    is_row_select: bool = False
    hidden_operands: tuple[str, ...] = ()
    meaning: str = ""
    operands: tuple[str, ...] = field(init=False)
    is_variadic: bool = field(init=False)
    rules: tuple[GradientRule | None, ...] = field(init=False)

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.forward).parameters
        kinds = {name: item.kind for name, item in parameters.items() if item.kind is not item.KEYWORD_ONLY}
        object.__setattr__(self, "operands", tuple(kinds)[1:])
        object.__setattr__(self, "is_variadic", inspect.Parameter.VAR_POSITIONAL in kinds.values())
        if unknown := set(self.gradients) - set(self.operands):
            raise ValueError(f"{self.name} has no operands {unknown}")
        if bool(self.gradients) != (self.tangents is not None):
            raise ValueError(f"{self.name} has to say how tangents pass, if and only if it has gradients")
        rules = (self._make_rule(self.gradients.get(operand)) for operand in self.operands)
        object.__setattr__(self, "rules", tuple(rules))
        if self.name in REGISTRY:
            raise ValueError(f"primitive {self.name} is declared twice")
        if self.name:  # primitives without a name belong to one graph
            REGISTRY[self.name] = self

    def rules_of(self, count: int) -> tuple[GradientRule | None, ...]:
        """Return the gradient rule of each of `count` operands."""
        if not self.is_variadic:
            return self.rules
        [rule] = self.rules
        assert rule is not None
        functions = (partial(rule.function, place=place) for place in range(count))
        return tuple(replace(rule, function=function) for function in functions)

    def hazard_of(self, attributes: Mapping[str, Any]) -> Hazard:
        """Return the hazard for these attributes."""
        return self.hazard if isinstance(self.hazard, Hazard) else self.hazard(**attributes)

    def convention_of(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the conventions for these attributes."""
        if self.convention is None:
            return {}
        return self.convention(**attributes) if callable(self.convention) else self.convention

    def _make_rule(self, function: Callable[..., Array] | None) -> GradientRule | None:
        if function is None:
            return None
        parameters = inspect.signature(function).parameters
        known = {name: place for place, name in enumerate(self.operands)} | {"y": RESULT}
        if self.keeping is not None:
            known["kept"] = KEPT
        needs = [name for name in parameters if name in known]
        attributes = [name for name in parameters if name not in ("xp", "g", "shapes", "place", *known)]
        if list(parameters)[: 2 + len(needs)] != ["xp", "g", *needs]:
            raise ValueError(f"a gradient of {self.name} names its needs after its attributes")
        places = tuple(known[name] for name in needs)
        return GradientRule(function, places, "shapes" in parameters, tuple(attributes))


class Application:
    """A primitive with its attributes, applied to operands of these shapes; many values may share one.

    rules: the gradient rule of each operand.
    differentiable: the positions of operands with a gradient rule.
    Raises ShapeError if the primitive does not take such operands.
    """

    __slots__ = ("attributes", "differentiable", "primitive", "rules", "shape", "shapes")

    def __init__(
        self, primitive: Primitive, shapes: tuple[Shape, ...], attributes: Mapping[str, Any]
    ) -> None:
        self.primitive = primitive
        self.shapes = shapes
        self.attributes = attributes
        self.shape = primitive.shape(*shapes, **attributes)
        self.rules = primitive.rules_of(len(shapes))
        self.differentiable = tuple([place for place, rule in enumerate(self.rules) if rule is not None])

    @property
    def cost(self) -> Cost:
        """The cost of computing it once."""
        return self.primitive.cost(self.shape, *self.shapes, **self.attributes)

    def gradient_cost(self, place: int) -> Cost:
        """Return the cost of the gradient of one operand."""
        count = self.primitive.gradient_cost
        return self.cost if count is None else count(place, self.shape, *self.shapes, **self.attributes)

    @property
    def depth(self) -> Size:
        """The steps that follow one another inside it."""
        if self.primitive.depth is not None:
            return self.primitive.depth(self.shape, *self.shapes, **self.attributes)
        return 1 if any(self.cost) else 0

    def reads(self, place: int) -> Reads:
        """Return the entries of one operand that an entry of the result reads."""
        rule = self.primitive.reads
        if rule is not None:
            return rule(place, self.shape, *self.shapes, **self.attributes)
        operand = self.shapes[place]
        return read_aligned(self.shape, operand) if self._is_elementwise else read_all(operand)

    @property
    def _is_elementwise(self) -> bool:
        """True if an entry of the result certainly reads the entries at its own indices alone."""
        primitive = self.primitive
        works_by_entry = primitive.broadcasts or primitive.tangents == "symmetric"
        if not works_by_entry or "axis" in self.attributes or self.cost.multiply_adds != 0:
            return False
        try:
            return broadcast(*self.shapes) == self.shape
        except ShapeError:
            return False

    @property
    def pairs(self) -> tuple[Size, Size | None] | None:
        """All query-key pairs and those in the result; see `Primitive`."""
        count = self.primitive.pairs
        return None if count is None else count(self.shape, *self.shapes, **self.attributes)

    @property
    def scratch(self) -> Size:
        """The numbers that it holds temporarily."""
        count = self.primitive.scratch
        return 0 if count is None or self.is_open else count(self.shape, *self.shapes, **self.attributes)

    @property
    def is_open(self) -> bool:
        """True if a size is symbolic, so that nothing can be computed."""
        return not all(type(size) is int for shape in (self.shape, *self.shapes) for size in shape)

    @property
    def work(self) -> int:
        """The predicted work of computing it once."""
        if self.is_open:
            return 0
        rule = self.primitive.work
        if rule is not None:
            return STEP + rule(self.shape, *self.shapes, **self.attributes)
        return STEP + self._arithmetic_work + copy_work(self.shape)

    def gradient_work(self, place: int) -> int:
        """Return the predicted work of the gradient rule of one operand."""
        if self.is_open:
            return 0
        rule = self.primitive.gradient_work
        if rule is not None:
            return STEP + rule(place, self.shape, *self.shapes, **self.attributes)
        return STEP + self._arithmetic_work + copy_work(self.shape, self.shape, self.shapes[place])

    def gradient_scratch(self, place: int) -> int:
        """Return the numbers that the gradient rule of one operand holds besides its inputs and result."""
        if self.is_open:
            return 0
        rule = self.primitive.gradient_scratch
        if rule is None:
            return 0
        held = rule(place, self.shape, *self.shapes, **self.attributes)
        return max(0, held - count_entries(self.shape) - count_entries(self.shapes[place]))

    @property
    def _arithmetic_work(self) -> int:
        """The arithmetic of its cost as work."""
        multiply_adds, elementwise = (count if isinstance(count, int) else 0 for count in self.cost)
        return multiply_adds + ENTRY * elementwise
