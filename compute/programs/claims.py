"""Claims of programs: comparisons of values, of gradients of a scalar, and of shapes.

A gradient is no step of the program: a claim about one has a value without a step in its place, which the
reading of claims fills in once the gradient is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import EQUAL, Relation
from compute.budgets.planning import spend
from compute.dimensions import Shape, product, show
from compute.errors import QuestionError, unknown_name
from compute.graph.graph import Value
from compute.programs.language import parse_claim
from compute.programs.syntax import INFINITY, Node, ProgramFault
from compute.programs.terms import KINDS, Terms, Unknown
from compute.readings.described import described

LINE = 1  # units for a side, in addition to its values
GRADIENT, SHAPE, LIMIT = "grad", "shape", "limit"
INFINITIES = (INFINITY, "infinity", "oo")
DECIMALS = 15


@dataclass(frozen=True, slots=True)
class ToleratedClaim:
    """A claim whose sides may differ by more than rounding."""

    claim: str = described("The claim, such as `a == 0.73` or `0 < a <= b`.")
    tolerance: float | None = described(
        "The largest difference of the sides of `==`, and the largest amount by which an inequality may be"
        " missed.",
        default=None,
        bounds={"ge": 0, "le": 1e300},
    )
    decimals: int | None = described(
        "The number of decimals to which the sides agree: a tolerance of half a unit of the last one.",
        default=None,
        bounds={"ge": 0, "le": DECIMALS},
    )

    @property
    def allowed(self) -> str | None:
        """The larger of both tolerances, as decimal text; None if there is none."""
        texts = [] if self.tolerance is None else [str(self.tolerance)]
        texts += [] if self.decimals is None else [f"5e-{self.decimals + 1}"]
        return max(texts, key=float, default=None)


@dataclass(frozen=True, slots=True)
class GradientValue:
    """A value of the graph that holds the gradient of a scalar with respect to another value."""

    value: Value
    of: Value
    wrt: Value


@dataclass(frozen=True, slots=True)
class LimitValue:
    """A value of the graph that holds the limit of another as a free symbol goes to a constant.

    to: None for infinity, with its sign. path: the claim.
    """

    value: Value
    of: Value
    symbol: str
    to: Expression | None
    sign: int
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a claim. text: as the claim writes it; sides: None if one is unknown."""

    text: str
    relation: Relation
    sides: tuple[Value, Value] | None


