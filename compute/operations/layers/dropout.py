"""Dropout: activations left out at random, what that does on average, and the weights that make up for it."""

from typing import Annotated, Any, Literal

from compute.dimensions import show
from compute.errors import QuestionError
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import SENT, rule
from compute.operations.layers.dropout_moments import DenseLayer, DropoutMoments, parse_rate
from compute.primitives.dropout_masks import MOST_DROPPED

ENTRIES = "... d | ..."  # of anything from a single number on


def _entry(name: str, meaning: str, symbol: str, **more: Any) -> ValueSpec:
    return ValueSpec(name, "", ENTRIES, meaning, symbol, **more)


def _dense(name: str, meaning: str, symbol: str, **more: Any) -> ValueSpec:
    return ValueSpec(name, "d_out", "... d_out", f"With w: {meaning}", symbol, **more)


@operation(
    (
        _entry("mask", "Which entries are kept; with training off all are.", "M"),
        _entry("output", "The activations that go on.", "Y"),
        _entry(
            "expected_output",
            "The mean of the output over all masks, as training draws them.",
            r"\mathbb{E}[Y]",
        ),
        _entry("output_variance", "The variance of each entry of the output.", r"\operatorname{Var}[Y]"),
        ValueSpec(
            "weight_factor",
            "",
            "",
            "What the weights behind are multiplied by where dropout is off, so that the expected output of"
            " their layer is unchanged.",
            r"\alpha",
        ),
        _dense("dense_output", "what the dense layer makes of the output.", "Z"),
        _dense("expected_dense_output", "its mean over all masks.", r"\mathbb{E}[Z]"),
        _dense(
            "dense_variance",
            "the variance of each of its entries: entries are dropped independently, so that variances add"
            " up, times the squares of the weights.",
            r"\operatorname{Var}[Z]",
        ),
        ValueSpec(
            "adjusted_w",
            "d d_out",
            "d d_out",
            "With w: the weights to use where dropout is off.",
            r"W_{\text{off}}",
        ),
        _dense(
            "adjusted_dense_output",
            "what the dense layer makes of x itself with the adjusted weights.",
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
            "How likely each mask is: the rate for each entry that it drops, times 1 - rate for each that it"
            " keeps.",
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
            "The average of all outputs, each times the probability of its mask: what expected_output has to"
            " be.",
            r"\overline{Y}",
            on_request=True,
        ),
        _entry(
            "variance_over_masks",
            "The average of their squared distances from that, likewise.",
            r"\overline{(Y - \overline{Y})^{2}}",
            on_request=True,
        ),
        _dense(
            "dense_mean_over_masks",
            "the average of what the dense layer makes of all outputs, likewise.",
            r"\overline{Z}",
            on_request=True,
        ),
        _dense(
            "dense_variance_over_masks",
            "the average of the squared distances from that, likewise.",
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
            "Which entries are kept, of the shape of x: booleans, or 1 for kept and 0 for dropped.",
            "M",
            mask=True,
            boolean=True,
            optional="drawn from the seed; without a seed either, only what is expected is known",
        ),
    ] = None,
    w: Annotated[
        Value | None,
        Input("d d_out", "The weights of a dense layer behind.", "W", parameter=True, optional="no layer"),
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
            "inverted: what is kept is divided by 1 - rate, and nothing is left to do where dropout is off."
            " unscaled: it is kept as it is, and where dropout is off weights are multiplied by 1 - rate."
        ),
    ] = "inverted",
    training: Annotated[
        bool, Attribute("Whether anything is dropped; if not, the output is x in either formulation.")
    ] = True,
) -> Value:
    """Dropout: each entry is 0 with probability p, and what is kept is scaled, or the weights behind are.

    Inverted, the output is x mask / (1 - p), whose mean is x and whose variance is x^2 p / (1 - p). Unscaled
    it is x mask, of mean (1 - p) x and variance x^2 p (1 - p); a dense layer then needs weights times 1 - p
    where dropout is off. What is expected is meant over masks as training draws them, and needs no mask.
    mean_over_masks and its like come from all masks one by one, and not from these formulas. A rate of 1 is
    refused: inverted it divides by 0, and unscaled it leaves no weights.

    Source: Hinton et al., Improving neural networks by preventing co-adaptation of feature detectors (2012),
    where outgoing weights are halved; Srivastava et al., Dropout (2014), section 4 (unscaled, W_test = pW for
    p the probability of being kept) and section 10 (inverted).
    """
    _check(x, mask, w, b, seed, training)
    drawn_at = parse_rate(x.graph, "rate", rate, seed)
    x.graph.conventions |= {"rate_is": "the probability of being dropped", "dropout_mask": "true is kept"}
    dropping = DropoutMoments(x, drawn_at["expression"], drawn_at["sizes"], formulation == "inverted")
    layer = None if w is None else DenseLayer(w, b)
    if mask is None:
        mask = _draw_mask(x, seed, drawn_at, training)
    output = dropping.applied(mask) if training else apply("identity", x)
    output = output.named("output", leading=x.axes)
    if layer is not None:
        layer(output).named("dense_output", leading=x.axes[:-1])
    dropping.expect(layer)
    dropping.enumerate(layer)
    return output


def _check(
    x: Value, mask: Value | None, w: Value | None, b: Value | None, seed: int | None, training: bool
) -> None:
    """Refuse what would be ignored, and a mask of another shape."""
    sent = {"mask": mask is not None, "seed": seed is not None}
    for name, is_there in sent.items():
        if is_there and not training:
            raise QuestionError(
                (name,), f"the {name} has no use where training is off and nothing is dropped",
                f"training, or no {name}", f"a {name}",
            )  # fmt: skip
    if all(sent.values()):
        raise QuestionError(
            ("seed",), "a mask is there already, and nothing is left to draw", "a mask or a seed", "both"
        )
    if w is None and b is not None:
        raise QuestionError(("b",), "a bias has no use without weights", "w beside it, or no b", "b alone")
    if mask is not None and x.is_assumed:
        x.shape, x.axes, x.has_open_batch, x.is_assumed = mask.shape, mask.axes, False, False
    if mask is not None and mask.shape != x.shape:
        raise QuestionError(
            ("mask",), "the shape of the mask does not fit x", f"shape {show(x.shape)}, as x has",
            f"shape {show(mask.shape)}",
        )  # fmt: skip
    if w is not None and x.rank == 0:
        raise QuestionError(
            ("x",), "a dense layer takes vectors", "shape (..., d), where there is w", "a single number"
        )


def _draw_mask(x: Value, seed: int | None, drawn_at: dict[str, Any], training: bool) -> Value:
    """The mask that is drawn at a rate, or keeps everything; unknown where nothing says it."""
    graph = x.graph
    if (training and seed is None) or (x.is_assumed and graph.given):
        found = Value(graph, x.shape)  # nothing computes it, and in a program it may be given
        found.kind = "boolean"
        if found.named("mask", leading=x.axes).name not in graph.given:
            graph.conventions["no_mask"] = "without a mask, or x and a seed, only what is expected is known"
        return found
    if not training:
        found = apply("full_mask", graph=graph, to=x.shape)
    else:
        found = apply("bernoulli_mask", graph=graph, to=x.shape, seed=seed, **drawn_at)
    return found.named("mask", leading=x.axes)
