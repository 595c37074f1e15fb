"""The reading that writes: the LaTeX of each step, in terms of the named values it is made of."""

from compute.graph import Value
from compute.latex import Formula


def formula(value: Value) -> str:
    """The equation of a named value, such as `Q = X W_{Q}`; an input has none and gives its symbol."""
    if value.is_input:
        return value.symbol
    return f"{value.symbol} = {_expression(value, outermost=True).text}"


def _expression(value: Value, *, outermost: bool = False) -> Formula:
    if value.name is not None and not outermost:
        written = Formula(value.symbol)
    else:
        assert value.primitive is not None  # every input has a name
        operands = (_expression(operand) for operand in value.inputs)
        written = value.primitive.latex(*operands, **value.attributes)
    return Formula(written.text, written.binding, value.rank == 0)
