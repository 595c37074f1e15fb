"""Dropout: random masks of activations, their mean and variance, and weights for use without dropout."""

from typing import Annotated, Any, Literal

from compute.dimensions import show
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import SENT, rule
from compute.operations.layers.dropout_moments import DenseLayer, DropoutMoments, parse_rate
from compute.primitives.dropout_masks import MOST_DROPPED

ENTRIES = "... d | ..."  # any shape, a single number included


def _entry(name: str, meaning: str, symbol: str, **more: Any) -> ValueSpec:
    return ValueSpec(name, "", ENTRIES, meaning, symbol, **more)


def _dense(name: str, meaning: str, symbol: str, **more: Any) -> ValueSpec:
    return ValueSpec(name, "d_out", "... d_out", f"With w: {meaning}", symbol, **more)


@operation(
    (
        _entry("mask", "The entries that are kept: all of them with training off.", "M"),
        _entry("output", "The activations after dropout.", "Y"),
        _entry(
            "expected_output",
            "The expected output over the masks that training draws.",
            r"\mathbb{E}[Y]",
        ),
        _entry("output_variance", "The variance of each entry of the output.", r"\operatorname{Var}[Y]"),
        ValueSpec(
            "weight_factor",
            "",
            "",
            "The factor of the next layer's weights when dropout is off, which keeps that layer's expected"
            " output unchanged.",
            r"\alpha",
        ),
        _dense("dense_output", "the dense layer of the output.", "Z"),
        _dense("expected_dense_output", "its mean over all masks.", r"\mathbb{E}[Z]"),
        _dense(
            "dense_variance",
            "the variance of each of its entries. Entries are dropped independently, so it is the sum of the"
            " variances times the squared weights.",
            r"\operatorname{Var}[Z]",
        ),
        ValueSpec(
            "adjusted_w",
            "d d_out",
            "d d_out",
            "With w: the weights to use when dropout is off.",
            r"W_{\text{off}}",
        ),
        _dense(
            "adjusted_dense_output",
            "the dense layer of x itself with the adjusted weights.",
            r"Z_{\text{off}}",
        ),
        ValueSpec(
            "all_masks",
            "",
            "...",
            f"Every mask of at most {MOST_DROPPED} entries, counted in binary from all dropped to all kept.",
            r"\mathcal{M}",
            on_request=True,
        ),
        ValueSpec(
            "mask_probabilities",
            "mask",
            "masks",
            "The probability of each mask: the product of the rate for each dropped entry and 1 - rate for"
            " each kept entry.",
            r"P(\mathcal{M})",
            on_request=True,
        ),
        ValueSpec(
            "all_outputs",
            "",
            "...",
            "The output of each mask.",
            r"\mathcal{Y}",
            on_request=True,
        ),
        _entry(
            "mean_over_masks",
            "The sum of all outputs, each times the probability of its mask. It equals expected_output.",
            r"\overline{Y}",
            on_request=True,
        ),
        _entry(
            "variance_over_masks",
            "The sum of their squared distances from that mean, each times the probability of its mask.",
            r"\overline{(Y - \overline{Y})^{2}}",
            on_request=True,
        ),
        _dense(
            "dense_mean_over_masks",
            "the sum of the dense layer's outputs, each times the probability of its mask.",
            r"\overline{Z}",
            on_request=True,
        ),
        _dense(
            "dense_variance_over_masks",
            "the sum of their squared distances from that mean, each times the probability of its mask.",
            r"\overline{(Z - \overline{Z})^{2}}",
            on_request=True,
        ),
    ),
    rules=(
        rule("seed", {"mask": None, "training": (True,)}),
        rule("mask", {"training": (True,)}),
        rule("b", {"w": SENT}),
    ),
)
def dropout(
    x: Annotated[Value, Input(ENTRIES, "The activations.", "X")],
    mask: Annotated[
        Value | None,
        Input(
            ENTRIES,
            "The entries that are kept, in the shape of x: booleans, or 1 for kept and 0 for dropped.",
            "M",
            mask=True,
            boolean=True,
            optional="drawn from the seed; without a seed, only expected values are known",
        ),
    ] = None,
    w: Annotated[
        Value | None,
        Input("d d_out", "The weights of a dense layer after it.", "W", parameter=True, optional="no layer"),
    ] = None,
    b: Annotated[
        Value | None, Input("d_out", "The bias of that layer.", "b", parameter=True, optional="none")
    ] = None,
    *,
    rate: Annotated[
        Constant,
        Attribute(
            "p: the probability that an entry is dropped, from 0 to below 1. In exact arithmetic it may be a"
            " symbol.",
            minimum=0,
            below=1,
        ),
    ] = 0.5,
    seed: Annotated[
        int | None, Attribute("Draws the mask: the same seed gives the same mask everywhere.", minimum=0)
    ] = None,
    formulation: Annotated[
        Literal["inverted", "unscaled"],
        Attribute(
            "inverted: kept entries are divided by 1 - rate, and weights stay the same when dropout is off."
            " unscaled: kept entries stay the same, and weights are multiplied by 1 - rate when dropout is"
            " off."
        ),
    ] = "inverted",
    training: Annotated[
        bool, Attribute("Whether entries are dropped; if not, the output is x in either formulation.")
    ] = True,
) -> Value:
    """Dropout: each entry becomes 0 with probability p; kept entries or the next layer's weights are scaled.

    Inverted, the output is x mask / (1 - p), with mean x and variance x^2 p / (1 - p). Unscaled, it is
    x mask, with mean (1 - p) x and variance x^2 p (1 - p); a dense layer then needs weights times 1 - p when
    dropout is off. Expected values are over the masks that training draws, and need no mask. mean_over_masks
    and the other values over masks are computed from every mask, not from these formulas. A rate of 1 is
    refused: inverted it divides by 0, and unscaled it leaves no weights.

    Source: Hinton et al., Improving neural networks by preventing co-adaptation of feature detectors (2012),
    where outgoing weights are halved; Srivastava et al., Dropout (2014), section 4 (unscaled, W_test = pW
    with p the probability of being kept) and section 10 (inverted).
    """
    _check(x, mask, w, b, seed, training)
    constant = parse_rate(x.graph, "rate", rate, seed)
    x.graph.conventions |= {"rate_is": "the probability of being dropped", "dropout_mask": "true is kept"}
    moments = DropoutMoments(x, constant["expression"], constant["sizes"], formulation == "inverted")
    layer = None if w is None else DenseLayer(w, b)
    if mask is None:
        mask = _draw_mask(x, seed, constant, training)
    output = moments.apply_mask(mask) if training else apply("identity", x)
    output = output.named("output", leading=x.axes)
    if layer is not None:
        layer(output).named("dense_output", leading=x.axes[:-1])
    moments.name_expected(layer)
    moments.name_over_masks(layer)
    return output


