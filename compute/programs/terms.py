"""Builds terms from syntax: values of the graph, constants, several values, or unknowns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, ExpressionError, number_expression
from compute.dimensions import ShapeError, Size, product, show
from compute.errors import QuestionError, describe, hint, unknown_name
from compute.graph.graph import Graph, Value, apply, apply_primitive
from compute.graph.primitive import REGISTRY
from compute.names.suggestions import find_synonym
from compute.operations import CATALOGUE
from compute.operations.framework.build import call
from compute.operations.framework.constants import add_literal, add_size
from compute.operations.framework.declaration import AttributeField, Operation
from compute.operations.framework.setting_types import is_constant
from compute.operations.framework.settings import describe_expected, fits, with_integral_floats
from compute.programs.calls import (
    SCALARS,
    as_declared,
    find_parameter,
    has_two_values,
    parameters_of,
    signature_of,
    takes_any_number,
    write_sizes,
    writes_constant,
    writes_none,
)
from compute.programs.declaration import Function, Several
from compute.programs.dependencies import find_cycle
from compute.programs.descriptions import describe_arguments, describe_setting
from compute.programs.functions import FUNCTIONS, OLD_NAMES
from compute.programs.indexing import index_value
from compute.programs.language import Assignment
from compute.programs.library.algebra import matmul
from compute.programs.library.shapes import reverse_axes
from compute.programs.shape_accidents import (
    SOFTMAXES,
    note_broadcast,
    note_normalized_by_total,
    note_softmax,
    note_total_reduced,
)
from compute.programs.syntax import BINARY, INFINITY, NAMED_NUMBERS, Node, ProgramFault

COUNTS = ("ndim", "size")
OF_TWO = {"max": "maximum", "min": "minimum"}
LOCATED = ("call", "index")  # syntax that errors caused by entries point to
GATHERED = (
    "shape",
    "axes",
    "times",
)  # settings that take all remaining numbers by position, if they are last
LAST_TWO = 2


@dataclass(frozen=True, slots=True)
class Unknown:
    """A term whose value and shape are unknown."""


KINDS = {"real": "numbers", "boolean": "booleans", "index": "indices"}
Term: TypeAlias = Value | Expression | Several | Unknown


class NotConstant(Exception):
    """A node that is not a literal, although a setting is one."""


class Terms:
    """The terms of the names defined so far, and the rules that build expressions from them.

    lines: the line that assigns each name.
    terms: the term of each name.
    free: names that no line assigns and that have no value.
    old_names: old names of functions that the line being built calls, with the new names.
    line: the name that the line being built assigns; empty for a claim.
    column: where the call of an operation begins that is being built.
    """

    def __init__(self, assignments: list[Assignment], graph: Graph) -> None:
        self.assignments = assignments
        self.lines = {assignment.name: assignment.line for assignment in reversed(assignments)}
        self.graph = graph
        self.terms: dict[str, Term] = {}
        self.free: dict[str, None] = {}
        self.old_names: dict[str, str] = {}
        self.line, self.column = "", 1
        self._taken_apart: dict[int, Term] = {}

    def build(self, node: Node) -> Term:
        """Return the term of a node."""
        head = node.head
        if head == "name":
            return self.terms.get(node.text) or self._new_name(node)
        if head in BINARY:
            return self._binary(node)
        if head in LOCATED:
            first = len(self.graph.values)
            found = self._call(node) if head == "call" else self._index(node)
            self.locate(node, first)
            return found
        if head == "number":
            return Expression("number", text=node.text)
        if head == "item":
            return self._item(node)
        if head == "list":
            return self._list(node)
        if head == "term":
            built: Term = node.items[0]
            return built
        if head == "literal":
            raise ProgramFault(
                node.column, "text, booleans and None are not allowed in an expression", "numbers and names",
                describe(node.items[0]),
            )  # fmt: skip
        return self._unary(node)

    def locate(self, node: Node, first: int) -> None:
        """Note the column of the values from an index on, for errors that entries cause."""
        if self.line:
            end, line = len(self.graph.values), self.lines[self.line]
            self.graph.places.append((first, end, line, node.column))

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
        if name == INFINITY:
            return apply("infinity", graph=self.graph, sign=1)
        if name in FUNCTIONS or name in CATALOGUE:
            raise ProgramFault(
                node.column, f"{name} is a function", f"{name}(...)", f"{name} without brackets"
            )
        self.free.setdefault(name)
        self.graph.unnamed.append(name)
        self.terms[name] = Unknown()
        return self.terms[name]

    def _list(self, node: Node) -> Term:
        """Return the stack of the terms of a list."""
        if not node.operands:
            raise ProgramFault(node.column, "is an empty list", "a list of values", "an empty list")
        terms = [self.one(self.build(entry), entry) for entry in node.operands]
        values = [term for term in terms if isinstance(term, Value)]
        if len(values) < len(terms):
            return Unknown()
        shapes = list(dict.fromkeys(value.shape for value in values))
        if len(shapes) > 1:
            raise ProgramFault(
                node.column, "the entries of a list differ in shape", "entries of one shape",
                " and ".join(map(show, shapes[:2])),
            )  # fmt: skip
        if len({value.kind for value in values}) > 1:
            values = [self._as_numbers(value) for value in values]
        return self._apply(node, "stack", *values, axis=-1 - values[0].rank)

    def _item(self, node: Node) -> Term:
        """Return one of the values that a line assigns to several names. They are built once."""
        [operand] = node.operands
        at, count = node.items
        if id(operand) not in self._taken_apart:
            self._taken_apart[id(operand)] = self.build(operand)
        term = self._taken_apart[id(operand)]
        if isinstance(term, Unknown):
            return term
        if isinstance(term, Expression):
            raise ProgramFault(node.column, "is one number", f"{count} values", "one number")
        size = len(term.values) if isinstance(term, Several) else term.shape[0] if term.rank else 1
        if size != count:
            raise ProgramFault(
                node.column, f"gives {size} values for {count} names", f"{count} values", f"{size} values"
            )
        return term.values[at] if isinstance(term, Several) else self._apply(node, "part", term, items=(at,))

    def _index(self, node: Node) -> Term:
        [inner] = node.operands
        if inner.head == "shape":
            sizes = self.shape_of(inner)
            if isinstance(sizes, Unknown):
                return sizes
            size: Size = _entry(sizes, node)
            if isinstance(size, int):
                return number_expression(size)
            return add_size(self.graph, size)
        operand = self.build(inner)
        if isinstance(operand, Unknown):
            return operand
        if isinstance(operand, Several):
            chosen: Value = _entry(operand.values, node)
            return chosen
        if isinstance(operand, Expression):
            raise ProgramFault(node.column, "an index needs axes", "a value with axes", "a constant")
        items = [self.one(self.build(item), item) if isinstance(item, Node) else item for item in node.items]
        if any(isinstance(item, Unknown) for item in items):
            return Unknown()
        try:
            return index_value(operand, items)
        except ShapeError as error:
            raise ProgramFault(
                node.column, str(error), "an index, slice, None or list of indices for each axis",
                f"{len(items)} ind{'ices' if len(items) > 1 else 'ex'} for shape {show(operand.shape)}",
            ) from None  # fmt: skip
        except QuestionError as error:
            raise ProgramFault(node.column, error.message, error.expected, error.received) from None

    def shape_of(self, node: Node) -> "tuple[Size, ...] | Unknown":
        """Return the shape of the value before `.shape`."""
        term = self.build(node.operands[0])
        if isinstance(term, Unknown):
            return term
        return self.value(self._single(term, node)).shape

    def _unary(self, node: Node) -> Term:
        if node.head == "shape":
            raise ProgramFault(node.column, "a shape is not a value", "a size such as x.shape[0]", "a shape")
        if node.head == "negative" and node.operands[0].text == INFINITY not in self.terms:
            return apply("infinity", graph=self.graph, sign=-1)
        operand = self.build(node.operands[0])
        if isinstance(operand, Unknown):
            return operand
        operand = self._single(operand, node)
        if node.head in COUNTS:
            return self._count(node.head, operand)
        if isinstance(operand, Expression):
            if node.head == "negative":
                return Expression("negative", (operand,))
            if node.head == "logical_not":
                raise ProgramFault(node.column, "~ needs booleans", "booleans", "a constant")
            raise ProgramFault(node.column, ".T needs axes", "a value with axes", "a constant")
        if node.head == "reverse_axes":
            if operand.rank > LAST_TWO:
                message = (
                    "T reverses all axes of a value with more than two, as in NumPy; mT swaps the last two"
                )
                self.graph.add_note("transposed", self._nearest(operand), message)
            return reverse_axes(operand)
        if node.head == "logical_not" and operand.kind != "boolean":
            raise ProgramFault(node.column, "~ needs booleans", "booleans", KINDS[operand.kind])
        return self._apply(node, node.head, operand)

    def _count(self, head: str, operand: Value | Expression) -> Term:
        """Return the number of axes or of entries, which may be a letter."""
        shape = operand.shape if isinstance(operand, Value) else ()
        count = len(shape) if head == "ndim" else product(shape)
        return number_expression(count) if isinstance(count, int) else add_size(self.graph, count)

    def _nearest(self, value: Value) -> str:
        return value.name or next((one.name for one in value.inputs if one.name is not None), "program")

    def _binary(self, node: Node) -> Term:
        left, right = self.build(node.operands[0]), self.build(node.operands[1])
        if isinstance(left, Value) and isinstance(right, Value):
            result = self._operate(node, left, right)
            if self.line and node.head != "matmul":
                note_broadcast(self.graph, self.line, left, right, result)
                if node.head == "divide":
                    note_normalized_by_total(self.graph, self.line, left, right)
            return result
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Unknown()
        left, right = self._single(left, node), self._single(right, node)
        if isinstance(right, Expression):
            if isinstance(left, Expression):
                if node.head == "matmul":
                    raise ProgramFault(node.column, "@ needs matrices", "matrices", "two numbers")
                if node.head == "power" or node.head in SCALARS:
                    return _check_constant(Expression(node.head, (left, right)), node)
            elif node.head == "power":
                exponent = _check_constant(right, node.operands[1])
                return self._apply(node, "power", left, exponent=exponent)
        return self._operate(node, self.value(left), self.value(right))

    def _operate(self, node: Node, left: Value, right: Value) -> Value:
        """Apply an operator to two values."""
        head = node.head
        if head == "matmul":
            operands = [self._as_numbers(left), self._as_numbers(right)]
            try:
                return matmul(*operands)
            except (ShapeError, QuestionError) as error:
                shapes = " and ".join(f"{one.name or 'a value'} {show(one.shape)}" for one in operands)
                message = error.message if isinstance(error, QuestionError) else f"{shapes}: {error}"
                raise ProgramFault(node.column, message, "shapes that fit", shapes) from None
        return self._apply(node, "power_of" if head == "power" else head, left, right)

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
        self.column = node.column
        with self.graph.without_names():
            result = call(operation, "", self.graph, **arguments)
        if self.line and operation.name in SOFTMAXES:
            note_softmax(self.graph, self.line, operation.name, result)
        return result

    def _function(self, function: Function, node: Node) -> Term:
        if function.name in OF_TWO and has_two_values(node):
            raise ProgramFault(
                node.column,
                f"{function.name} takes the extreme entry of one value over axes;"
                f" that of two values is {OF_TWO[function.name]}(a, b)",
                function.signature, f"{len(node.operands)} values",
            )  # fmt: skip
        if function.name == "power":
            operands = (*node.operands, *(operand for name, operand in node.keywords if name == "exponent"))
            complete = len(operands) == LAST_TWO == len(node.operands) + len(node.keywords)
            if complete and operands[1].head != "literal":  # the setting of the primitive is a constant
                return self._binary(Node("power", node.column, operands=operands))
        arguments = self.arguments(function, node)
        if arguments is None:
            return Unknown()
        values = [arguments.pop(name, None) for name in function.inputs]
        if self.line and len(values) == 1 and isinstance(values[0], Value):
            note_total_reduced(self.graph, self.line, function.name, values[0])
        if function.variadic:
            [values] = values
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
            named = {
                name: value for name, value in zip(function.inputs, values, strict=False)
                if isinstance(value, Value)
            }  # fmt: skip
            raise ProgramFault(
                node.column, f"{function.name}: {subject}{error}", function.signature,
                describe_arguments(named, arguments),
            ) from None  # fmt: skip

    def arguments(self, called: Operation | Function, node: Node) -> dict[str, Any] | None:
        """Return the inputs and settings of a call; None if an input is unknown.

        Raises ProgramFault for too many, missing, repeated, unknown or unfit arguments.
        """
        arguments: dict[str, Any] = {}
        plain = called.values_first if isinstance(called, Function) else True
        if plain and len(node.operands) <= len(called.inputs):
            for name, operand in zip(called.inputs, node.operands, strict=False):
                if not writes_none(operand):
                    arguments[name] = self._argument(called, name, operand)
        else:
            for name, operand in self._by_position(called, node):
                self._add_argument(called, name, operand, arguments)
        for name, operand in node.keywords:
            chosen = find_parameter(called, name)
            if chosen in arguments:
                raise ProgramFault(node.column, f"{chosen} is repeated", "each name once", f"{chosen} twice")
            if chosen not in called.attributes and chosen not in called.inputs:
                error = unknown_name((), "argument", name, [*called.inputs, *called.attributes])
                raise ProgramFault(node.column, error.message, error.expected, error.received)
            self._add_argument(called, chosen, operand, arguments)
        if called.attributes or len(arguments) < len(called.inputs):
            required = [name for name in called.inputs if name in called.required]
            required += [name for name, setting in called.attributes.items() if setting.required]
            if missing := [name for name in required if name not in arguments]:
                message = f"{called.name} lacks {', '.join(missing)}"
                received = ", ".join(arguments) or "no arguments"
                raise ProgramFault(node.column, message, signature_of(called), received)
        for argument in arguments.values():
            if type(argument) is tuple:
                if any(isinstance(one, Unknown) for one in argument):
                    return None
            elif type(argument) is Unknown:
                return None
        return arguments

    def _by_position(self, called: Operation | Function, node: Node) -> list[tuple[str, Any]]:
        """Return the arguments by position, by parameter. Raises ProgramFault if there are too many."""
        parameters = parameters_of(called)
        operands = list(node.operands)
        pairs: list[tuple[str, Any]] = []
        for name in parameters:
            if not operands:
                break
            if takes_any_number(called, name):
                is_list = name == parameters[0] and operands[0].head == "list"
                taken = operands[0].operands if is_list else tuple(operands)
                pairs.append((name, taken))
                operands = operands[1:] if is_list else []
            elif name in GATHERED and name == parameters[-1] and len(operands) > 1 and write_sizes(operands):
                pairs.append((name, Node("list", operands[0].column, operands=tuple(operands))))
                operands = []
            else:
                pairs.append((name, operands.pop(0)))
        if operands:
            most = len(parameters)
            values = "one argument" if most == 1 else f"{most or 'no'} arguments"
            received = f"{len(node.operands)} arguments"
            raise ProgramFault(node.column, f"{called.name} takes {values}", signature_of(called), received)
        return pairs

    def _add_argument(
        self, called: Operation | Function, name: str, node: Any, arguments: dict[str, Any]
    ) -> None:
        """Add one argument. Raises ProgramFault if it does not fit."""
        if name not in called.attributes:
            if takes_any_number(called, name):
                nodes = node if isinstance(node, tuple) else node.operands if node.head == "list" else (node,)
                arguments[name] = tuple(self._argument(called, name, one) for one in nodes)
            elif not writes_none(node):
                arguments[name] = self._argument(called, name, node)
            return
        attribute = called.attributes[name]
        try:
            setting = with_integral_floats(attribute, self._setting(node, attribute))
        except NotConstant:
            words = describe_expected(attribute)
            raise ProgramFault(node.column, f"{name} does not fit", words, f"{name}: an expression") from None
        if isinstance(setting, Unknown):
            arguments[name] = setting
        elif setting is None and attribute.default is None:
            pass
        elif fits(attribute, setting):
            arguments[name] = as_declared(attribute, setting)
        else:
            words = describe_expected(attribute)
            choices = _CHOICE.split(words)
            same = find_synonym(setting, choices) if isinstance(setting, str) else None
            if same is not None and fits(attribute, same):
                arguments[name] = same
                return
            suggested = hint(setting, choices) if isinstance(setting, str) else ""
            received = describe_setting(name, setting)
            raise ProgramFault(node.column, f"{name} does not fit{suggested}", words, received)

    def _setting(self, node: Node, attribute: AttributeField) -> Any:
        """Return the literal that a node writes, with sizes of shapes. Raises NotConstant."""
        if node.head == "number":
            return float(node.text) if not node.text.isdecimal() else int(node.text)
        if node.head == "literal":
            return node.items[0]
        if node.head == "list":
            return tuple(self._setting(entry, attribute) for entry in node.operands)
        if node.head == "shape":
            return self.shape_of(node)
        if node.head == "index" and node.operands[0].head == "shape":
            sizes = self.shape_of(node.operands[0])
            return sizes if isinstance(sizes, Unknown) else _entry(sizes, node)
        if node.head == "size":
            sizes = self.shape_of(node)
            return sizes if isinstance(sizes, Unknown) else product(sizes)
        if not writes_constant(node):
            raise NotConstant
        term = self.build(node)
        if not isinstance(term, Expression):
            raise NotConstant
        number = evaluate(_check_constant(term, node))
        if is_constant(attribute.annotation) and node.head != "negative":
            return _write(term)
        return int(number) if number.is_integer() else number

    def _argument(self, called: Operation | Function, name: str, node: Node) -> Value | Unknown:
        """Return one input of a call. Raises ProgramFault for booleans instead of numbers, or vice versa."""
        value = self.build(node)
        if not isinstance(value, Value):
            value = self.one(value, node)
            if isinstance(value, Unknown):
                return value
        if isinstance(called, Function):
            kinds: tuple[str, ...] = called.inputs[name]
            if value.kind not in kinds:
                if "real" in kinds:
                    return self._as_numbers(value)
                if called.family in TRUTHS and kinds == ("boolean",):
                    return apply("not_equal", self._as_numbers(value), add_literal(self.graph, 0))
        else:
            kinds = ("real", "boolean") if name in called.masks else ("real", "index")
            if name in called.masks and value.is_input:
                self.graph.masks.add(str(value.name))
        if value.kind not in kinds:
            message = f"{name} of {called.name} cannot hold {KINDS[value.kind]}"
            allowed = " or ".join(KINDS[kind] for kind in kinds)
            raise ProgramFault(node.column, message, allowed, KINDS[value.kind])
        return value

    def one(self, term: Term, node: Node) -> Value | Unknown:
        """Return a term as one value of the graph; an unknown one unchanged."""
        return term if isinstance(term, Unknown) else self.value(self._single(term, node))

    def _single(self, term: Value | Expression | Several, node: Node) -> Value | Expression:
        """Return a term that is one value. Raises ProgramFault for several."""
        if isinstance(term, Several):
            raise ProgramFault(
                node.column, "these are several values: take one by [0], or assign them to as many names",
                "one value", f"{len(term.values)} values",
            )  # fmt: skip
        return term

    def value(self, term: Value | Expression) -> Value:
        """Return a term as a value of the graph; constants become steps."""
        if isinstance(term, Value):
            return term
        return add_literal(self.graph, term)

    def _as_numbers(self, value: Value) -> Value:
        """Return booleans as 0 and 1, and indices as numbers."""
        return value if value.kind == "real" else apply("indicator", value)

    def _apply(self, node: Node, primitive: str, *operands: Value, **attributes: Any) -> Value:
        """Apply a primitive. Raises ProgramFault at the column of the node."""
        declared = REGISTRY[primitive]
        are_plain = not declared.operand_kinds
        for operand in operands:
            are_plain = are_plain and operand.kind == "real"
        if not are_plain and declared.kind != "same":
            chosen = []
            for operand, name in zip(operands, declared.operands, strict=True):
                kinds = declared.operand_kinds.get(name, ("real",))
                if operand.kind in kinds:
                    chosen.append(operand)
                elif "real" in kinds:
                    chosen.append(apply("indicator", operand))
                else:
                    message = f"{SIGNS.get(primitive, primitive)} needs booleans"
                    raise ProgramFault(node.column, message, "booleans", KINDS[operand.kind])
            operands = tuple(chosen)
        try:
            return apply_primitive(declared, *operands, **attributes)
        except QuestionError as error:
            raise ProgramFault(node.column, error.message, error.expected, error.received) from None


_CHOICE = re.compile(r", | or ")
TRUTHS = ("conditions", "reductions")  # families whose conditions may be numbers
SIGNS = {"logical_and": "&", "logical_or": "|"}


_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}


def _write(expression: Expression) -> str:
    """Return a constant as text that is read as the same expression."""
    if not expression.operands:
        return expression.text
    written = [f"({_write(one)})" for one in expression.operands]
    return f"-{written[0]}" if len(written) == 1 else _INFIX[expression.head].join(written)


def _entry(entries: Sequence[Any], node: Node) -> Any:
    """Return one of several values or sizes, by the index of a node. Raises ProgramFault."""
    [at] = node.items if len(node.items) == 1 else [None]
    if type(at) is not int or not -len(entries) <= at < len(entries):
        raise ProgramFault(
            node.column, "takes one of several values", f"an index below {len(entries)}", "another index"
        )
    return entries[at]


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
