"""Limits of values as a free symbol goes to infinity or to a number, in exact arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, ExpressionError, parse
from compute.arithmetic.namespace import Array
from compute.dimensions import product
from compute.errors import Path, at, describe
from compute.programs.claims import INFINITIES
from compute.question.declared_readings.declaration import (
    Amounts,
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.question.declared_readings.jacobian import known_value
from compute.question.sent_values import known_size
from compute.readings.described import described

FIELD = "limits"
MOST = 16


@dataclass(frozen=True, slots=True)
class SymbolLimit:
    """The limit of a value as a free symbol goes to infinity or to a number."""

    of: str = described("The value whose limit is taken.")
    symbol: str = described('The free symbol, such as `beta` of the setting `"scale": "beta"`.')
    to: float | str = described("Where the symbol goes: `inf`, `-inf`, or a number.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueLimit:
    """The limit of a value as a free symbol goes to infinity or to a number."""

    of: str
    symbol: str
    to: str
    value: Array | None = described(
        "The limit of each entry, in the shape of the value. Null if one was not found, does not exist, or"
        " depends on another symbol."
    )


def find_limit(
    arithmetic: Any, entries: Array, symbol: str, to: Expression | None, sign: int, path: Path
) -> Array | None:
    """Return the limits of exact entries as a symbol goes to a constant; None if one is not found.

    to: None for infinity, with its sign.
    Raises QuestionErrors at the path if no entry depends on the symbol.
    """
    symbols = {str(one) for entry in entries.flat for one in arithmetic.in_full(entry).free_symbols}
    if symbol not in symbols:
        message = f"the value does not depend on the symbol {symbol}"
        raise at(path, message, "a symbol that the value holds", "another symbol")
    found: Array | None = arithmetic.limit(entries, symbol, to, sign)
    return found


def _read_bound(arithmetic: Any, text: str, path: Path) -> tuple[Expression | None, int]:
    """Return the number that a symbol goes to, and 1; None for infinity, with its sign.

    Raises QuestionErrors at the path if the text is no finite number.
    """
    if text.lower().removeprefix("-") in INFINITIES:
        return None, -1 if text.startswith("-") else 1
    try:
        number = parse(text)
        evaluate(number)
        arithmetic.constant(number, {})  # which has limits of its own, as on digits
    except ExpressionError:
        expected = "inf, -inf, or a number such as 0 or 1/2"
        raise at(path, "is no number that a symbol can go to", expected, describe(text)) from None
    return number, 1


def _write_bound(to: float | str) -> str:
    return str(int(to)) if isinstance(to, float) and to.is_integer() else str(to).strip()


class _Planned(PlannedReading):
    def __init__(self, planning: Planning, requests: tuple[SymbolLimit, ...]) -> None:
        evaluation = planning.evaluation
        self._arithmetic, self._requests = evaluation.arithmetic, requests
        self._values = [
            known_value(evaluation, (FIELD, place, "of"), request.of)
            for place, request in enumerate(requests)
        ]
        self._bounds = [
            _read_bound(self._arithmetic, _write_bound(request.to), (FIELD, place, "to"))
            for place, request in enumerate(requests)
        ]
        evaluation.request(value.index for value in self._values)

    def predict(self, work: Work) -> Amounts:
        entries = sum(count for _, count in self.sent())
        return Amounts(entries=entries, answer=entries)

    def sent(self) -> Iterable[tuple[str, int]]:
        for request, value in zip(self._requests, self._values, strict=True):
            yield f"the limit of {request.of}", known_size(product(value.shape))

    def run(self, run: Execution) -> list[ValueLimit]:
        return [
            ValueLimit(
                of=request.of,
                symbol=request.symbol,
                to=_write_bound(request.to),
                value=find_limit(
                    self._arithmetic,
                    run.values[value.index],
                    request.symbol,
                    *bound,
                    (FIELD, place, "symbol"),
                ),
            )
            for place, (request, value, bound) in enumerate(
                zip(self._requests, self._values, self._bounds, strict=True)
            )
        ]


class LimitsReading(Reading):
    """Limits of values as a free symbol goes to infinity or to a number."""

    field = RequestField(
        FIELD,
        list[SymbolLimit],
        [],
        "In exact arithmetic: limits of values to return, as a free symbol goes to infinity or to a number.",
        "SymbolLimits",
        MOST,
    )
    part = AnswerPart(FIELD, list[ValueLimit], "The limits that were asked for.")
    exact_only = True

    def names(self, request: tuple[SymbolLimit, ...]) -> Iterable[str]:
        return [one.of for one in request]

    def plan(self, planning: Planning, request: tuple[SymbolLimit, ...]) -> PlannedReading:
        return _Planned(planning, request)
