"""The mean and variance of dropout, by formulas and by enumerating every mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import NAMED_NUMBERS, Expression, number_expression
from compute.dimensions import Size, product, show
from compute.errors import QuestionError, describe
from compute.graph.graph import Graph, Value, apply
from compute.operations.framework.constants import parse_constant
from compute.operations.framework.declaration import Constant
from compute.primitives.dropout_masks import MOST_DROPPED

ONE = number_expression(1)
OVER_MASKS = (
    "all_masks", "mask_probabilities", "all_outputs", "mean_over_masks", "variance_over_masks",
    "dense_mean_over_masks", "dense_variance_over_masks",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """A dense layer after dropout."""

    w: Value
    b: Value | None

    def __call__(self, entries: Value, w: Value | None = None) -> Value:
        """Return the layer of entries. w: weights to use instead of its own."""
        projected = apply("project", entries, self.w if w is None else w)
        return projected if self.b is None else projected + self.b


@dataclass(frozen=True, slots=True)
class DropoutMoments:
    """Activations that are dropped independently.

    x: the activations.
    rate: the probability of being dropped.
    sizes: the sizes of dimension names that the rate uses.
    inverted: whether kept entries are divided by 1 - rate.
    """

    x: Value
    rate: Expression
    sizes: Mapping[str, Size]
    inverted: bool

    @property
    def graph(self) -> Graph:
        return self.x.graph

    @property
    def keep_probability(self) -> Expression:
        """The probability of being kept, 1 - rate."""
        return Expression("subtract", (ONE, self.rate))

    def apply_mask(self, mask: Value) -> Value:
        """Return the activations after dropout with this mask, or with each of several."""
        kept = apply("keep_where", self.x, mask)
        return kept / self._constant(self.keep_probability) if self.inverted else kept

    def name_expected(self, layer: DenseLayer | None) -> None:
        """Name mean and variance of the output and of a layer after it, and the adjusted weights."""
        x, keep = self.x, self.keep_probability
        factor = Expression("divide" if self.inverted else "multiply", (self.rate, keep))
        mean = apply("identity", x) if self.inverted else self._constant(keep) * x
        mean = self._named(mean, "expected_output")
        variance = self._named(self._constant(factor) * apply("square", x), "output_variance")
        weight_factor = self._constant(ONE if self.inverted else keep).named("weight_factor")
        if layer is None:
            return
        expected = self._named_dense(layer(mean), "expected_dense_output")
        self._named_dense(apply("project", variance, layer.w * layer.w), "dense_variance")
        adjusted_w = (weight_factor * layer.w).named("adjusted_w")
        adjusted = self._named_dense(layer(x, adjusted_w), "adjusted_dense_output")
        self.graph.promise(
            adjusted,
            "the layer with adjusted weights and without dropout equals its average with dropout",
            lambda: (adjusted, expected),
        )

    def name_over_masks(self, layer: DenseLayer | None) -> None:
        """Name mean and variance as sums over every mask, without the formulas.

        Raises QuestionError if one is requested and there are too many masks.
        """
        graph, x = self.graph, self.x
        if not any(graph.needs_value(name) for name in OVER_MASKS):
            return
        entries = product(x.shape)
        if not isinstance(entries, int) or entries > MOST_DROPPED or (x.is_assumed and graph.given):
            for name in OVER_MASKS:
                if graph.is_requested(name):
                    raise QuestionError(
                        ("x",), f"{name} is computed from every mask, 2^n for n entries",
                        f"at most {MOST_DROPPED} entries, in numbers", f"shape {show(x.shape)}",
                    )  # fmt: skip
            return
        axes = ("mask", *x.axes)
        masks = apply("all_masks", graph=graph, to=x.shape).named("all_masks", leading=axes)
        kept = apply("indicator", masks)
        factors = kept * self._constant(self.keep_probability)
        factors = factors + (self._constant(ONE) - kept) * self._constant(self.rate)
        factors = apply("reshape", factors, to=(2**entries, entries))
        probabilities = apply("product_over", factors, axis=-1).named("mask_probabilities")
        outputs = self.apply_mask(masks).named("all_outputs", leading=axes)
        mean, variance = _moments(probabilities, outputs)
        self._named(mean, "mean_over_masks")
        self._named(variance, "variance_over_masks")
        if layer is not None:
            mean, variance = _moments(probabilities, layer(outputs))
            self._named_dense(mean, "dense_mean_over_masks")
            self._named_dense(variance, "dense_variance_over_masks")

    def _constant(self, expression: Expression) -> Value:
        return apply("constant", graph=self.graph, expression=expression, sizes=self.sizes)

    def _named(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.x.axes)

    def _named_dense(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.x.axes[:-1])


def _moments(probabilities: Value, values: Value) -> tuple[Value, Value]:
    """Return mean and variance along the first axis."""
    weights = apply("reshape", probabilities, to=(*probabilities.shape, *(1,) * (values.rank - 1)))
    mean = apply("sum_over", weights * values, axis=-values.rank)
    distances = values - mean
    return mean, apply("sum_over", weights * apply("square", distances), axis=-values.rank)


def parse_rate(graph: Graph, attribute: str, rate: Constant, seed: int | None = None) -> dict[str, Any]:
    """Return a dropout rate as `parse_constant` does.

    Raises QuestionError if it is not in [0, 1), or if it is a symbol and a seed asks to draw a mask.
    """
    constant = parse_constant(graph, attribute, rate)
    parsed, sizes = constant["expression"], constant["sizes"]
    if parsed.symbols() - {*NAMED_NUMBERS, *sizes}:
        if seed is not None:
            raise QuestionError(
                ("seed",), "a mask cannot be drawn at a symbolic rate",
                "a rate that is a number, or a mask instead of the seed", f"the seed {seed}",
            )  # fmt: skip
    elif all(isinstance(size, int) for size in sizes.values()):
        _check_rate(attribute, evaluate(parsed, sizes))
    return constant


def _check_rate(attribute: str, rate: float) -> None:
    if 0 <= rate < 1:
        return
    message = "the rate is not a probability of being dropped"
    if rate == 1:
        message = (
            "a rate of 1 drops everything: inverted, kept entries would be divided by 1 - rate, which is 0;"
            " unscaled, no weights would be left"
        )
    raise QuestionError((attribute,), message, "a number from 0 to below 1", describe(rate))
