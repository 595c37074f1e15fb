"""Running averages of parameters over the steps of a trace."""

from collections.abc import Mapping
from dataclasses import dataclass

from compute.arithmetic.namespace import Arithmetic
from compute.optimizers.rules.declaration import Buffers, Number
from compute.optimizers.run.objective import Parameters

AVERAGE = "running_average"  # the buffer, before its correction


@dataclass(frozen=True, slots=True)
class Averaging:
    """An exponential moving average of parameters.

    It starts at the parameters of the start; or, if it is corrected for its bias, at 0, and is divided by
    1 - decay^t.

    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992), with the
    exponential weights and the correction of Kingma and Ba, Adam (2015), section 7.2.
    """

    decay: Number
    is_corrected: bool

    def formulas(self) -> list[str]:
        """Return the equations in LaTeX."""
        start = "0" if self.is_corrected else "x_0"
        lines = [rf"\bar x_t = \beta_a \bar x_{{t-1}} + (1 - \beta_a) x_t, \quad \bar x_0 = {start}"]
        return [*lines, r"\hat x_t = \frac{\bar x_t}{1 - \beta_a^t}"] if self.is_corrected else lines

    def follow(
        self, xp: Arithmetic, parameters: Parameters, before: Parameters, state: Mapping[str, Buffers]
    ) -> Parameters:
        """Return the average after a step, before its correction. before: the parameters before the step."""
        average: Parameters = {}
        for name, array in parameters.items():
            previous = state.get(name, {}).get(AVERAGE)
            if previous is None:
                previous = before[name] * 0 if self.is_corrected else before[name]
            kept = xp.multiply(self.decay, previous)
            average[name] = xp.simplify(
                xp.add(kept, xp.multiply(1 - self.decay, array)), f"average of {name}"
            )
        return average

    def correct(self, xp: Arithmetic, average: Parameters, step: int) -> Parameters:
        """Return the average after a step, corrected for its start at 0 if that is asked for."""
        if not self.is_corrected:
            return dict(average)
        share = 1 - self.decay**step
        return {name: xp.simplify(xp.divide(array, share), name) for name, array in average.items()}
