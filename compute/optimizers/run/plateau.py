"""A learning rate that is reduced when losses stop improving."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import at
from compute.optimizers.rules.declaration import Buffers, Number

RATE = "learning rate"  # the owner of the buffers; its space keeps it apart from parameters
BUFFERS = ("best", "bad_steps", "cooldown", "reductions")


@dataclass(frozen=True)
class Plateau:
    """The settings of a learning rate that depends on losses.

    reduce: returns a rate after one reduction.
    """

    reduce: Callable[[Number], Number]
    settings: Mapping[str, Any]
    _rates: dict[Number, list[Number]] = field(default_factory=dict, compare=False)

    @property
    def losses(self) -> Sequence[Number] | None:
        """The losses of steps, if they were sent."""
        losses: Sequence[Number] | None = self.settings["losses"]
        return losses

    def loss_of(self, step: int, loss: Array | None) -> Any:
        """Return the loss to observe after a step of the trace, counted from 1; None if it is not known."""
        if self.losses is not None:
            return self.losses[step - 1]
        return None if loss is None else loss[()]

    def reduced(self, rate: Number, buffers: Buffers) -> Number:
        """Return a rate after the reductions so far."""
        count = int(buffers["reductions"]) if buffers else 0
        rates = self._rates.setdefault(rate, [rate])
        while len(rates) <= count:
            reduced = self.reduce(rates[-1])
            if reduced == rates[-1]:  # it stays
                return reduced
            rates.append(reduced)
        return rates[count]

    def observe(
        self,
        buffers: Buffers,
        loss: Any,
        number: Callable[[Any], Number],
        to_float: Callable[[Any], float | None],
    ) -> Buffers:
        """Return the buffers after a loss was seen.

        Raises QuestionErrors if symbols leave open whether the loss improved.
        """
        bad, cooldown, reductions = (int(buffers[name]) if buffers else 0 for name in BUFFERS[1:])
        best, settings = buffers.get("best"), self.settings
        if best is None or self._improves(loss, best[()], to_float):
            best, bad = loss, 0
        else:
            bad += 1
        if cooldown:
            cooldown, bad = cooldown - 1, 0
        if bad > settings["patience"]:
            cooldown, bad, reductions = settings["cooldown"], 0, reductions + 1
        counts = (number(count) for count in (bad, cooldown, reductions))
        return dict(zip(BUFFERS, map(np.asarray, (best, *counts)), strict=True))

    def _improves(self, loss: Any, best: Any, to_float: Callable[[Any], float | None]) -> bool:
        threshold, is_relative = self.settings["threshold"], self.settings["threshold_form"] == "relative"
        rises = self.settings["mode"] == "max"
        margin = best * threshold if is_relative else threshold
        gain = loss - (best + margin) if rises else best - margin - loss
        difference = to_float(gain)
        if difference is None:
            path = ("optimizer", "schedule")
            message = "symbols leave open whether the loss improved"
            raise at(path, message, "losses without free symbols", "a loss with free symbols")
        return difference > 0