def _check(
    x: Value, mask: Value | None, w: Value | None, b: Value | None, seed: int | None, training: bool
) -> None:
    """Raise QuestionError for fields that would be ignored, and for a mask of the wrong shape."""
    sent = {"mask": mask is not None, "seed": seed is not None}
    for name, is_sent in sent.items():
        if is_sent and not training:
            raise QuestionError(
                (name,), f"the {name} has no use with training off, when nothing is dropped",
                f"training, or no {name}", f"a {name}",
            )  # fmt: skip
    if all(sent.values()):
        raise QuestionError(
            ("seed",), "the mask is sent, so that none is drawn from a seed", "a mask or a seed", "both"
        )
    if w is None and b is not None:
        raise QuestionError(("b",), "a bias has no use without weights", "w and b, or no b", "b alone")
    if mask is not None and x.is_assumed:
        x.shape, x.axes, x.has_open_batch, x.is_assumed = mask.shape, mask.axes, False, False
    if mask is not None and mask.shape != x.shape:
        raise QuestionError(
            ("mask",), "the shape of the mask does not fit x", f"shape {show(x.shape)}, as x has",
            f"shape {show(mask.shape)}",
        )  # fmt: skip
    if w is not None and x.rank == 0:
        raise QuestionError(("x",), "a dense layer takes vectors", "shape (..., d), if w is sent", "shape ()")


def _draw_mask(x: Value, seed: int | None, rate: dict[str, Any], training: bool) -> Value:
    """Return a mask drawn at the rate, or one that keeps everything; without a seed, an unknown mask."""
    graph = x.graph
    if (training and seed is None) or (x.is_assumed and graph.given):
        mask = Value(graph, x.shape)  # not computed; a program may be given it
        mask.kind = "boolean"
        if mask.named("mask", leading=x.axes).name not in graph.given:
            graph.conventions["no_mask"] = "without a mask, or x and a seed, only expected values are known"
        return mask
    if not training:
        mask = apply("full_mask", graph=graph, to=x.shape)
    else:
        mask = apply("bernoulli_mask", graph=graph, to=x.shape, seed=seed, **rate)
    return mask.named("mask", leading=x.axes)
