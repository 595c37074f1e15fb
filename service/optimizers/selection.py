"""The parts of a trace's steps that are returned, and paths of values in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compute.errors import Path, QuestionError, QuestionErrors, unknown_name
from compute.optimizers.run.question import PreparedTrace
from compute.optimizers.run.trace_names import TraceNames
from service.optimizers.schemas import PARTS

FIELD = "select"


@dataclass(frozen=True, slots=True)
class Selection:
    """The parts of each step to return.

    parts: those that are returned whole.
    paths: the paths inside a step that are returned, by the number of the step; None: in every step.
    """

    parts: frozenset[str] = frozenset(PARTS)
    paths: Mapping[int | None, frozenset[str]] = field(default_factory=dict)

    def keep(self, step: int, name: str, part: Any) -> Any:
        """Return what is selected of a part of a step; None if that is nothing."""
        if name in self.parts:
            return part
        return _keep(name, part, self.paths.get(None, frozenset()) | self.paths.get(step, frozenset()))


def _keep(path: str, part: Any, wanted: frozenset[str]) -> Any:
    if path in wanted:
        return part
    if not isinstance(part, Mapping):
        return None
    kept = {name: _keep(f"{path}.{name}", child, wanted) for name, child in part.items()}
    return {name: child for name, child in kept.items() if child is not None} or None


def selected_parts(selected: Sequence[str]) -> frozenset[str]:
    """Return the parts that are selected, or hold a value that may be."""
    if not selected or any(_part_of(name) is None for name in selected):  # a short form may mean any part
        return frozenset(PARTS)
    return frozenset(part for name in selected if (part := _part_of(name)) is not None)


def _part_of(name: str) -> str | None:
    inner = name.partition("].")[2] if name.startswith("trace[") else name
    part = inner.partition(".")[0]
    return part if part in PARTS else None


def read_selection(selected: Sequence[str], prepared: PreparedTrace) -> Selection:
    """Return a selection by parts and paths. Raises QuestionErrors for names that the trace does not have."""
    if not selected:
        return Selection()
    paths: dict[int | None, set[str]] = {}
    errors: list[QuestionError] = []
    names: TraceNames | None = None
    for index, name in enumerate(selected):
        if name in PARTS:
            continue
        trace = prepared.trace
        names = names or TraceNames(trace.run, trace.start, trace.steps)
        at = _find(name, names, _inner_paths(names, trace.start))
        if at is None:
            path: Path = (FIELD, index)
            known = dict.fromkeys([*PARTS, *names.inner_paths()])
            is_inside = "[" not in name
            errors.append(
                unknown_name(path, "value of a step", name, known) if is_inside else names.unknown(path, name)
            )
        else:
            paths.setdefault(at[0], set()).add(at[1])
    if errors:
        raise QuestionErrors(errors)
    whole = frozenset(name for name in selected if name in PARTS)
    return Selection(whole, {step: frozenset(inner) for step, inner in paths.items()})


def _find(name: str, names: TraceNames, known: frozenset[str]) -> tuple[int | None, str] | None:
    """Return the step and the inner path of a name."""
    if name in known:
        return None, name
    number, is_full, inner = name.removeprefix("trace[").partition("].")
    if name.startswith("trace[") and is_full and inner in known and number.isascii() and number.isdigit():
        step = int(number[:8])
        return (step, inner) if step in names.numbers else None
    place = names.find(name)
    return None if place is None else (place.step, place.inner_path)


def _inner_paths(names: TraceNames, parameters: Iterable[str]) -> frozenset[str]:
    """Return the paths of values in a step, and of the objects that hold them."""
    known: set[str] = {"batch.rows", *(f"formula.{name}" for name in parameters)}
    for path in names.inner_paths():
        pieces = path.split(".")
        known.update(".".join(pieces[: count + 1]) for count in range(1, len(pieces)))
    return frozenset(known | {*PARTS})
