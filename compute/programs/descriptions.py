"""Descriptions of parts of a program, for the `received` of errors. They are short and never echo text."""

import ast
from collections.abc import Mapping
from typing import Any

from compute.dimensions import show
from compute.errors import describe
from compute.graph.graph import Value

MOST_SHOWN = 40  # characters of a list of numbers
OPERATORS: dict[type[ast.AST], str] = {
    ast.FloorDiv: "//", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.Not: "not", ast.And: "and",
    ast.Or: "or",
}  # fmt: skip
KINDS: dict[type[ast.AST], str] = {
    ast.AnnAssign: "an assignment with an annotation",
    ast.Assign: "an assignment to something other than one name",
    ast.Attribute: "an attribute",
    ast.AugAssign: "an assignment with an operator",
    ast.BinOp: "an expression",
    ast.Call: "a call of something other than a name",
    ast.Compare: "a comparison",
    ast.Expr: "an expression without a name",
    ast.IfExp: "a conditional expression",
    ast.Import: "an import",
    ast.ImportFrom: "an import",
    ast.Lambda: "a lambda",
    ast.List: "a list",
    ast.ListComp: "a list comprehension",
    ast.Name: "a name",
    ast.Subscript: "an expression",
    ast.Tuple: "a list",
    ast.UnaryOp: "an expression",
}


def describe_piece(node: ast.AST) -> str:
    """Describe a node of Python's tree: `the operator //`, `a list`, `text of 3 characters`."""
    if isinstance(node, ast.Constant):
        return describe(node.value) if isinstance(node.value, bool | int | float | str) else "a literal"
    operator = getattr(node, "op", None)
    if isinstance(operator, ast.AST) and type(operator) in OPERATORS:
        return f"the operator {OPERATORS[type(operator)]}"
    return KINDS.get(type(node), f"Python's {type(node).__name__}")


def describe_character(text: str, column: int) -> str:
    """Describe the character in a column (from 1): itself if it is plain, otherwise its code point."""
    if column > len(text):
        return "the end of the line"
    character = text[column - 1]
    plain = character.isascii() and character.isprintable()
    return f"the character {character}" if plain and character != " " else f"U+{ord(character):04X}"


def describe_setting(name: str, value: Any) -> str:
    """Describe a setting of a call: `beta = 0`, `axes = [0, 1]`, `mode: text of 8 characters`."""
    if isinstance(value, list | tuple) and all(type(entry) in (int, float) for entry in value):
        text = f"[{', '.join(map(str, value))}]"
        return f"{name} = {text}" if len(text) <= MOST_SHOWN else f"{name}: {describe(value)}"
    described = describe(value)
    number = described.removeprefix("the number ")
    return f"{name} = {number}" if number != described else f"{name}: {described}"


def describe_arguments(inputs: Mapping[str, Value], settings: Mapping[str, Any]) -> str:
    """Describe the arguments of a call: `a of shape (2, 2), axis = 2`."""
    values = [f"{name} of shape {show(value.shape)}" for name, value in inputs.items()]
    return (
        ", ".join([*values, *(describe_setting(name, setting) for name, setting in settings.items())])
        or "nothing"
    )
