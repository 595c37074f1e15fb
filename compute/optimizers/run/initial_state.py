"""The state that a trace starts from: buffers of steps that were made before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from compute.optimizers.rules.declaration import Buffers


@dataclass(frozen=True)
class InitialState:
    """The state before the first step of a trace.

    step: the number of the last step before; 0 if there was none.
    buffers: as they were after that step, by owner and name.
    """

    step: int = 0
    buffers: Mapping[str, Buffers] = field(default_factory=dict)
