"""Targets that are class indices, which lack the class axis of the scores."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from compute.dimensions import Shape, Size, show, without
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.declaration import Attribute, Input
from compute.operations.framework.shape_checks import find_axis, require_shape

Axis: TypeAlias = Annotated[
    int, Attribute("The axis of the classes; negative counts from the end. PyTorch and ONNX have 1.")
]
IGNORED = -100
IgnoreIndex: TypeAlias = Annotated[
    int,
    Attribute("The class index of samples to ignore: their loss is 0 and they do not count in the mean. -100"
              " as in PyTorch; in ONNX no sample is ignored by default. Only for class indices as target."),
]  # fmt: skip
ClassWeights: TypeAlias = Annotated[
    Value | None,
    Input("classes", "The weight of each class, at least 0. The mean is then weighted.", "w",
          optional="1 for each class"),
]  # fmt: skip
WEIGHTS = (
    ValueSpec(
        "target_weights", "", "...", "The weight of each sample: that of its class; 0 if ignored.", "w_{t}"
    ),
    ValueSpec(
        "total_weight", "", "...", "The sum of target_weights, the divisor of the mean.", r"w_{\text{sum}}"
    ),
)


@dataclass(frozen=True, slots=True)
class Classes:
    """The axis of classes in arrays of a shape.

    shape: the shape, with the axis of classes.
    axis: the axis, counted from the end.
    ignored: the class index of samples that are ignored.
    """

    shape: Shape
    axis: int
    ignored: int | None

    @property
    def count(self) -> Size:
        return self.shape[self.axis]

    @property
    def samples(self) -> Shape:
        """The shape without the axis of classes."""
        return without(self.shape, self.axis)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the axes, for values that are declared without."""
        labels = [f"axis_{at}" for at in range(len(self.shape))]
        labels[self.axis] = "class"
        return tuple(labels)

    def pick(self, values: Value, target: Value) -> Value:
        """Return the entry of each sample at its class."""
        return apply("pick", values, target, axis=self.axis, ignored=self.ignored)

    def one_hot(self, target: Value) -> Value:
        return apply("one_hot", target, classes=self.count, axis=self.axis, ignored=self.ignored)

    def broadcast_weights(self, class_weights: Value) -> Value:
        """Return the weights of the classes along the axis of classes.

        Raises QuestionError unless there is one weight per class.
        """
        if class_weights.shape != (self.count,):
            raise QuestionError(
                ("class_weights",), "expected one weight per class", f"shape ({self.count})",
                f"shape {show(class_weights.shape)}",
            )  # fmt: skip
        admitted = apply("check_entries", class_weights, only="weights")
        return apply("reshape", admitted, to=(self.count, *(1,) * (-1 - self.axis)))

    def target_weights(self, target: Value, weights: Value | None, *, refuse_none: bool) -> Value:
        """Return the weight of each sample. refuse_none: refuse targets that are all ignored."""
        counted = apply("counted", target, classes=self.count, ignored=self.ignored, some=refuse_none)
        if weights is None:
            return counted
        return counted * self.pick(apply("broadcast_to", weights, to=self.shape), target)


def find_classes(values: Value, axis: int, ignored: int | None, field: str) -> Classes:
    """Return the classes of logits or other scores. Raises QuestionError if there is no such axis."""
    return Classes(values.shape, find_axis(values, axis, field), ignored)


def check_indices(target: Value, classes: Classes) -> None:
    """Require a target to be one class per sample."""
    require_shape(target, classes.samples, "target", "one class for each sample")


def holds_indices(target: Value, classes: Classes) -> bool:
    """Return whether a target holds class indices and not distributions.

    Raises QuestionError if its shape fits neither.
    """
    if target.is_assumed or target.shape == classes.samples:
        check_indices(target, classes)
        return True
    if target.shape == classes.shape:
        return False
    raise QuestionError(
        ("target",), "the shape of target does not fit",
        f"class indices of shape {show(classes.samples)}, or probabilities of shape {show(classes.shape)}",
        f"shape {show(target.shape)}",
    )  # fmt: skip
