"""The reading that writes: the LaTeX of each step, in terms of the named values it is made of."""

from compute.latex import Formula
from compute.value import Value

LONGEST = 2000  # what is longer nobody reads


def formula(value: Value) -> str:
    """The equation of a named value, such as `Q = X W_{Q}`; an input has none and gives its symbol."""
    if value.is_input:
        return value.symbol
    return f"{value.symbol} = {_expression(value, {}, outermost=True).text}"


def _expression(value: Value, written_before: dict[int, Formula], *, outermost: bool = False) -> Formula:
    if value.name is not None and not outermost:
        return Formula(value.symbol, scalar=not value.shape)
    if value.index in written_before:
        return written_before[value.index]
    assert value.primitive is not None  # every input has a name
    operands = [_expression(operand, written_before) for operand in value.inputs]
    written = value.primitive.latex(*operands, **value.attributes)
    text = written.text if len(written.text) <= LONGEST else r"\dots"
    written_before[value.index] = written = Formula(text, written.binding, not value.shape)
    return written
