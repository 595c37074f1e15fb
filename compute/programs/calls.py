"""Calls in programs: the arguments that they write, and the parameters of operations and functions."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args, get_origin

from compute.dimensions import Polynomial
from compute.names.suggestions import find_synonym
from compute.operations import CATALOGUE
from compute.operations.framework.declaration import AttributeField, Operation
from compute.operations.framework.setting_types import allowed_types
from compute.programs.declaration import Function, call_signature
from compute.programs.syntax import NAMED_NUMBERS, Node

SCALARS = ("add", "subtract", "multiply", "divide")  # operators that two constants make a constant with


def write_sizes(nodes: Sequence[Node]) -> bool:
    """Return whether nodes write whole numbers or sizes."""
    return all(
        node.head == "number"
        or (node.head == "negative" and node.operands[0].head == "number")
        or (node.head == "index" and node.operands[0].head == "shape")
        for node in nodes
    )


def writes_constant(node: Node) -> bool:
    """Return whether a node is arithmetic on numbers alone, or the negative of one."""
    if node.head in ("number", "name", "ndim"):
        return node.head != "name" or node.text in NAMED_NUMBERS
    return node.head in ("negative", "power", *SCALARS) and all(map(writes_constant, node.operands))


def writes_none(node: Node) -> bool:
    """Return whether a node writes None, which leaves an argument out."""
    return node.head == "literal" and node.items[0] is None


def has_two_values(node: Node) -> bool:
    """Return whether a call by position has two values, as opposed to a value and axes."""
    first, *others = node.operands or (node,)
    if not others:
        return False
    axis = others[0]
    if axis.head == "number":
        is_axis = axis.text.isdecimal()
    else:
        is_axis = axis.head == "literal" or all(map(writes_constant, axis.operands or (axis,)))
    return writes_constant(first) or not is_axis


def takes_any_number(called: Operation | Function, name: str) -> bool:
    """Return whether any number of values may be sent for an input, also as a list."""
    return isinstance(called, Function) and called.variadic and name in called.inputs


@lru_cache(maxsize=256)
def _parameter_names(called: str) -> tuple[str, ...]:
    return (*CATALOGUE[called].inputs, *CATALOGUE[called].attributes)


def parameters_of(called: Operation | Function) -> tuple[str, ...]:
    """Return the names of inputs and settings, in the order of arguments by position."""
    return called.parameters if isinstance(called, Function) else _parameter_names(called.name)


def find_parameter(called: Operation | Function, name: str) -> str:
    """Return the parameter of a call that a keyword names; the name itself if there is none."""
    if name in called.attributes or name in called.inputs:
        return name
    return find_synonym(name, (*called.inputs, *called.attributes)) or name


def as_declared(attribute: AttributeField, setting: Any) -> Any:
    """Return a setting in the form of its type: one number as a tuple, where it is one of several."""
    kinds = allowed_types(attribute.annotation)
    is_tuple = all(get_origin(kind) is tuple for kind in kinds)
    return (setting,) if is_tuple and not isinstance(setting, tuple) and _takes_sizes(kinds) else setting


def _takes_sizes(kinds: Sequence[Any]) -> bool:
    return any(Polynomial in get_args(get_args(kind)[0]) or get_args(kind)[0] is int for kind in kinds)


def signature_of(called: Operation | Function) -> str:
    """Return the call of an operation or function as it is documented."""
    if isinstance(called, Function):
        return called.signature
    return call_signature(called.name, parameters_of(called), called.attributes)
