"""Questions for traces in tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.kinds import get_arithmetic
from compute.optimizers.run.config import OptimizerConfig
from compute.optimizers.run.question import PreparedTrace, TraceQuestion, prepare_trace
from compute.optimizers.run.trace import TraceStep
from tests.compute.asking import arrays

COMMON = {
    "name",
    "learning_rate",
    "schedule",
    "weight_decay",
    "decay",
    *("clip_" + n for n in ("value", "norm", "epsilon")),
    *("maximize", "ema_decay", "ema_bias_correction", "groups"),
}
PARTS = frozenset({"parameters", "loss", "gradient", "state", "update", "formula"})
# A quadratic with two parameters and a mixed term, and a starting point in fractions.
QUADRATIC = ("f = (x**2 + 10*y**2)/2 + x*y",)
START = {"x": "3/2", "y": "-1"}


def optimizer_config(optimizer: Mapping[str, Any]) -> OptimizerConfig:
    """Return the configuration of an optimizer that is given as one object, like on the wire."""
    common = {name: value for name, value in optimizer.items() if name in COMMON}
    settings = {name: value for name, value in optimizer.items() if name not in COMMON}
    return OptimizerConfig(**common, settings=settings)


def prepare(
    optimizer: Mapping[str, Any],
    start: Mapping[str, Any],
    program: Sequence[str] = (),
    *,
    numbers: str = "float64",
    data: Mapping[str, Any] | None = None,
    gradients: Sequence[Mapping[str, Any]] | None = None,
    **more: Any,
) -> PreparedTrace:
    """Prepare a trace. more: other fields of `TraceQuestion`."""
    symbols = Symbols()
    tensors = [arrays(group, numbers, symbols) for group in (start, data or {}, *(gradients or ()))]
    question = TraceQuestion(
        optimizer=optimizer_config(optimizer),
        start=tensors[0],
        arithmetic=get_arithmetic(numbers),
        program=tuple(program),
        data=tensors[1],
        gradients=None if gradients is None else tensors[2:],
        shown=more.pop("shown", PARTS),
        **more,
    )
    return prepare_trace(question)


def steps_of(
    optimizer: Mapping[str, Any], start: Mapping[str, Any], *program: Any, **more: Any
) -> list[TraceStep]:
    """Return all shown steps, the start included."""
    return list(prepare(optimizer, start, *program, **more).trace.shown_steps())


def with_rate(optimizer: dict[str, Any]) -> dict[str, Any]:
    """Return the optimizer with a learning rate that suits the objectives here, unless it lists its rates."""
    return optimizer if isinstance(optimizer.get("schedule"), list) else {"learning_rate": 0.05, **optimizer}
