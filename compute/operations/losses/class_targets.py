"""Targets that are classes, one for each sample: they lack the axis along which scores have classes."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from compute.dimensions import Shape, Size, show, without
from compute.errors import QuestionError
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.declaration import Attribute, Input
from compute.operations.framework.shape_checks import find_axis, require_shape

Axis: TypeAlias = Annotated[
    int, Attribute("The axis of the classes, negative from the end. PyTorch and ONNX have 1.")
]
IGNORED = -100
IgnoreIndex: TypeAlias = Annotated[
    int,
    Attribute("The class that stands for none: such a sample has loss 0 and counts for no mean. -100 as in"
              " PyTorch; in ONNX nothing is ignored unless it is said. Only for targets that are classes."),
]  # fmt: skip
ClassWeights: TypeAlias = Annotated[
    Value | None,
    Input("classes", "How much each class weighs, none below 0. The mean is then the weighted one.", "w",
          optional="each weighs 1"),
]  # fmt: skip
WEIGHTS = (
    ValueSpec(
        "target_weights", "", "...", "How much each sample counts: as its class does; 0 if ignored.", "w_{t}"
    ),
    ValueSpec("total_weight", "", "...", "The sum of these, by which the mean divides.", r"w_{\text{sum}}"),
)


@dataclass(frozen=True, slots=True)
class Classes:
    """The axis of classes in arrays of a shape, counted from the end, and the class that is ignored."""

    shape: Shape
    axis: int
    ignored: int | None

    @property
    def count(self) -> Size:
        return self.shape[self.axis]

    @property
    def samples(self) -> Shape:
        """The shape without the classes."""
        return without(self.shape, self.axis)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the axes run over, for values whose declaration leaves it open."""
        found = [f"axis_{at}" for at in range(len(self.shape))]
        found[self.axis] = "class"
        return tuple(found)

    def pick(self, values: Value, target: Value) -> Value:
        """What stands at the class of each sample."""
        return apply("pick", values, target, axis=self.axis, ignored=self.ignored)

    def one_hot(self, target: Value) -> Value:
        return apply("one_hot", target, classes=self.count, axis=self.axis, ignored=self.ignored)

    def weights(self, class_weights: Value) -> Value:
        """The weights of the classes, along their axis."""
        if class_weights.shape != (self.count,):
            raise QuestionError(
                ("class_weights",), "there is not one weight for each class", f"shape ({self.count})",
                f"shape {show(class_weights.shape)}",
            )  # fmt: skip
        found = apply("admitted", class_weights, only="weights")
        return apply("reshape", found, to=(self.count, *(1,) * (-1 - self.axis)))

    def target_weights(self, target: Value, weights: Value | None, *, refuse_none: bool) -> Value:
        """How much each sample counts. some: refuse that none does."""
        counted = apply("counted", target, classes=self.count, ignored=self.ignored, refuse_none=refuse_none)
        if weights is None:
            return counted
        return counted * self.pick(apply("stretch", weights, to=self.shape), target)


def find_classes(values: Value, axis: int, ignored: int | None, field: str) -> Classes:
    """The classes of logits or the like, whose axes get their labels. Raises QuestionError."""
    return Classes(values.shape, find_axis(values, axis, field), ignored)


def check_indices(target: Value, classes: Classes) -> None:
    """Refuse targets that are not one class for each sample."""
    require_shape(target, classes.samples, "target", "one class for each sample")


def holds_indices(target: Value, classes: Classes) -> bool:
    """Whether a target is one class for each sample, and not a distribution over classes."""
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
