"""Builds terms from syntax: values of the graph, constants, or unknowns."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, ExpressionError
from compute.dimensions import ShapeError, show
from compute.errors import QuestionError, describe, hint, unknown_name
from compute.graph.graph import Graph, Value, apply
from compute.graph.primitive import REGISTRY
from compute.operations import CATALOGUE
from compute.operations.framework.build import call
from compute.operations.framework.declaration import Operation
from compute.operations.framework.settings import describe_expected, fits, with_integral_floats
from compute.programs.dependencies import find_cycle
from compute.programs.descriptions import describe_arguments, describe_setting
from compute.programs.functions import FUNCTIONS, OLD_NAMES, Function, call_signature
from compute.programs.language import Assignment
from compute.programs.syntax import NAMED_NUMBERS, Node, ProgramFault


@dataclass(frozen=True, slots=True)
class Unknown:
    """A term whose value and shape are unknown."""


KINDS = {"real": "numbers", "boolean": "booleans", "index": "indices"}
Term: TypeAlias = Value | Expression | Unknown


class Terms:
    """The terms of the names defined so far, and the rules that build expressions from them.

    lines: the line that assigns each name.
    terms: the term of each name.
    free: names that no line assigns and that have no value.
    old_names: old names of functions that the line being built calls, with the new names.
    """

    def __init__(self, assignments: list[Assignment], graph: Graph) -> None:
        self.assignments = assignments
        self.lines = {assignment.name: assignment.line for assignment in reversed(assignments)}
        self.graph = graph
        self.terms: dict[str, Term] = {}
        self.free: dict[str, None] = {}
        self.old_names: dict[str, str] = {}

    def build(self, node: Node) -> Term:
        """Return the term of a node."""
        head = node.head
        if head == "name":
            return self.terms.get(node.text) or self._new_name(node)
        if head == "call":
            return self._call(node)
        if head == "number":
            return Expression("number", text=node.text)
        return self._binary(node) if len(node.operands) == 2 else self._unary(node)

    def _new_name(self, node: Node) -> Term:
        """Return the term of a name that no earlier line defines. Raises ProgramFault if it has none."""
        name = node.text
        if name in self.lines:
            members = " and ".join(find_cycle(self.assignments, name))
            raise ProgramFault(
                node.column,
                f"{name} is used before it is assigned in line {self.lines[name] + 1}"
                + (f"; {members} depend on one another" if members else ""),
                "names assigned by earlier lines, or inputs",
                f"a name without a value before line {self.lines[name] + 1}",
            )
        if name in NAMED_NUMBERS:
            return Expression("symbol", text=name)
        if name in FUNCTIONS or name in CATALOGUE:
            raise ProgramFault(
                node.column, f"{name} is a function", f"{name}(...)", f"{name} without brackets"
            )
        self.free.setdefault(name)
        self.graph.unnamed.append(name)
        self.terms[name] = Unknown()
        return self.terms[name]

    def _unary(self, node: Node) -> Term:
        operand = self.build(node.operands[0])
        if isinstance(operand, Unknown):
            return operand
        if isinstance(operand, Expression):
            if node.head == "negative":
                return Expression("negative", (operand,))
            action = "an index" if node.head == "index" else ".T"
            raise ProgramFault(node.column, f"{action} needs axes", "a value with axes", "a constant")
        if node.head == "index":
            return self._apply(node, "part", operand, items=node.items)
        return self._apply(node, node.head, operand)

    def _binary(self, node: Node) -> Term:
        left, right = self.build(node.operands[0]), self.build(node.operands[1])
        if isinstance(left, Value) and isinstance(right, Value) and node.head != "power":
            return self._apply(node, node.head, left, right)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Unknown()
        if node.head == "power":
            return self._power(node, left, right)
        if isinstance(left, Expression) and isinstance(right, Expression):
            if node.head == "matmul":
                raise ProgramFault(node.column, "@ needs matrices", "matrices", "two numbers")
            return _check_constant(Expression(node.head, (left, right)), node)
        return self._apply(node, node.head, self.value(left), self.value(right))

    def _power(self, node: Node, base: Value | Expression, exponent: Value | Expression) -> Term:
        if isinstance(exponent, Value):
            raise ProgramFault(
                node.operands[1].column, "the exponent is not a constant", "a number; or exp(b * log(a))",
                f"a value of shape {show(exponent.shape)}",
            )  # fmt: skip
        if isinstance(base, Expression):
            return _check_constant(Expression("power", (base, exponent)), node)
        return self._apply(node, "power", base, exponent=_check_constant(exponent, node.operands[1]))

    def _call(self, node: Node) -> Term:
        function = FUNCTIONS.get(OLD_NAMES.get(node.text, node.text))
        if function is not None:
            if node.text in OLD_NAMES:
                self.old_names[node.text] = function.name
            return self._function(function, node)
        if node.text not in CATALOGUE:
            known = [*FUNCTIONS, *CATALOGUE]
            error = unknown_name((), "function", node.text, known)
            raise ProgramFault(node.column, error.message, error.expected, error.received)
        operation = CATALOGUE[node.text]
        if operation.parts:
            raise ProgramFault(
                node.column,
                f"{node.text} has submodules, whose weights are named after the line",
                f"a line of its own, as in h = {node.text}(x)",
                f"{node.text} inside an expression",
            )
        arguments = self.arguments(operation, node)
        if arguments is None:
            return Unknown()
        with self.graph.without_names():
            return call(operation, "", self.graph, **arguments)

    def _function(self, function: Function, node: Node) -> Term:
        arguments = self.arguments(function, node)
        if arguments is None:
            return Unknown()
        values = [arguments.pop(name) for name in function.inputs]
        settings = {**function.defaults, **arguments} if function.attributes else arguments
        try:
            return function.build(self.graph, *values, **settings)
        except QuestionError as error:
            number = error.received.removeprefix("the number ")
            is_setting = number != error.received and error.path[:1] and error.path[0] in settings
            received = f"{error.path[0]} = {number}" if is_setting else error.received
            raise ProgramFault(node.column, error.message, error.expected, received) from None
        except (ShapeError, ExpressionError) as error:
            subject = "" if isinstance(error, ShapeError) else "the constant "
            raise ProgramFault(
                node.column, f"{function.name}: {subject}{error}", function.signature,
                describe_arguments(dict(zip(function.inputs, values, strict=True)), arguments),
            ) from None  # fmt: skip

    def arguments(self, called: Operation | Function, node: Node) -> dict[str, Any] | None:
        """Return the inputs and settings of a call; None if an input is unknown.

        Raises ProgramFault for too many, missing, repeated, unknown or unfit arguments.
        """
        names = called.inputs
        if len(node.operands) > len(names):
            values = "one value" if len(names) == 1 else f"{len(names) or 'no'} values"
            received = f"{len(node.operands)} values"
            raise ProgramFault(node.column, f"{called.name} takes {values}", _signature(called), received)
        arguments: dict[str, Any] = {}
        for name, value_node in zip(names, node.operands, strict=False):
            arguments[name] = self._argument(called, name, value_node)
        for name, operand in node.keywords:
            if name in arguments:
                raise ProgramFault(node.column, f"{name} is repeated", "each name once", f"{name} twice")
            if name in called.attributes:
                attribute = called.attributes[name]
                setting = with_integral_floats(attribute, operand)
                if isinstance(setting, Node) or not fits(attribute, setting):
                    words = describe_expected(attribute)
                    suggested = hint(setting, words.split(", ")) if isinstance(setting, str) else ""
                    is_node = isinstance(setting, Node)
                    received = f"{name}: an expression" if is_node else describe_setting(name, setting)
                    raise ProgramFault(node.column, f"{name} does not fit{suggested}", words, received)
                arguments[name] = setting
            elif name in called.inputs:
                value_node = operand if isinstance(operand, Node) else _number_node(operand, node)
                arguments[name] = self._argument(called, name, value_node)
            else:
                error = unknown_name((), "argument", name, [*called.inputs, *called.attributes])
                raise ProgramFault(node.column, error.message, error.expected, error.received)
        if called.attributes or len(arguments) < len(names):
            required = [name for name in names if name in called.required]
            required += [name for name, setting in called.attributes.items() if setting.required]
            if missing := [name for name in required if name not in arguments]:
                message = f"{called.name} lacks {', '.join(missing)}"
                received = ", ".join(arguments) or "no arguments"
                raise ProgramFault(node.column, message, _signature(called), received)
        for argument in arguments.values():
            if isinstance(argument, Unknown):
                return None
        return arguments

    def _argument(self, called: Operation | Function, name: str, node: Node) -> Value | Unknown:
        """Return one input of a call. Raises ProgramFault for booleans instead of numbers, or vice versa."""
        value = self.build(node)
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Expression):
            value = self.value(value)
        if isinstance(called, Function):
            kinds = called.inputs[name]
        else:
            kinds = ("real", "boolean") if name in called.masks else ("real", "index")
            if name in called.masks and value.is_input:
                self.graph.masks.add(str(value.name))
        if value.kind not in kinds:
            message = f"{name} of {called.name} cannot hold {KINDS[value.kind]}"
            allowed = " or ".join(KINDS[kind] for kind in kinds)
            raise ProgramFault(node.column, message, allowed, KINDS[value.kind])
        return value

    def operand(self, term: Term) -> Value | Unknown:
        """Return a term as a value of the graph; an unknown one unchanged."""
        return term if isinstance(term, Unknown) else self.value(term)

    def value(self, term: Value | Expression) -> Value:
        """Return a term as a value of the graph; constants become steps."""
        if isinstance(term, Value):
            return term
        return apply("constant", graph=self.graph, expression=term, sizes={})

    def _apply(self, node: Node, primitive: str, *operands: Value, **attributes: Any) -> Value:
        """Apply a primitive. Raises ProgramFault at the column of the node."""
        for operand in operands:
            if operand.kind != "real" and REGISTRY[primitive].kind != "same":
                message = f"{primitive} takes no {KINDS[operand.kind]}"
                raise ProgramFault(node.column, message, KINDS["real"], KINDS[operand.kind])
        try:
            return apply(primitive, *operands, **attributes)
        except QuestionError as error:
            raise ProgramFault(node.column, error.message, error.expected, error.received) from None


def _signature(called: Operation | Function) -> str:
    return call_signature(called.name, called.inputs, called.attributes)


def _check_constant(expression: Expression, node: Node) -> Expression:
    """Return a constant unchanged. Raises ProgramFault if it has no finite value."""
    try:
        evaluate(expression)
    except ExpressionError as error:
        raise ProgramFault(
            node.column, f"the constant {error}", "a constant that float64 can hold",
            f"a constant that {str(error).partition(':')[0]}",
        ) from None  # fmt: skip
    return expression


def _number_node(value: Any, node: Node) -> Node:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProgramFault(node.column, "is not a value", "an expression", describe(value))
    inner = Node("number", node.column, text=repr(abs(value)))
    return Node("negative", node.column, operands=(inner,)) if value < 0 else inner
