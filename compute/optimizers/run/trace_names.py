"""The values of a trace by name: their paths in its answer, such as `trace[2].state.x.velocity`."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import Path, QuestionError, unknown_name
from compute.optimizers.rules.declaration import State
from compute.optimizers.run.applying import ALL, compute_update
from compute.optimizers.run.averages import AVERAGE
from compute.optimizers.run.objective import Parameters, ProgramObjective
from compute.optimizers.run.places import Place
from compute.optimizers.run.plateau import BUFFERS, RATE
from compute.optimizers.run.trace import Run

_FULL = re.compile(r"trace\[([0-9]{1,7})\]\.(.+)", re.DOTALL)
_SHORT = re.compile(r"(.+)\[([0-9]{1,7})\]", re.DOTALL)
_INDEX = re.compile(r"\[([0-9]{1,7})\]")


class TraceNames:
    """The names of the values of a trace, and what each is computed from."""

    def __init__(self, run: Run, start: Parameters, steps: int) -> None:
        self._run, self._start = run, start
        self.before, self.last = run.initial.step, run.initial.step + steps
        self._has_loss = isinstance(run.objective, ProgramObjective)
        self._rule_buffers = {owner: kept_buffers(run.of(owner)) for owner in run.owners(start)}
        self._of_a_step = {place.inner_path: place for place in self._places_of_a_step()}
        self._short = self._short_names()

    @property
    def numbers(self) -> range:
        """The numbers of the steps, with that of the start."""
        return range(self.before, self.last + 1)

    @property
    def rule(self) -> str:
        """The name of the update rule."""
        return self._run.optimizer.name

    @property
    def nonnegative(self) -> Collection[str]:
        """The names of buffers that are never negative."""
        return self._run.optimizer.nonnegative

    @property
    def unread(self) -> Collection[str]:
        """The names of buffers that the next step does not read."""
        return self._rule_buffers.get(ALL, ())

    def kept(self) -> dict[str, list[str]]:
        """Return the buffers that are kept from step to step, by owner."""
        kept = {owner: [*buffers] for owner, buffers in self._rule_buffers.items()}
        if self._run.average is not None:
            for name in self._start:
                kept[name] = [*kept.get(name, []), AVERAGE]
        if self._run.plateau is not None:
            kept[RATE] = [*BUFFERS]
        return kept

    def at(self, step: int) -> list[Place]:
        """Return the places of a step, in order of computation."""
        return [Place(step, *place[1:]) for place in self._of_a_step.values() if self._exists(step, place)]

    def find(self, name: str) -> Place | None:
        """Return the place of a name: a path, or a short form such as `x[2]` that means one value alone."""
        place: Place | None = None
        if match := _FULL.fullmatch(name):
            step, place = int(match[1]), self._of_a_step.get(match[2])
        elif match := _SHORT.fullmatch(name):
            step, place = int(match[2]), self._short.get(match[1])
        return Place(step, *place[1:]) if place is not None and self._exists(step, place) else None

    def inner_paths(self) -> list[str]:
        """Return the paths of values inside a step."""
        return [*self._of_a_step]

    def unknown(self, path: Path, name: str) -> QuestionError:
        """Return the error for a name that is not found."""
        match = _INDEX.search(name)
        step = min(max(int(match[1]), self.before), self.last) if match else self.last
        known = [place.path for place in self.at(step)]
        if not name.startswith("trace["):
            known += [f"{short}[{step}]" for short, place in self._short.items() if self._exists(step, place)]
        return unknown_name(path, "value of the trace", name, known)

    def shape(self, place: Place) -> tuple[int, ...]:
        """Return the shape of a value."""
        if place.part == "state":
            return self.buffer_shape(place.parameter)
        if place.part == "learning_rate" or not place.parameter:
            return ()
        return tuple(self._start[place.parameter].shape)

    def buffer_shape(self, owner: str) -> tuple[int, ...]:
        """Return the shape of the buffers of an owner."""
        if owner == ALL:
            entries = sum(array.size for array in self._start.values())
            return (entries, entries)
        return () if owner == RATE else tuple(self._start[owner].shape)

    def number(self, place: Place, array: Array) -> Any:
        """Return an array in the numbers of the trace, to stand in a place."""
        arithmetic = self._run.arithmetic
        array = array if arithmetic.simplifies else arithmetic.whole(array)
        return array[()] if place.part == "learning_rate" else array

    def needed_after(self, step: int) -> list[Place]:
        """Return the values of a step from which all later steps are computed."""
        return [*self._parameters(step), *self._state(step)]

    @property
    def depends_on_losses(self) -> bool:
        """Whether something is computed from the losses of the trace."""
        return self._run.plateau is not None and self._run.plateau.losses is None

    def operands(self, place: Place) -> Iterable[Place]:
        """Return the values that a value may be computed from directly."""
        run, step, name = self._run, place.step, place.parameter
        match place.part:
            case "loss":
                return self._parameters(step)
            case "learning_rate":
                return self._state_of_rate(step - 1)
            case "state" if name == RATE:
                losses = [Place(step, "loss")] if self.depends_on_losses else []
                return [*losses, *self._state_of_rate(step - 1)]
            case "state" if place.buffer == AVERAGE:
                before = Place(step - 1, "state", name, AVERAGE)
                if step - 1 == self.before:
                    before = Place(step - 1, "parameters", name)
                return [Place(step, "parameters", name), before]
            case "average":
                return [Place(step, "state", name, AVERAGE)]
            case "gradient" if step > self.before + 1 and not run.renews_gradient:
                return [place._replace(step=step - 1)]
            case "gradient" | "batch.loss":
                if not self._has_loss:
                    return []
                ahead = self._state_of_rule(step - 1) if run.optimizer.looks_ahead else []
                return [*self._parameters(step - 1), *ahead]
            case "used_gradient":
                names = [name] if run.clipping.norm is None else self._start
                decayed = [Place(step - 1, "parameters", name)] if run.of(name).decay is not None else []
                return [*(Place(step, "gradient", each) for each in names), *decayed]
            case "state" | "update":
                return self._operands_of_rule(place)
            case "parameters" if step > self.before:
                return [Place(step - 1, "parameters", name), Place(step, "update", name)]
        return []

    def _operands_of_rule(self, place: Place) -> Iterator[Place]:
        step, is_joint = place.step, self._run.optimizer.updates_jointly
        owner, names = (ALL, [*self._start]) if is_joint else (place.parameter, [place.parameter])
        used = "used_gradient" if self._run.changes_gradient else "gradient"
        yield Place(step, "learning_rate", owner if self._run.has_own_rates else "")
        yield from (Place(step, used, name) for name in names)
        yield from (other for other in self._state_of_rule(step - 1) if other.parameter == owner)
        for other in self._state_of_rule(step):
            if other == place:
                break
            if other.parameter == owner:
                yield other
        if is_joint or self._run.of(owner).decay is not None:
            yield from (Place(step - 1, "parameters", name) for name in names)

    def _parameters(self, step: int) -> list[Place]:
        return [Place(step, "parameters", name) for name in self._start]

    def _state(self, step: int) -> list[Place]:
        return [*self._state_of_rule(step), *self._state_of_average(step), *self._state_of_rate(step)]

    def _state_of_rule(self, step: int) -> list[Place]:
        buffers = self._rule_buffers if step > self.before else {}
        return [Place(step, "state", owner, name) for owner, names in buffers.items() for name in names]

    def _state_of_average(self, step: int) -> list[Place]:
        names = self._start if self._run.average is not None and step > self.before else ()
        return [Place(step, "state", name, AVERAGE) for name in names]

    def _state_of_rate(self, step: int) -> list[Place]:
        names = BUFFERS if self._run.plateau is not None and step > self.before else ()
        return [Place(step, "state", RATE, name) for name in names]

    def _places_of_a_step(self) -> Iterator[Place]:
        first = self.before + 1
        if self._run.has_own_rates:
            yield from (Place(1, "learning_rate", name) for name in self._start)
        else:
            yield Place(1, "learning_rate")
        if self._run.objective.batches:
            yield Place(1, "batch.loss")
        for part in ("gradient", *(["used_gradient"] if self._run.changes_gradient else [])):
            yield from (Place(1, part, name) for name in self._start)
        yield from self._state_of_rule(first)
        for part in ("update", "parameters"):
            yield from (Place(1, part, name) for name in self._start)
        yield from self._state_of_average(first)
        if self._run.average is not None:
            yield from (Place(1, "average", name) for name in self._start)
        if self._has_loss:
            yield Place(1, "loss")
        yield from self._state_of_rate(first)

    def _exists(self, step: int, place: Place) -> bool:
        is_start = step == self.before and place.part in ("parameters", "loss")
        return self.before < step <= self.last or is_start

    def _short_names(self) -> dict[str, Place]:
        """Return the place that each short name means, without names that might mean several."""
        meant: dict[str, set[Place]] = {}
        for path, place in self._of_a_step.items():
            words = {path, place.parameter if place.part == "parameters" else place.buffer or place.part}
            if place.part == "loss":
                words.add(getattr(self._run.objective, "name", path))
            for word in words:
                meant.setdefault(word, set()).add(place)
        return {word: places.pop() for word, places in meant.items() if len(places) == 1}


def kept_buffers(run: Run) -> tuple[str, ...]:
    """Return the buffers that a rule keeps under its settings, in the order in which they are computed."""
    if run.optimizer.updates_jointly:
        return tuple(run.optimizer.buffers)
    one = run.arithmetic.one_hot((), 0)
    with np.errstate(all="ignore"):
        _, buffers = compute_update(run, State(run.arithmetic, run.number, 1, run.rate(1), one, one))
    return tuple(buffers)
