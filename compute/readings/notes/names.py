"""Names for the numbers of a run."""

from functools import cached_property

from compute.graph.graph import Value, nearest_names
from compute.readings.evaluation import Evaluation
from compute.readings.notes.note import spell_value
from compute.readings.notes.sites import find_owners
from compute.readings.reverse_mode import Differentiation


class Names:
    """Names for the keys of a run: indices of values, and slots of gradients."""

    def __init__(self, evaluation: Evaluation, differentiation: Differentiation | None) -> None:
        self.values = evaluation.graph.values
        self._evaluation = evaluation
        self._vjp_slots = {} if differentiation is None else differentiation.vjp_slots
        self._cotangents = {} if differentiation is None else differentiation.cotangents

    @cached_property
    def _owners(self) -> dict[int, Value]:
        return find_owners(self._evaluation)

    @cached_property
    def _gradients(self) -> dict[int, list[str]]:
        names: dict[int, list[str]] = {}
        for index, cotangent in self._cotangents.items():
            if cotangent.total is not None:
                names.setdefault(cotangent.total, []).append(str(self.values[index].name))
        return names

    def list_values(self, keys: list[int]) -> list[str]:
        """Return the names of the values among these keys."""
        values = (self.values[key] for key in sorted(keys) if 0 <= key < len(self.values))
        return [value.name for value in values if value.name is not None]

    def list_gradients(self, keys: list[int]) -> list[str]:
        """Return the names of the values whose gradients are among these keys, in order of computation."""
        return [name for key in sorted(keys, reverse=True) for name in self._gradients.get(key, ())]

    def step_of(self, value: Value) -> Value:
        """Return the named value whose step contains a value; the value itself if no step does."""
        return value if value.name is not None else self._owners.get(value.index, value)

    def owner_name(self, key: int) -> str:
        """Return the name of the value whose step contains the value with this key."""
        return nearest_names(self.step_of(self.values[key]))[0]

    def is_constant(self, key: int) -> bool:
        """Return whether a number is a constant of the settings."""
        primitive = self.values[key].primitive if 0 <= key < len(self.values) else None
        return primitive is not None and primitive.name == "constant"

    def describe_operand(self, key: int) -> str:
        """Return what an operand is called in a sentence."""
        if key >= 0:
            return spell_value(self.values[key])
        if key in self._gradients:
            return f"gradient of {self._gradients[key][0]}"
        vjp = self._vjp_slots.get(key)
        return "gradient" if vjp is None else f"gradient of {spell_value(vjp[0].inputs[vjp[1]])}"

    def pulled_back_through(self, key: int) -> Value | None:
        """Return the value that a gradient is pulled back through; None for other keys."""
        vjp = self._vjp_slots.get(key)
        return None if vjp is None else vjp[0]

    def describe_place(self, key: int) -> str:
        """Return which step computes a number, by a name that the question knows."""
        if key >= 0:
            return self.owner_name(key)
        if key in self._gradients or key not in self._vjp_slots:
            return f"the {self.describe_operand(key)}"
        value, at = self._vjp_slots[key]
        return f"the gradient on its way to {' and '.join(nearest_names(value.inputs[at]))}"
