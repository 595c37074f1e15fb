"""Several recurrent layers and directions: what of their tensors belongs to which."""

from dataclasses import dataclass

from compute.dimensions import show
from compute.errors import QuestionError
from compute.graph.value import Value, apply
from compute.operations.recurrent.cells import Weights


@dataclass(frozen=True, slots=True)
class RnnLayout:
    """How many layers there are, and in which directions each goes."""

    layers: int
    direction: str

    @property
    def directions(self) -> tuple[str, ...]:
        return ("forward", "reverse") if self.direction == "both" else (self.direction,)

    @property
    def is_single(self) -> bool:
        return self.layers == 1 and len(self.directions) == 1

    @property
    def labels(self) -> tuple[str, ...]:
        """What the axes before those of one layer's tensors run over."""
        several = {"layer": self.layers > 1, "direction": len(self.directions) > 1}
        return tuple(name for name, is_there in several.items() if is_there)

    def sizes(self, layers: int) -> tuple[int, ...]:
        """The sizes of these axes, for so many layers."""
        of = {"layer": layers, "direction": len(self.directions)}
        return tuple(of[name] for name in self.labels)

    def select(self, value: Value, layer: int, direction: int) -> Value:
        """What belongs to one layer in one direction, of a tensor that begins with these axes."""
        at = {"layer": layer, "direction": direction}
        items = tuple(at[name] for name in self.labels)
        return apply("part", value, items=items) if items else value


@dataclass(frozen=True, slots=True)
class StackedWeights:
    """The weights of all layers, as they came. w_x: of the first layer; w_x_upper: of those above it."""

    w_x: Value
    w_x_upper: Value | None
    w_h: Value
    b: Value | None
    b_h: Value | None
    peepholes: Value | None = None
    transposed: bool = False

    def check(self, layout: RnnLayout) -> None:
        """Raise QuestionError where there are not as many as layers and directions take.

        Of weights that were not sent it is taken that there are.
        """
        ranks = {"w_x": 2, "w_x_upper": 2, "w_h": 2, "b": 1, "b_h": 1, "peepholes": 2}
        for name, rank in ranks.items():
            value: Value | None = getattr(self, name)
            if value is None:
                continue
            first = layout.sizes(layout.layers - 1 if name == "w_x_upper" else layout.layers)
            if name == "w_x" and layout.layers > 1:  # of one layer alone
                first = first[1:]
            if value.is_assumed:
                value.shape = (*first, *value.shape[value.rank - rank :])
            if value.shape[: value.rank - rank] != first:
                several = " and ".join(layout.labels) or "one layer in one direction"
                raise QuestionError(
                    (name,), f"the shape of {name} does not fit the number of layers and directions",
                    f"shape {show((*first, *value.shape[value.rank - rank :]))}, for {several}",
                    f"shape {show(value.shape)}",
                )  # fmt: skip
        if (self.w_x_upper is None) != (layout.layers == 1):
            raise QuestionError(
                ("w_x_upper",),
                "each layer above the first has input weights of its own, and the first has w_x",
                "w_x_upper where there are several layers, and nowhere else",
                "nothing" if self.w_x_upper is None else "a tensor",
            )

    def layer_weights(self, layout: RnnLayout, layer: int, direction: int) -> Weights:
        """The weights of one layer in one direction, named where they are a part of what came."""
        if layer == 0:
            w_x = self.w_x
            if len(layout.directions) > 1:
                w_x = apply("part", w_x, items=(direction,))
        else:
            assert self.w_x_upper is not None
            w_x = layout.select(self.w_x_upper, layer - 1, direction)
        found = {"input_weights": w_x, "recurrent_weights": layout.select(self.w_h, layer, direction)}
        optional = {"bias": self.b, "hidden_bias": self.b_h, "peephole_weights": self.peepholes}
        found |= {
            name: layout.select(one, layer, direction) for name, one in optional.items() if one is not None
        }
        if not layout.is_single:
            found = {
                name: (apply("identity", one) if one.is_input else one).named(name)
                for name, one in found.items()
            }
        if self.transposed:
            found |= {name: found[name].T for name in ("input_weights", "recurrent_weights")}
        return Weights(
            found["input_weights"],
            found["recurrent_weights"],
            found.get("bias"),
            found.get("hidden_bias"),
            found.get("peephole_weights"),
        )
