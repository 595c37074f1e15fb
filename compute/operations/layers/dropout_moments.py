"""What dropout does on average: by formulas, and by going through every mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import NAMED_NUMBERS, Expression, number_expression
from compute.dimensions import Size, product, show
from compute.errors import QuestionError, describe
from compute.graph.graph import Graph
from compute.graph.value import Value, apply
from compute.operations.framework.constants import expression
from compute.operations.framework.declaration import Constant
from compute.primitives.dropout_masks import MOST_DROPPED

ONE = number_expression(1)
OVER_MASKS = (
    "all_masks", "mask_probabilities", "all_outputs", "mean_over_masks", "variance_over_masks",
    "dense_mean_over_masks", "dense_variance_over_masks",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """A dense layer behind what is dropped."""

    w: Value
    b: Value | None

    def __call__(self, entries: Value, w: Value | None = None) -> Value:
        """What it makes of entries, with its own weights if no others are said."""
        found = apply("project", entries, self.w if w is None else w)
        return found if self.b is None else found + self.b


@dataclass(frozen=True, slots=True)
class Dropping:
    """Activations of which each is dropped at a rate, on its own.

    sizes: of dimension names that the rate uses; inverted: what is kept is divided by 1 - rate.
    """

    x: Value
    rate: Expression
    sizes: Mapping[str, Size]
    inverted: bool

    @property
    def graph(self) -> Graph:
        return self.x.graph

    @property
    def keeping(self) -> Expression:
        """The probability of being kept."""
        return Expression("subtract", (ONE, self.rate))

    def applied(self, mask: Value) -> Value:
        """The activations with this mask, or with each of several."""
        kept = apply("keep_where", self.x, mask)
        return kept / self._constant(self.keeping) if self.inverted else kept

    def expect(self, layer: Layer | None) -> None:
        """Name mean and variance of the output and of a layer behind, and the weights that keep its mean."""
        x = self.x
        spread = Expression("divide" if self.inverted else "multiply", (self.rate, self.keeping))
        mean = self._named(apply("identity", x) if self.inverted else self._constant(self.keeping) * x,
                           "expected_output")  # fmt: skip
        variance = self._named(self._constant(spread) * apply("square", x), "output_variance")
        factor = self._constant(ONE if self.inverted else self.keeping).named("weight_factor")
        if layer is None:
            return
        expected = self._dense(layer(mean), "expected_dense_output")
        self._dense(apply("project", variance, layer.w * layer.w), "dense_variance")
        adjusted = self._dense(layer(x, (factor * layer.w).named("adjusted_w")), "adjusted_dense_output")
        self.graph.promise(
            adjusted,
            "the layer with adjusted weights, without dropout, gives what it gives on average with dropout",
            lambda: (adjusted, expected),
        )

    def enumerate(self, layer: Layer | None) -> None:
        """Name what follows from every mask and its probability, knowing no formula of mean or variance.

        Raises QuestionError where that is asked for and there are too many masks.
        """
        graph, x = self.graph, self.x
        if not any(graph.needs_value(name) for name in OVER_MASKS):
            return
        entries = product(x.shape)
        if not isinstance(entries, int) or entries > MOST_DROPPED or (x.is_assumed and graph.given):
            for name in OVER_MASKS:
                if graph.is_requested(name):
                    raise QuestionError(
                        ("x",), f"{name} goes through every mask, of which there are 2^n of n entries",
                        f"at most {MOST_DROPPED} entries, in numbers", f"shape {show(x.shape)}",
                    )  # fmt: skip
            return
        axes = ("mask", *x.axes)
        masks = apply("all_masks", graph=graph, to=x.shape).named("all_masks", leading=axes)
        kept = apply("as_numbers", masks)
        each = kept * self._constant(self.keeping) + (self._constant(ONE) - kept) * self._constant(self.rate)
        each = apply("reshape", each, to=(2**entries, entries))
        probabilities = apply("product_over", each, axis=-1).named("mask_probabilities")
        outputs = self.applied(masks).named("all_outputs", leading=axes)
        mean, variance = _moments(probabilities, outputs)
        self._named(mean, "mean_over_masks")
        self._named(variance, "variance_over_masks")
        if layer is not None:
            mean, variance = _moments(probabilities, layer(outputs))
            self._dense(mean, "dense_mean_over_masks")
            self._dense(variance, "dense_variance_over_masks")

    def _constant(self, one: Expression) -> Value:
        return apply("constant", graph=self.graph, expression=one, sizes=self.sizes)

    def _named(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.x.axes)

    def _dense(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.x.axes[:-1])


def _moments(probabilities: Value, values: Value) -> tuple[Value, Value]:
    """Mean and variance along the first axis."""
    weights = apply("reshape", probabilities, to=(*probabilities.shape, *(1,) * (values.rank - 1)))
    mean = apply("sum_over", weights * values, axis=-values.rank)
    distances = values - mean
    return mean, apply("sum_over", weights * apply("square", distances), axis=-values.rank)


def rate_of(graph: Graph, attribute: str, said: Constant, seed: int | None = None) -> dict[str, Any]:
    """The rate as an expression, with the sizes that it uses; refused where it is none, or no mask can be
    drawn at it.
    """
    found = expression(graph, attribute, said)
    parsed, sizes = found["expression"], found["sizes"]
    if parsed.symbols() - {*NAMED_NUMBERS, *sizes}:
        if seed is not None:
            raise QuestionError(
                ("seed",), "no mask can be drawn at a rate that is a symbol",
                "a rate that is a number, or a mask in the place of the seed", f"the seed {seed}",
            )  # fmt: skip
    elif all(isinstance(size, int) for size in sizes.values()):
        _check_rate(attribute, evaluate(parsed, sizes))
    return found


def _check_rate(attribute: str, worth: float) -> None:
    if 0 <= worth < 1:
        return
    message = "the rate is no probability of being dropped"
    if worth == 1:
        message = (
            "a rate of 1 drops everything: inverted, what is kept would be divided by 1 - rate, which is 0;"
            " unscaled, no weights would be left"
        )
    raise QuestionError((attribute,), message, "a number from 0 to below 1", describe(worth))
