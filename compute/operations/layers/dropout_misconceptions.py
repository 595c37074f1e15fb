"""Known mistakes in dropout: the scale of what is kept, the mask, and the weights without dropout.

Layers apply dropout as `keep_where`, divided by the probability of being kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Size
from compute.graph.graph import Graph, Value, apply
from compute.operations.framework.constants import parse_constant
from compute.operations.framework.misconceptions import DoesNotApply, Misconception, Step, misconception
from compute.operations.layers.dropout_moments import ONE

SEEN = "seen in courses"


@dataclass(frozen=True, slots=True)
class _Rate:
    """A probability of being dropped, and the sizes of the dimension names that it uses."""

    graph: Graph
    expression: Expression
    sizes: Mapping[str, Size]

    @property
    def keep(self) -> Expression:
        """The probability of being kept."""
        return Expression("subtract", (ONE, self.expression))

    def constant(self, expression: Expression) -> Value:
        return apply("constant", graph=self.graph, expression=expression, sizes=self.sizes)

    def check_above_zero(self) -> None:
        """Raise DoesNotApply for a rate of 0, by which nothing can be divided."""
        if not self.expression.symbols() and evaluate(self.expression) == 0:
            raise DoesNotApply("nothing is dropped")


def _kept_and_rate(step: Step) -> tuple[Value, _Rate]:
    """Return the kept entries before they are scaled, and the rate.

    Raises DoesNotApply at other quotients than those of dropout.
    """
    kept, divisor = step.operands
    expression = divisor.attributes.get("expression")
    if (
        kept.primitive is None
        or kept.primitive.name != "keep_where"
        or not isinstance(expression, Expression)
    ):
        raise DoesNotApply("no dropout")
    if expression.head != "subtract" or expression.operands[0] != ONE:
        raise DoesNotApply("another factor")
    return kept, _Rate(step.graph, expression.operands[1], divisor.attributes["sizes"])


SCALE = "Kept entries are scaled so that the mean stays the same: look at the factor."


def _scaled(code: str, note: str, source: str, scale: Callable[[Value, _Rate], Value]) -> Misconception:
    """Declare a mistaken scale of the kept entries."""

    @misconception(code, primitives=("divide",), message=SCALE, note=note, source=source)
    def scaled(step: Step) -> Value:
        return scale(*_kept_and_rate(step))

    return scaled


def _over_rate(kept: Value, rate: _Rate) -> Value:
    rate.check_above_zero()
    return kept / rate.constant(rate.expression)


scaled_by_rate = _scaled(
    "dropout.scaled_by_rate",
    "kept entries were divided by the rate, not by 1 - rate",
    "LLMs-from-scratch#431; theanets#123; TFMacCpp#6",
    _over_rate,
)
not_scaled = _scaled(
    "dropout.not_scaled", "kept entries were not scaled", "matconvnet#76", lambda kept, rate: kept
)
multiplied_by_keep = _scaled(
    "dropout.multiplied_by_keep",
    "kept entries were multiplied by 1 - rate",
    SEEN,
    lambda kept, rate: kept * rate.constant(rate.keep),
)


def _pass_on(xp: Arithmetic, g: Array, x: Array) -> Array:
    return g


@misconception(
    "dropout.gradient_not_scaled",
    primitives=("divide",),
    message="Kept entries were scaled on the way forward: what does that do to their gradient?",
    note="the gradient was masked but not divided by 1 - rate",
    source=SEEN,
)
def gradient_not_scaled(step: Step) -> Value:
    """Leave the scale out of the gradient."""
    kept, _ = _kept_and_rate(step)
    return step.with_gradient(kept, _pass_on)


@misconception(
    "dropout.gradient_not_masked",
    primitives=("keep_where",),
    message="A dropped entry did not act on the output: what is its gradient?",
    note="dropped entries were given a gradient as if they were kept",
    source=SEEN,
)
def gradient_not_masked(step: Step) -> Value:
    """Pass the gradient on to dropped entries, too."""
    return step.with_gradient(step.operands[0], _pass_on)


def _sent_rate(step: Step) -> _Rate:
    """Return the rate of the operation dropout."""
    constant = parse_constant(step.graph, "rate", step.settings["rate"])
    return _Rate(step.graph, constant["expression"], constant["sizes"])


def _exchange(expression: Expression, rate: _Rate) -> Expression:
    """Return an expression in the rate with the probabilities of dropping and keeping exchanged."""
    pairs = {rate.keep: rate.expression, rate.expression: rate.keep}
    operands = tuple([pairs.get(operand, operand) for operand in expression.operands])
    return pairs.get(expression) or Expression(expression.head, operands, expression.text)


@misconception(
    "dropout.rate_and_keep_confused",
    primitives=("constant", "keep_where"),
    of=("dropout",),
    message="The rate is the probability of being dropped: look at which entries the mask keeps, and which"
    " share of them that is.",
    note="the rate was read as the probability of being kept, and the mask as the entries that are dropped",
    source="DeepLearningZeroToAll#204; tutorial-dlframework#3; matconvnet#775",
)
def rate_and_keep_confused(step: Step) -> Value:
    """Exchange the probabilities of dropping and keeping, and the entries of the mask."""
    rate = _sent_rate(step)
    rate.check_above_zero()
    assert step.value.primitive is not None
    if step.value.primitive.name == "keep_where":
        entries, mask = step.operands
        return apply("keep_where", entries, apply("logical_not", mask))
    expression = _exchange(step.attributes["expression"], rate)
    if expression == step.attributes["expression"]:
        raise DoesNotApply("another constant")
    return rate.constant(expression)


def _weights(code: str, note: str, source: str, factor: Callable[[_Rate], Expression]) -> Misconception:
    """Declare a mistaken factor of the weights when dropout is off."""

    @misconception(
        code,
        at="weight_factor",
        of=("dropout",),
        message="Without dropout more units are on than in training: are the weights made smaller or larger,"
        " and by how much?",
        note=note,
        source=source,
    )
    def scale(step: Step) -> Value:
        rate = _sent_rate(step)
        return rate.constant(factor(rate))

    return scale


weights_by_rate = _weights(
    "dropout.weights_by_rate",
    "the weights were multiplied by the rate",
    "convnetjs#61",
    lambda rate: rate.expression,
)
weights_divided = _weights(
    "dropout.weights_divided_by_keep",
    "the weights were divided by 1 - rate, not multiplied",
    "a published exam's own solution",
    lambda rate: Expression("divide", (ONE, rate.keep)),
)

# Those of gradients come first: a gradient alone often fits a mistaken value, too.
MISCONCEPTIONS = (
    gradient_not_scaled, gradient_not_masked, scaled_by_rate, not_scaled, multiplied_by_keep,
    weights_by_rate, weights_divided, rate_and_keep_confused,
)  # fmt: skip
