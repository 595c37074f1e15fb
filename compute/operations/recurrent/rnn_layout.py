"""The layout of tensors for several recurrent layers and directions."""

from dataclasses import dataclass

from compute.dimensions import show
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.operations.recurrent.cells import Weights


@dataclass(frozen=True, slots=True)
class RnnLayout:
    """The number of layers and their directions. direction: `forward`, `reverse` or `both`."""

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
        """The labels of the axes before those of one layer's tensors."""
        several = {"layer": self.layers > 1, "direction": len(self.directions) > 1}
        return tuple(name for name, is_several in several.items() if is_several)

    def sizes(self, layers: int) -> tuple[int, ...]:
        """Return the sizes of these axes for a number of layers."""
        counts = {"layer": layers, "direction": len(self.directions)}
        return tuple(counts[name] for name in self.labels)

    def select(self, value: Value, layer: int, direction: int) -> Value:
        """Return the part of a tensor for one layer and direction."""
        at = {"layer": layer, "direction": direction}
        items = tuple(at[name] for name in self.labels)
        return apply("part", value, items=items) if items else value


@dataclass(frozen=True, slots=True)
class StackedWeights:
    """The weights of all layers, as they were sent.

    w_x: the input weights of the first layer.
    w_x_upper: the input weights of the layers above.
    w_h, b, b_h, peepholes: of all layers, with axes for layers and directions.
    transposed: whether weights are (out, in).
    """

    w_x: Value
    w_x_upper: Value | None
    w_h: Value
    b: Value | None
    b_h: Value | None
    peepholes: Value | None = None
    transposed: bool = False

    def check(self, layout: RnnLayout) -> None:
        """Raise QuestionError unless the weights fit the number of layers and directions.

        Weights that were not sent get the shape that fits.
        """
        ranks = {"w_x": 2, "w_x_upper": 2, "w_h": 2, "b": 1, "b_h": 1, "peepholes": 2}
        for name, rank in ranks.items():
            value: Value | None = getattr(self, name)
            if value is None:
                continue
            first = layout.sizes(layout.layers - 1 if name == "w_x_upper" else layout.layers)
            if name == "w_x" and layout.layers > 1:  # only of the first layer
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
                "w_x_upper are the input weights of layers above the first, and w_x those of the first",
                "no w_x_upper with one layer" if layout.layers == 1 else "w_x_upper with several layers",
                "nothing" if self.w_x_upper is None else f"shape {show(self.w_x_upper.shape)}",
            )

    def layer_weights(self, layout: RnnLayout, layer: int, direction: int) -> Weights:
        """Return the weights of one layer in one direction, named if there are several."""
        if layer == 0:
            w_x = self.w_x
            if len(layout.directions) > 1:
                w_x = apply("part", w_x, items=(direction,))
        else:
            assert self.w_x_upper is not None
            w_x = layout.select(self.w_x_upper, layer - 1, direction)
        weights = {"input_weights": w_x, "recurrent_weights": layout.select(self.w_h, layer, direction)}
        optional = {"bias": self.b, "hidden_bias": self.b_h, "peephole_weights": self.peepholes}
        weights |= {
            name: layout.select(value, layer, direction)
            for name, value in optional.items()
            if value is not None
        }
        if not layout.is_single:
            weights = {
                name: (apply("identity", value) if value.is_input else value).named(name)
                for name, value in weights.items()
            }
        if self.transposed:
            weights |= {name: weights[name].T for name in ("input_weights", "recurrent_weights")}
        return Weights(
            weights["input_weights"],
            weights["recurrent_weights"],
            weights.get("bias"),
            weights.get("hidden_bias"),
            weights.get("peephole_weights"),
        )
