"""Settings that are constants: numbers, or expressions that may use dimension names."""

from typing import Any

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import (
    NAMED_NUMBERS,
    Expression,
    ExpressionError,
    check_symbol,
    number_expression,
    parse,
)
from compute.dimensions import Size
from compute.errors import QuestionError, describe
from compute.graph.graph import Graph, Value, apply
from compute.operations.framework.declaration import Constant


def add_constant(graph: Graph, attribute: str, setting: Constant, *, positive: bool = False) -> Value:
    """Add a constant setting to the graph. Raises QuestionError at the attribute, as `parse_constant`."""
    return apply("constant", graph=graph, **parse_constant(graph, attribute, setting, positive=positive))


def parse_constant(
    graph: Graph, attribute: str, setting: Constant, *, positive: bool = False
) -> dict[str, Any]:
    """Return the expression of a constant setting, and the sizes of the dimension names that it uses.

    Raises QuestionError at the attribute if the setting is not a finite constant, or with `positive` not
    above zero.
    """
    try:
        parsed = parse(setting) if isinstance(setting, str) else number_expression(setting)
        names = parsed.symbols()
        sizes = {name: size for name, size in graph.dimensions.items() if name in names}
        free = {name for name in names if name not in graph.dimensions and name not in NAMED_NUMBERS}
        if graph.symbolic and free:
            for name in free:
                check_symbol(name)
        elif all(isinstance(size, int) for size in sizes.values()):
            value = evaluate(parsed, graph.dimensions)
            if positive and value <= 0:
                raise ExpressionError("is not above zero")
    except ExpressionError as error:
        known = ", ".join(sorted(graph.dimensions))
        kind = "finite constant above zero" if positive else "finite constant"
        expected = f"a {kind}, which may use {known}" if known else f"a {kind}"
        raise QuestionError((attribute,), f"the expression {error}", expected, describe(setting)) from None
    return {"expression": parsed, "sizes": sizes}


def parse_between(
    graph: Graph, attribute: str, setting: Constant, least: int, most: int | None = None
) -> Expression:
    """Return the expression of a constant within bounds and without dimension names.

    Raises QuestionError at the attribute.
    """
    parsed = parse_bounded(graph, attribute, setting, least=least, most=most)["expression"]
    return refuse_dimensions(graph, attribute, parsed)


def refuse_dimensions(graph: Graph, attribute: str, parsed: Expression) -> Expression:
    """Return an expression. Raises QuestionError at the attribute if it uses dimension names."""
    if used := parsed.symbols() & set(graph.dimensions):
        raise QuestionError(
            (attribute,), "uses a dimension name", "a constant without dimension names",
            f"an expression with {', '.join(sorted(used))}",
        )  # fmt: skip
    return parsed


def add_literal(graph: Graph, literal: Expression | float) -> Value:
    """Add a number, or an expression without dimension names, to the graph."""
    parsed = literal if isinstance(literal, Expression) else number_expression(literal)
    return apply("constant", graph=graph, expression=parsed, sizes={})


def add_size(graph: Graph, size: Size) -> Value:
    """Add the size of an axis to the graph, as a number."""
    if isinstance(size, int):
        return add_literal(graph, size)
    return apply(
        "constant", graph=graph, expression=Expression("symbol", text=str(size)), sizes={str(size): size}
    )


def parse_bounded(
    graph: Graph, attribute: str, setting: Constant, *, least: float, most: float | None = None
) -> dict[str, Any]:
    """Return a constant setting as `parse_constant` does. Raises QuestionError if it is out of bounds.

    Expressions with free symbols are not checked.
    """
    constant = parse_constant(graph, attribute, setting)
    names = constant["expression"].symbols() - graph.dimensions.keys() - set(NAMED_NUMBERS)
    if not names and all(isinstance(size, int) for size in constant["sizes"].values()):
        value = evaluate(constant["expression"], graph.dimensions)
        if value < least or (most is not None and value > most):
            range_ = f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"
            fault = "too small" if value < least else "too large"
            raise QuestionError((attribute,), f"is {fault}", f"a constant {range_}", describe(value))
    return constant


def is_numeric(graph: Graph, parsed: Expression) -> bool:
    """Return whether an expression has neither dimension names nor free symbols."""
    return parsed.symbols() <= set(NAMED_NUMBERS) - set(graph.dimensions)


LEAST_BASE = 1e-30  # with a smaller base, frequencies overflow float32


def parse_frequency_base(graph: Graph, attribute: str, setting: Constant) -> Expression:
    """Return the base of frequencies, a constant without names. Raises QuestionError at the attribute."""
    parsed: Expression = parse_constant(graph, attribute, setting, positive=True)["expression"]
    if not is_numeric(graph, parsed) or evaluate(parsed) < LEAST_BASE:
        raise QuestionError(
            (attribute,),
            "cannot be the base of frequencies",
            f"a constant of at least {LEAST_BASE}, without names",
            describe(setting),
        )
    return parsed
