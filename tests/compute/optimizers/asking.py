"""Asking for a trace in a test as a caller would in code."""

from collections.abc import Mapping, Sequence
from typing import Any

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.kinds import get_arithmetic
from compute.optimizers.course import OptimizerConfig
from compute.optimizers.questions import PreparedTrace, TraceQuestion, prepare_trace
from compute.optimizers.trace import TraceStep
from tests.compute.asking import arrays

COMMON = {
    "name",
    "learning_rate",
    "schedule",
    "weight_decay",
    "decay",
    *("clip_" + n for n in ("value", "norm", "epsilon")),
}
PARTS = frozenset({"parameters", "loss", "gradient", "state", "update", "formula"})
# A quadratic with two parameters and a mixed term, and where to start on it in fractions.
QUADRATIC = ("f = (x**2 + 10*y**2)/2 + x*y",)
START = {"x": "3/2", "y": "-1"}


def chosen(optimizer: Mapping[str, Any]) -> OptimizerConfig:
    """An optimizer as a document writes it, in one object."""
    common = {name: one for name, one in optimizer.items() if name in COMMON}
    settings = {name: one for name, one in optimizer.items() if name not in COMMON}
    return OptimizerConfig(**common, settings=settings)


def prepared(
    optimizer: Mapping[str, Any],
    start: Mapping[str, Any],
    program: Sequence[str] = (),
    *,
    numbers: str = "float64",
    data: Mapping[str, Any] | None = None,
    gradients: Sequence[Mapping[str, Any]] | None = None,
    **more: Any,
) -> PreparedTrace:
    """more: other fields of `AskedTrace`."""
    symbols = Symbols()
    sent = [arrays(one, numbers, symbols) for one in (start, data or {}, *(gradients or ()))]
    asked = TraceQuestion(
        chosen=chosen(optimizer),
        start=sent[0],
        arithmetic=get_arithmetic(numbers),
        program=tuple(program),
        data=sent[1],
        gradients=None if gradients is None else sent[2:],
        shown=more.pop("shown", PARTS),
        **more,
    )
    return prepare_trace(asked)


def steps_of(
    optimizer: Mapping[str, Any], start: Mapping[str, Any], *program: Any, **more: Any
) -> list[TraceStep]:
    """All steps that are shown, the start included."""
    return list(prepared(optimizer, start, *program, **more).trace.run())


def with_rate(optimizer: dict[str, Any]) -> dict[str, Any]:
    """The optimizer with a learning rate that suits the objectives here, unless it says one for each step."""
    return optimizer if isinstance(optimizer.get("schedule"), list) else {"learning_rate": 0.05, **optimizer}
