"""The state that a trace starts from: buffers of steps that were made before it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from compute.arithmetic.namespace import Array
from compute.optimizers.rules.declaration import Buffers


@dataclass(frozen=True)
class InitialState:
    """The state before the first step of a trace.

    step: the number of the last step before; 0 if there was none.
    buffers: as they were after that step, by owner and name.
    """

    step: int = 0
    buffers: Mapping[str, Buffers] = field(default_factory=dict)

    def convert(self, convert: Callable[[Array], Array]) -> "InitialState":
        """Return the state with each buffer converted."""
        converted = {
            owner: {name: convert(array) for name, array in buffers.items()}
            for owner, buffers in self.buffers.items()
        }
        return replace(self, buffers=converted)
