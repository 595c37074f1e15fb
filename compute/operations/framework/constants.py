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
from compute.graph.graph import Graph
from compute.graph.value import Value, apply
from compute.operations.framework.declaration import Constant


def constant(graph: Graph, attribute: str, said: Constant, *, positive: bool = False) -> Value:
    """A constant setting as a value, refused at its attribute where it has no use."""
    return apply("constant", graph=graph, **expression(graph, attribute, said, positive=positive))


def expression(graph: Graph, attribute: str, said: Constant, *, positive: bool = False) -> dict[str, Any]:
    """A constant setting as its expression and the sizes of the dimension names that it uses."""
    try:
        parsed = parse(said) if isinstance(said, str) else number_expression(said)
        names = parsed.symbols()
        sizes = {name: size for name, size in graph.dimensions.items() if name in names}
        free = {name for name in names if name not in graph.dimensions and name not in NAMED_NUMBERS}
        if graph.symbolic and free:
            for name in free:
                check_symbol(name)
        elif all(isinstance(size, int) for size in sizes.values()):
            worth = evaluate(parsed, graph.dimensions)
            if positive and worth <= 0:
                raise ExpressionError("is not above zero")
    except ExpressionError as error:
        known = ", ".join(sorted(graph.dimensions))
        kind = "finite constant above zero" if positive else "finite constant"
        expected = f"a {kind}, which may use {known}" if known else f"a {kind}"
        raise QuestionError((attribute,), f"the expression {error}", expected, describe(said)) from None
    return {"expression": parsed, "sizes": sizes}


def between(graph: Graph, attribute: str, said: Constant, least: int, most: int | None = None) -> Expression:
    """The same as `bounded`, without dimension names."""
    return alone(graph, attribute, bounded(graph, attribute, said, least=least, most=most)["expression"])


def alone(graph: Graph, attribute: str, parsed: Expression) -> Expression:
    """A constant, refused at its attribute where it speaks of a dimension."""
    if used := parsed.symbols() & set(graph.dimensions):
        raise QuestionError(
            (attribute,), "speaks of a dimension", "a constant without dimension names",
            f"one with {', '.join(sorted(used))}",
        )  # fmt: skip
    return parsed


def literal(graph: Graph, parsed: Expression | float) -> Value:
    """An expression without dimension names, or a number, as a value."""
    one = parsed if isinstance(parsed, Expression) else number_expression(parsed)
    return apply("constant", graph=graph, expression=one, sizes={})


def size_of(size: Size) -> dict[str, Any]:
    """A size as an expression, with what it depends on where it is no number."""
    if isinstance(size, int):
        return {"expression": number_expression(size), "sizes": {}}
    return {"expression": Expression("symbol", text=str(size)), "sizes": {str(size): size}}


def bounded(
    graph: Graph, attribute: str, said: Constant, *, least: float, most: float | None = None
) -> dict[str, Any]:
    """As `expression`, refused where it is a number below or above these; what symbols are is not known."""
    found = expression(graph, attribute, said)
    names = found["expression"].symbols() - graph.dimensions.keys() - set(NAMED_NUMBERS)
    if not names and all(isinstance(size, int) for size in found["sizes"].values()):
        worth = evaluate(found["expression"], graph.dimensions)
        if worth < least or (most is not None and worth > most):
            range_ = f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"
            way = "below" if worth < least else "above"
            raise QuestionError(
                (attribute,), f"is {way} what has a meaning here", f"a constant {range_}", describe(worth)
            )
    return found


def is_number(graph: Graph, parsed: Expression) -> bool:
    """Whether an expression speaks of no dimension and of no free symbol."""
    return parsed.symbols() <= set(NAMED_NUMBERS) - set(graph.dimensions)


LEAST_BASE = 1e-30  # what is smaller makes frequencies that float32 does not hold


def frequency_base(graph: Graph, attribute: str, said: Constant) -> Expression:
    """The base of frequencies: a constant without dimension names, refused at its attribute."""
    parsed: Expression = expression(graph, attribute, said, positive=True)["expression"]
    if not is_number(graph, parsed) or evaluate(parsed) < LEAST_BASE:
        raise QuestionError(
            (attribute,),
            "is no base of frequencies",
            f"a constant of at least {LEAST_BASE}, without names",
            describe(said),
        )
    return parsed
