"""The places of values in a trace."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias


class Place(NamedTuple):
    """The place of one value in a trace.

    step: its number; 0 is the start.
    part: `parameters`, `state`, `batch.loss`...
    parameter, buffer: what it belongs to; empty for values such as the loss.
    """

    step: int
    part: str
    parameter: str = ""
    buffer: str = ""

    @property
    def inner_path(self) -> str:
        """The path inside the step."""
        return ".".join(filter(None, self[1:]))

    @property
    def path(self) -> str:
        """The path in the answer of a trace that shows every step, such as `trace[2].state.x.velocity`."""
        return f"trace[{self.step}].{self.inner_path}"


Substitute: TypeAlias = Callable[[Place, Any], Any]
"""Returns what stands in the place of a value that was computed."""
