"""The declaration of a primitive: every reading's rule for it, in one place.

A primitive is a `Primitive` instance in a module of `compute/primitives/`. Its rules speak only to the
arithmetic namespace (`xp`), so they hold for every kind of number.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, Size, product
from compute.graph.numerics import NO_HAZARD, Finding, Hazard
from compute.graph.work import ENTRY, STEP, copy_work
from compute.graph.work import count_entries as entries
from compute.latex import Formula

RESULT = -1
KEPT = -2
REGISTRY: "dict[str, Primitive]" = {}
Tangents: TypeAlias = Literal["linear", "product", "symmetric", "complex_step"] | Callable[..., Array]


class Cost(NamedTuple):
    """What one application costs, in numbers or polynomials.

    multiply_adds: pairs of a multiplication and an addition inside contractions;
    elementwise: other arithmetic, one for each entry produced.
    """

    multiply_adds: Size = 0
    elementwise: Size = 0


@dataclass(frozen=True, slots=True)
class GradientRule:
    """How the gradient of one operand follows from the gradient `g` of the result.

    needs: what else it needs, in calling order: places of operands, RESULT, or KEPT.
    An operand that a rule does not name may be unknown.
    """

    function: Callable[..., Array]
    needs: tuple[int, ...]
    takes_shapes: bool
    attributes: tuple[str, ...]


class Promise(NamedTuple):
    """An equation that holds of every result of a primitive: in words, and its two sides.

    sides(xp, y, *operands, **attributes): two arrays of one shape.
    """

    statement: str
    sides: Callable[..., tuple[Array, Array]]


def elementwise_cost(shape: Shape, *operands: Shape, **attributes: Any) -> Cost:
    """One elementary operation for each entry of the result."""
    return Cost(elementwise=product(shape))


def identity_gradient(xp: Arithmetic, g: Array) -> Array:
    """The gradient rule of what is only added to: the gradient itself."""
    return g


def no_cost(shape: Shape, *operands: Shape, **attributes: Any) -> Cost:
    """Entries are only moved."""
    return Cost()


@dataclass(frozen=True, eq=False)
class Primitive:
    """One step of arithmetic, and what every reading needs to know of it.

    forward(xp, *operands, **attributes): the result; its parameters name the operands. Where it takes any
        number of them (`*a`), the gradient rule of all of them is that of `a`, which is told by `place` which
        one is meant.
    gradients: for each differentiable operand, its vector-Jacobian product (xp, g, ...), whose further
        parameters say what it needs: `y`, operands, `kept`, attributes, and `shapes` (the operands' shapes).
    keeping(xp, *operands, **attributes): the result, and what forward came upon that is kept for a gradient:
        done in forward's place where a gradient that needs `kept` is wanted.
    shape(*shapes, **attributes): the result's shape; raises ShapeError.
    latex(*formulas, **attributes): the formula.
    tangents: how small changes of the operands reach the result. "linear": as the operands themselves
        do, all at once; "product": as they do, one at a time, the others unchanged; "symmetric": each
        entry by entry, or by a symmetric matrix, so that the gradient rule carries changes forward too;
        "complex_step": as imaginary parts of the operands, all at once, see `ComplexStep`. A
        function (xp, change, y, *operands, **attributes), for one operand, where none of these holds.
    cost(shape, *shapes, **attributes): see Cost.
    work(shape, *shapes, **attributes): the predicted work of forward, see `compute.graph.work`, where cost
        and the entries of the result do not tell it: loops, say. Sizes are numbers.
    gradient_work(place, shape, *shapes, **attributes): the same for the gradient rule of one operand.
    pairs(shape, *shapes, **attributes): where a result holds a part of all query-key pairs, how many there
        are in all, and how many of its entries stand for one (None where letters leave it open).
    expects: the operands' shapes in words, for error messages.
    scratch(shape, *shapes, **attributes): how many numbers are held for a while, where these are many.
    gradient_scratch(place, shape, *shapes, **attributes): the same for the gradient rule of one operand.
    kind: what the result holds; "same": what the first operand holds.
    takes: what operands may hold, of those for which it is not real numbers, or anything where entries are
        only moved.
    broadcasts: gradients are summed back to the operands' shapes.
    spreads: an entry of a real operand that is not finite always leaves one in the result.
    spreads_back: one in the gradient of the result always leaves one in that of each operand.
    remark(xp, y, *operands, **attributes): (code, message) about a result with something worth saying,
        asked only where an operand is not finite.
    hazard: where results and gradients stop being finite, in words; a function (**attributes) where that
        depends on them.
    diagnosis(y, *operands, absorbed, **attributes): what is no good about floating-point numbers, asked on
        request alone; absorbed(place): at which entries of that operand the step that made it gives the same
        for somewhat different numbers, as cos does near 0.
    promise: an equation that holds of every result, verified where that is asked for.
    withholds(**attributes): in words, which gradient it keeps back on purpose; None where it passes all.
    convention: what the primitive settles where books differ, as the answer states it; a function
        (**attributes) where that depends on them.
    takes_at: it takes what is at index `at` of the last axis but one. Gradients of several such parts are put
        together at once, since an array of mostly zeros for each would take their number squared.
    unwritten: operands that neither formulas nor lists of a step's inputs mention: masks that only keep NaN
        and infinities from spreading.
    operands: the operands' names; rules: the gradient rule of each.
    """

    name: str
    forward: Callable[..., Array]
    shape: Callable[..., Shape]
    latex: Callable[..., Formula]
    expects: str
    gradients: Mapping[str, Callable[..., Array]] = field(default_factory=dict)
    keeping: Callable[..., tuple[Array, Any]] | None = None
    tangents: Tangents | None = None
    cost: Callable[..., Cost] = elementwise_cost
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
    operands: tuple[str, ...] = field(init=False)
    is_variadic: bool = field(init=False)
    rules: tuple[GradientRule | None, ...] = field(init=False)

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.forward).parameters
        kinds = {name: one.kind for name, one in parameters.items() if one.kind is not one.KEYWORD_ONLY}
        object.__setattr__(self, "operands", tuple(kinds)[1:])
        object.__setattr__(self, "is_variadic", inspect.Parameter.VAR_POSITIONAL in kinds.values())
        if unknown := set(self.gradients) - set(self.operands):
            raise ValueError(f"{self.name} has no operands {unknown}")
        if bool(self.gradients) != (self.tangents is not None):
            raise ValueError(f"{self.name} has to say how tangents pass, if and only if it has gradients")
        rules = (self._rule(self.gradients.get(operand)) for operand in self.operands)
        object.__setattr__(self, "rules", tuple(rules))
        if self.name in REGISTRY:
            raise ValueError(f"primitive {self.name} is declared twice")
        REGISTRY[self.name] = self

    def rules_of(self, count: int) -> tuple[GradientRule | None, ...]:
        """The gradient rule of each of so many operands."""
        if not self.is_variadic:
            return self.rules
        [rule] = self.rules
        assert rule is not None
        functions = (partial(rule.function, place=place) for place in range(count))
        return tuple(replace(rule, function=one) for one in functions)

    def hazard_of(self, attributes: Mapping[str, Any]) -> Hazard:
        """Where results and gradients stop being finite, with these attributes."""
        return self.hazard if isinstance(self.hazard, Hazard) else self.hazard(**attributes)

    def convention_of(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the conventions that it fixes with these attributes."""
        if self.convention is None:
            return {}
        return self.convention(**attributes) if callable(self.convention) else self.convention

    def _rule(self, function: Callable[..., Array] | None) -> GradientRule | None:
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
    """A primitive with its attributes, applied to operands of these shapes; many values of a graph share one.

    rules: the gradient rule of each operand; passing: the places of those with one. Raises ShapeError where
    the primitive does not take such operands.
    """

    __slots__ = ("attributes", "passing", "primitive", "rules", "shape", "shapes")

    def __init__(
        self, primitive: Primitive, shapes: tuple[Shape, ...], attributes: Mapping[str, Any]
    ) -> None:
        self.primitive = primitive
        self.shapes = shapes
        self.attributes = attributes
        self.shape = primitive.shape(*shapes, **attributes)
        self.rules = primitive.rules_of(len(shapes))
        self.passing = tuple([place for place, rule in enumerate(self.rules) if rule is not None])

    @property
    def cost(self) -> Cost:
        """What it costs each time."""
        return self.primitive.cost(self.shape, *self.shapes, **self.attributes)

    @property
    def pairs(self) -> tuple[Size, Size | None] | None:
        """The query-key pairs that it holds a part of; see `Primitive`."""
        count = self.primitive.pairs
        return None if count is None else count(self.shape, *self.shapes, **self.attributes)

    @property
    def scratch(self) -> Size:
        """How many numbers it holds for a while."""
        count = self.primitive.scratch
        return 0 if count is None or self.is_open else count(self.shape, *self.shapes, **self.attributes)

    @property
    def is_open(self) -> bool:
        """Whether a size is a letter, so that nothing can be computed."""
        return not all(type(size) is int for shape in (self.shape, *self.shapes) for size in shape)

    @property
    def work(self) -> int:
        """The predicted work of computing it once."""
        if self.is_open:
            return 0
        rule = self.primitive.work
        if rule is not None:
            return STEP + rule(self.shape, *self.shapes, **self.attributes)
        return STEP + self._counted + copy_work(self.shape)

    def gradient_work(self, place: int) -> int:
        """The predicted work of the gradient rule of one operand."""
        if self.is_open:
            return 0
        rule = self.primitive.gradient_work
        if rule is not None:
            return STEP + rule(place, self.shape, *self.shapes, **self.attributes)
        return STEP + self._counted + copy_work(self.shape, self.shape, self.shapes[place])

    def gradient_scratch(self, place: int) -> int:
        """How many numbers the gradient rule of one operand holds beside those that it takes and gives."""
        if self.is_open:
            return 0
        rule = self.primitive.gradient_scratch
        if rule is None:
            return 0
        held = rule(place, self.shape, *self.shapes, **self.attributes)
        return max(0, held - entries(self.shape) - entries(self.shapes[place]))

    @property
    def _counted(self) -> int:
        """The arithmetic of its cost as work."""
        multiply_adds, elementwise = (one if isinstance(one, int) else 0 for one in self.cost)
        return multiply_adds + ENTRY * elementwise