@dataclass(frozen=True, slots=True)
class ShapeComparison:
    """One comparison of shapes, which is decided without entries."""

    text: str
    holds: bool
    how: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim: comparisons that all have to hold, and the gradients and limits that their sides use."""

    comparisons: tuple[Comparison | ShapeComparison, ...]
    gradients: tuple[GradientValue, ...] = ()
    limits: tuple[LimitValue, ...] = ()


class ClaimBuilder:
    """Builds claims from the terms of a program.

    used: the names that claims use and that no line assigns.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms, self._graph = terms, terms.graph
        self._gradients: dict[tuple[int, int], GradientValue] = {}
        self._used_gradients: dict[tuple[int, int], GradientValue] = {}
        self._limits: list[LimitValue] = []
        self._path: tuple[str | int, ...] = ()
        self.used: set[str] = set()

    def build(self, claim: str | ToleratedClaim, at: int) -> Claim:
        """Build the comparisons of a claim. Raises QuestionError at the claim."""
        path: tuple[str | int, ...] = ("claims", at)
        relation = EQUAL
        if isinstance(claim, ToleratedClaim):
            path, relation, claim = (*path, "claim"), replace(EQUAL, tolerance=claim.allowed), claim.claim
        self._used_gradients, self._limits, self._path = {}, [], path
        try:
            parsed = parse_claim(claim, self._terms.terms)
            self.used |= parsed.names - self._terms.lines.keys()
            spend(LINE * len(parsed.sides))
            nodes = [self._resolve(node) for node in parsed.sides]
            compare: Callable[..., Comparison | ShapeComparison] = self._compare_values
            sides: list[Any] = []
            if any(node.head == "shape" for node in nodes):
                compare, sides = self._compare_shapes, [self._shape(node) for node in nodes]
            else:
                sides = [self._terms.one(self._terms.build(node), node) for node in nodes]
            comparisons = [
                compare(text, replace(relation, sign=sign), sides[place], sides[place + 1], nodes[place + 1])
                for place, (sign, text) in enumerate(zip(parsed.signs, parsed.texts, strict=True))
            ]
        except ProgramFault as fault:
            raise fault.at(*path) from None
        except QuestionError as error:
            raise type(error)(path, error.message, error.expected, error.received) from None
        return Claim(tuple(comparisons), tuple(self._used_gradients.values()), tuple(self._limits))

    def _compare_values(
        self, text: str, relation: Relation, left: Value | Unknown, right: Value | Unknown, node: Node
    ) -> Comparison:
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Comparison(text, relation, None)
        if "boolean" in (left.kind, right.kind):
            raise ProgramFault(node.column, "a side holds booleans", "sides of numbers", "booleans")
        try:
            shape = (left - right).shape
        except QuestionError:
            shape = None
        if shape not in (left.shape, right.shape):
            shapes = f"{show(left.shape)} and {show(right.shape)}"
            raise ProgramFault(node.column, "the sides differ in shape", "sides of one shape", shapes)
        return Comparison(text, relation, (left, right))

    def _compare_shapes(
        self, text: str, relation: Relation, left: Shape | Unknown, right: Shape | Unknown, node: Node
    ) -> Comparison | ShapeComparison:
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Comparison(text, relation, None)
        if relation.sign not in ("==", "!="):
            raise ProgramFault(
                node.column, "shapes are equal or not, and have no order",
                "== or !=; or sizes such as shape(x)[0]", f"the sign {relation.sign}",
            )  # fmt: skip
        are_equal = left == right
        how = (
            f"both shapes are {show(left)}" if are_equal else f"the shapes are {show(left)} and {show(right)}"
        )
        return ShapeComparison(text, are_equal == (relation.sign == "=="), how)

    def _shape(self, node: Node) -> Shape | Unknown:
        """Return the shape that a side writes."""
        if node.head == "shape":
            return self._terms.shape_of(node)
        if node.head == "list" and all(
            one.head == "number" and one.text.isdecimal() for one in node.operands
        ):
            return tuple(int(one.text) for one in node.operands)
        raise ProgramFault(
            node.column, "a shape is compared with something else",
            "a list of sizes such as [2, 3], or a shape", "another expression",
        )  # fmt: skip

    def _resolve(self, node: Node) -> Node:
        """Return a node with gradients, shapes and inner names replaced by their terms."""
        if node.head == "name":
            return _as_node(node, self._named(node)) if "." in node.text else node
        if node.head == "call" and node.text == GRADIENT:
            return _as_node(node, self._gradient(node))
        if node.head == "call" and node.text == LIMIT:
            return _as_node(node, self._limit(node))
        if node.head == "call" and node.text == SHAPE:
            [operand] = self._arguments(node, 1, "shape(x), of one value")
            return Node("shape", node.column, operands=(self._resolve(operand),))
        return replace(
            node,
            operands=tuple(self._resolve(operand) for operand in node.operands),
            items=tuple(self._resolve(item) if isinstance(item, Node) else item for item in node.items),
            keywords=tuple((name, self._resolve(setting)) for name, setting in node.keywords),
        )

    def _gradient(self, node: Node) -> Value | Unknown:
        """Return the value that stands for `grad(L, v)`."""
        scalar, name = self._arguments(node, 2, "grad(L, v), of a scalar with respect to a named value")
        before = len(self._used_gradients)
        of = self._terms.one(self._terms.build(self._resolve(scalar)), scalar)
        if len(self._used_gradients) > before:
            raise ProgramFault(
                scalar.column, "grad cannot be taken of a gradient",
                "a scalar of the program; hessian_vector has second derivatives", "a gradient inside grad",
            )  # fmt: skip
        wrt = self._named(name)
        if isinstance(of, Unknown) or isinstance(wrt, Unknown):
            return Unknown()
        if product(of.shape) != 1:
            raise ProgramFault(
                scalar.column, "grad needs a scalar", "a value with one entry, such as the loss",
                f"shape {show(of.shape)}",
            )  # fmt: skip
        for value, place in ((of, scalar), (wrt, name)):
            if value.kind != "real":
                raise ProgramFault(place.column, "grad needs numbers", "a real value", KINDS[value.kind])
        if of.name is None:
            of.name = f"claimed[{of.index}]"  # only named values are differentiated
        key = of.index, wrt.index
        if key not in self._gradients:
            self._gradients[key] = GradientValue(Value(self._graph, wrt.shape), of, wrt)
        self._used_gradients[key] = self._gradients[key]
        return self._gradients[key].value

    def _limit(self, node: Node) -> Value | Unknown:
        """Return the value that stands for `limit(x, s, inf)`."""
        operand, symbol, to = self._arguments(node, 3, "limit(x, s, inf), as a free symbol goes to a number")
        if not self._graph.symbolic:
            raise ProgramFault(
                node.column, "limits need exact arithmetic", 'arithmetic "exact", and a free symbol', "floats"
            )
        if symbol.head != "name" or "." in symbol.text:
            raise ProgramFault(symbol.column, "is no symbol", "the name of a free symbol", "an expression")
        before = len(self._limits)
        of = self._terms.one(self._terms.build(self._resolve(operand)), operand)
        if len(self._limits) > before:
            raise ProgramFault(operand.column, "a limit of a limit", "one limit", "a limit inside another")
        bound, sign = (to.operands[0], -1) if to.head == "negative" else (to, 1)
        number: Expression | None = None
        if bound.head != "name" or bound.text.lower() not in INFINITIES:
            term = self._terms.build(to)
            if not isinstance(term, Expression):
                raise ProgramFault(
                    to.column, "is no number", "0, another number, inf or -inf", "a computed value"
                )
            number = term
        if isinstance(of, Unknown):
            return of
        found = LimitValue(Value(self._graph, of.shape), of, symbol.text, number, sign, self._path)
        self._limits.append(found)
        return found.value

    def _arguments(self, node: Node, count: int, expected: str) -> tuple[Node, ...]:
        if len(node.operands) != count or node.keywords:
            received = f"{len(node.operands)} arguments by position, {len(node.keywords)} by name"
            message = f"{node.text} takes {'one argument' if count == 1 else f'{count} arguments'}"
            raise ProgramFault(node.column, message, expected, received)
        return node.operands

    def _named(self, node: Node) -> Value | Unknown:
        """Return the named value that a node is the name of. Raises ProgramFault if it is none."""
        name = node.text
        if node.head == "index" and node.operands[0].head == "name" and node.operands[0].text:
            name = f"{node.operands[0].text}{''.join(f'[{item}]' for item in node.items)}"
        elif node.head != "name":
            raise ProgramFault(
                node.column, "the second argument of grad is no name",
                "the name of a value, such as w or h.weights", "an expression",
            )  # fmt: skip
        if name in self._graph.names:
            return self._graph.names[name]
        root = name.partition(".")[0].partition("[")[0]
        if name == node.text and "." not in name:
            term = self._terms.build(node)
            if isinstance(term, Value | Unknown):
                return term
        if isinstance(self._terms.terms.get(root), Unknown):
            return Unknown()
        if node.head == "index" and node.operands[0].text in self._graph.names:
            raise ProgramFault(
                node.column, "the second argument of grad is part of a value",
                "the whole value, with the index outside: grad(L, w)[0]", "an index",
            )  # fmt: skip
        error = unknown_name((), "value", name, self._graph.names)
        raise ProgramFault(node.column, error.message, error.expected, error.received)


def _as_node(node: Node, term: Value | Unknown) -> Node:
    """Return a node whose term is built already."""
    return Node("term", node.column, items=(term,))
