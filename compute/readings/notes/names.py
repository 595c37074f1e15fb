"""What the numbers of a run are called."""

from functools import cached_property

from compute.graph.value import Value, nearest_names
from compute.readings.evaluation import Evaluation
from compute.readings.notes.note import spelled
from compute.readings.notes.sites import owners
from compute.readings.reverse_mode import Differentiation


class Names:
    """Names for the keys of a run: indices of values, and slots of gradients."""

    def __init__(self, evaluation: Evaluation, differentiation: Differentiation | None) -> None:
        self.values = evaluation.graph.values
        self._evaluation = evaluation
        self._carries = {} if differentiation is None else differentiation.vjp_slots
        self._flows = {} if differentiation is None else differentiation.cotangents

    @cached_property
    def _owners(self) -> dict[int, Value]:
        return owners(self._evaluation)

    @cached_property
    def _gradients(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for index, flow in self._flows.items():
            if flow.total is not None:
                found.setdefault(flow.total, []).append(str(self.values[index].name))
        return found

    def of_values(self, keys: list[int]) -> list[str]:
        """The named values among some keys."""
        found = (self.values[key] for key in sorted(keys) if 0 <= key < len(self.values))
        return [one.name for one in found if one.name is not None]

    def of_gradients(self, keys: list[int]) -> list[str]:
        """The named values whose gradients are among some keys, in the order in which they are found."""
        return [name for key in sorted(keys, reverse=True) for name in self._gradients.get(key, ())]

    def step(self, value: Value) -> Value:
        """The named value in whose step a value stands; itself where there is none, as in a claim."""
        return value if value.name is not None else self._owners.get(value.index, value)

    def owner(self, key: int) -> str:
        """The name of that value."""
        return nearest_names(self.step(self.values[key]))[0]

    def is_constant(self, key: int) -> bool:
        """Whether a number is part of the question's settings and not of its data."""
        primitive = self.values[key].primitive if 0 <= key < len(self.values) else None
        return primitive is not None and primitive.name == "constant"

    def of_operand(self, key: int) -> str:
        """What an operand is called in a sentence."""
        if key >= 0:
            return spelled(self.values[key])
        if key in self._gradients:
            return f"gradient of {self._gradients[key][0]}"
        carried = self._carries.get(key)
        return "gradient" if carried is None else f"gradient of {spelled(carried[0].inputs[carried[1]])}"

    def through(self, key: int) -> Value | None:
        """The value that a gradient is carried back through; none for other keys."""
        carried = self._carries.get(key)
        return None if carried is None else carried[0]

    def place(self, key: int) -> str:
        """Where a step stands, by a name that the question knows."""
        if key >= 0:
            return self.owner(key)
        if key in self._gradients or key not in self._carries:
            return f"the {self.of_operand(key)}"
        value, at = self._carries[key]
        return f"the gradient on its way to {' and '.join(nearest_names(value.inputs[at]))}"
