"""Expectations and variances of a program whose inputs are random, from shapes and distributions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from compute.arithmetic.expressions import (
    NAMED_NUMBERS,
    Expression,
    ExpressionError,
    check_symbol,
    fold,
    number_expression,
    parse,
)
from compute.errors import Path, QuestionError, QuestionErrors, describe
from compute.graph.graph import Value
from compute.graph.spec import Tensor
from compute.integers import LARGEST
from compute.programs.building import build_program
from compute.readings.moments.distributions import INITIALIZERS, Distribution
from compute.readings.moments.propagation import Row, choose_numbers, propagate
from compute.readings.moments.quantities import Number, Numbers, Quantity

# The fields of each distribution: those that it needs, and those that it may have, with their defaults.
PARAMETERS: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {
    "unknown": ((), {"mean": 0, "variance": 1}),
    "normal": ((), {"mean": 0, "variance": 1}),
    "uniform": (("low", "high"), {}),
    "constant": (("value",), {}),
    "bernoulli": (("probability",), {}),
    **dict.fromkeys(INITIALIZERS, ((), {})),
}
MODES = ("fan_in", "fan_out", "average")


@dataclass(frozen=True, slots=True)
class NamedDistribution:
    """A distribution as it is sent: its name, and numbers or texts by field."""

    name: str
    fields: Mapping[str, float | str]
    mode: str = ""


class NetworkMoments(NamedTuple):
    """The moments of a program.

    values: those of inputs, then of lines. gradients: those of the gradients, from the last line back.
    output: the value that gradients start from.
    """

    values: list[Row]
    gradients: list[Row]
    output: Value


def moments_of_program(
    program: tuple[str, ...],
    inputs: Mapping[str, Tensor],
    random: Mapping[str, NamedDistribution],
    upstream: NamedDistribution | None,
    linearize: bool,
) -> NetworkMoments:
    """Return the moments of all lines of a program, and of the gradients of lines and inputs.

    Weights of submodules that are left out have the sizes that their settings state. random: the
    distribution of each input. upstream, linearize: as for `propagate`. Raises QuestionErrors.
    """
    graph, _ = build_program(program, inputs, {}, None, (), everything=False, missing_policy="usual")
    sent: dict[Path, NamedDistribution] = {("random", name): one for name, one in random.items()}
    if upstream is not None:
        sent[("upstream",)] = upstream
    expressions = {path: _parse_fields(path, one) for path, one in sent.items()}
    has_letters = any(
        set(expression.symbols()) - {*NAMED_NUMBERS}
        for fields in expressions.values()
        for expression in fields.values()
    )
    numbers = choose_numbers(graph, has_letters)
    found = {path: _read(path, one, expressions[path], numbers) for path, one in sent.items()}
    distributions = {name: found["random", name] for name in random}
    propagated = propagate(graph, distributions, numbers, found.get(("upstream",)), linearize)
    return NetworkMoments(*propagated, output=graph.names[list(graph.lines)[-1]])


def _parse_fields(path: Path, sent: NamedDistribution) -> dict[str, Expression]:
    """Return the expressions of a distribution's fields. Raises QuestionErrors."""
    required, _ = PARAMETERS[sent.name]
    missing = [name for name in required if name not in sent.fields]
    if missing:
        names = " and ".join(required)
        raise QuestionErrors([QuestionError(path, f"{sent.name} needs {names}", names, "a part of them")])
    expressions = {}
    for name, field in sent.fields.items():
        try:
            expression = parse(field) if isinstance(field, str) else number_expression(field)
            for letter in expression.symbols() - {*NAMED_NUMBERS}:
                check_symbol(letter)
        except ExpressionError as error:
            raise _refuse((*path, name), str(error), field) from None
        expressions[name] = expression
    return expressions


def _read(
    path: Path, sent: NamedDistribution, expressions: Mapping[str, Expression], numbers: Numbers
) -> Distribution:
    """Return a distribution in the numbers of the computation. Raises QuestionErrors."""
    parameters: dict[str, Number] = {
        name: numbers.make(default) for name, default in PARAMETERS[sent.name][1].items()
    }
    for field, expression in expressions.items():
        name = field
        try:
            number = fold(expression, numbers)
            if field == "std":
                name, number = "variance", numbers.apply("multiply", [number, number])
        except ExpressionError as error:
            raise _refuse((*path, field), str(error), sent.fields[field]) from None
        parameters[name] = number
    _check(path, sent, parameters, numbers)
    return Distribution(sent.name, parameters, sent.mode)


def _check(path: Path, sent: NamedDistribution, parameters: Mapping[str, Number], numbers: Numbers) -> None:
    """Raise QuestionErrors for numbers that no distribution has."""
    try:
        known = {name: numbers.value(number) for name, number in parameters.items()}
    except ExpressionError as error:
        raise _refuse(path, str(error), "letters") from None
    variance, probability = known.get("variance"), known.get("probability")
    if variance is not None and variance < 0:
        raise _refuse((*path, "variance"), "a variance is not negative", sent.fields["variance"])
    if probability is not None and not 0 <= probability <= 1:
        raise _refuse((*path, "probability"), "is no probability", sent.fields["probability"])
    low, high = known.get("low"), known.get("high")
    if low is not None and high is not None and low > high:
        raise _refuse((*path, "low"), "low is above high", sent.fields["low"])


def _refuse(path: Path, message: str, field: Any) -> QuestionErrors:
    expected = "a number, or an expression in letters such as sigma**2"
    return QuestionErrors([QuestionError(path, f"the number {message}", expected, describe(field))])


def write_moment(number: Number) -> float | str:
    """Return a number of an answer: text if it has letters, roots or fractions."""
    if not isinstance(number, Quantity):
        return number
    constant = number.constant
    if constant is not None and constant.denominator == 1 and abs(constant) < LARGEST:
        return int(constant)
    return str(number)
