"""The LaTeX of each step, in terms of the named values it is computed from."""

from collections.abc import Callable
from functools import partial
from itertools import takewhile

from compute.graph.graph import Value
from compute.latex import ATOM, Formula

LONGEST = 2000  # longer formulas are cut
REDUCTIONS = frozenset({"sum_over", "average"})


def write_formula(value: Value) -> str:
    """Return the equation of a named value, such as `Q = X W_{Q}`; of an input, its symbol."""
    if value.is_input:
        return value.symbol
    return f"{value.symbol} = {write_step(value, partial(write_symbol, scope=scope_of(value))).text}"


def write_step(value: Value, write_named: Callable[[Value], Formula]) -> Formula:
    """Return the computation of a value from named ones, each as `write_named` writes it."""
    return _write_expression(value, {}, write_named)


def _write_expression(
    value: Value, written_before: dict[int, Formula], write_named: Callable[[Value], Formula]
) -> Formula:
    if value.index in written_before:
        return written_before[value.index]
    assert value.primitive is not None  # every input has a name
    operands = [
        write_named(operand)
        if operand.name is not None
        else _write_expression(operand, written_before, write_named)
        for operand in value.inputs
    ]
    attributes = value.attributes
    if value.primitive.name in REDUCTIONS and value.inputs[0].rank == 1:
        attributes = dict.fromkeys(attributes)  # all entries of a vector, whether it is a row or a column
    text, binding, _ = value.primitive.latex(*operands, **attributes)
    written = Formula(text if len(text) <= LONGEST else r"\dots", binding, not value.shape)
    written_before[value.index] = written
    return written


def write_symbol(value: Value, scope: list[str]) -> Formula:
    """Return a value's symbol as it is written inside a scope.

    A symbol that values of several submodules share is marked with its scope, to avoid Y = Y + Y.
    """
    plain = Formula(value.symbol, ATOM, not value.shape)
    if value.symbol not in value.graph.shared_symbols:
        return plain
    own = scope_of(value)
    if own == scope[: len(own)]:
        return plain
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(own, scope, strict=False)))
    words = ".".join(own[shared:]).replace("_", r"\_")
    return Formula(plain.scripted("_", rf"\text{{{words}}}"), scalar=plain.scalar)


def scope_of(value: Value) -> list[str]:
    """Return the submodules, from the outermost in, that a value belongs to."""
    return str(value.name).split(".")[:-1]
