"""The LaTeX of each step, in terms of the named values it is computed from."""

from itertools import takewhile

from compute.graph.graph import Value
from compute.latex import Formula

LONGEST = 2000  # longer formulas are cut


def write_formula(value: Value) -> str:
    """Return the equation of a named value, such as `Q = X W_{Q}`; of an input, its symbol."""
    if value.is_input:
        return value.symbol
    return f"{value.symbol} = {_expression(value, {}, _scope(value)).text}"


def _expression(
    value: Value, written_before: dict[int, Formula], scope: list[str], *, outermost: bool = True
) -> Formula:
    if value.name is not None and not outermost:
        return _symbol(value, scope)
    if value.index in written_before:
        return written_before[value.index]
    assert value.primitive is not None  # every input has a name
    operands = [_expression(operand, written_before, scope, outermost=False) for operand in value.inputs]
    written = value.primitive.latex(*operands, **value.attributes)
    text = written.text if len(written.text) <= LONGEST else r"\dots"
    written_before[value.index] = written = Formula(text, written.binding, not value.shape)
    return written


def _symbol(value: Value, scope: list[str]) -> Formula:
    """Return a value's symbol as it is written inside a scope.

    A symbol that values of several submodules share is marked with its scope, to avoid Y = Y + Y.
    """
    plain = Formula(value.symbol, scalar=not value.shape)
    own = _scope(value)
    if own == scope[: len(own)] or value.symbol not in value.graph.shared_symbols:
        return plain
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(own, scope, strict=False)))
    words = ".".join(own[shared:]).replace("_", r"\_")
    return Formula(plain.scripted("_", rf"\text{{{words}}}"), scalar=plain.scalar)


def _scope(value: Value) -> list[str]:
    """Return the submodules, from the outermost in, that a value belongs to."""
    return str(value.name).split(".")[:-1]
