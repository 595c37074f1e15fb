"""Residual blocks of transformers: a sublayer, the residual path, and the norm before or after."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import ShapeError, Size, divide
from compute.errors import at
from compute.graph.graph import Graph, Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.attention.masking import apply_dropout, check_rate, dropout_input
from compute.operations.framework.declaration import Attribute, Constant, Input, Sublayer
from compute.operations.framework.signature import Assumed
from compute.operations.framework.submodules import Submodule
from compute.operations.normalization.layer_normalization import layer_norm, rms_norm
from compute.operations.transformers.feed_forward import feed_forward

Norm: TypeAlias = Annotated[Literal["layer_norm", "rms_norm"], Attribute("The kind of norms.")]
Placement: TypeAlias = Annotated[
    Literal["post", "pre"],
    Attribute(
        "The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in the paper; pre:"
        " before each sublayer, x + sublayer(norm(x))."
    ),
]
Bias: TypeAlias = Annotated[
    bool | None,
    Attribute(
        "Whether layers and norms have biases: true requires all, false refuses any. Default: those that are"
        " sent; if only cost is asked for, all."
    ),
]
NORMS = (layer_norm, rms_norm)
NORM_SETTINGS = ("axis", "axes")  # not settings of blocks, whose norms are over the last axis


def norm_part(of: str, *stored: str) -> Sublayer:
    """Declare a norm of tokens. of: its argument, in words; stored: its names in PyTorch's state dicts."""
    return Sublayer(NORMS, f"The norm of {of}.", stored=stored)


def feed_forward_part() -> Sublayer:
    """Declare the feed-forward sublayer, whose tensors have no prefix in PyTorch's state dicts."""
    return Sublayer((feed_forward,), "The feed-forward sublayer.", stored=("",))


def block_values(name: str, letter: str) -> tuple[ValueSpec, ...]:
    """Declare the values around one sublayer."""
    plain = name.replace("_", "-")
    return (
        ValueSpec(f"{name}_branch", "token d", "... n d", f"The input of the {plain} block, without the"
                  " residual path.", rf"X_{{\text{{{letter}}}}}"),
        ValueSpec(f"dropped_{name}", "token d", "... n d", f"The kept entries of the {plain} sublayer's"
                  " output, divided by 1 - dropout_rate.", rf"Y_{{\text{{{letter}, kept}}}}"),
        ValueSpec(f"{name}_residual", "token d", "... n d", f"The tokens plus the output of the {plain}"
                  " block.", rf"R_{{\text{{{letter}}}}}"),
    )  # fmt: skip


def block_dropout(of: str) -> Input:
    """Declare a dropout mask of a sublayer's output, before it is added."""
    return dropout_input("... n d", f"entries of the {of}'s output")


@dataclass(frozen=True, slots=True)
class Blocks:
    """The settings of residual blocks, in one layer or several.

    settings: of their sublayers.
    norm: the name of the normalization.
    placement: of norms, `post` or `pre`.
    biases: whether layers have biases; None: those that are sent.
    rate: the dropout rate.
    """

    settings: Mapping[str, Any]
    norm: str
    placement: str
    biases: bool | None
    rate: Constant | None = None

    def attention_block(
        self, x: Value, attention: Submodule, norm: Submodule, kept: Value | None, **provided: Any
    ) -> Value:
        """Build the block around an attention. kept: the dropout mask; provided: as for `Submodule`.

        If only shapes matter, the heads share the tokens' width. With numbers their width must be known:
        missing weights may have had any width, and the scale depends on it.
        """
        assumed = HEADS if x.graph.missing_policy == "usual" else None
        return self._block(x, attention, norm, kept, required=("w_v", "w_o"), assumed=assumed, **provided)

    def feed_forward_block(
        self, x: Value, feed_forward: Submodule, norm: Submodule, kept: Value | None
    ) -> Value:
        """Build the block around the feed-forward layers. kept: the dropout mask."""
        optional = () if self.settings.get("gated") else ("b_gate",)
        return self._block(x, feed_forward, norm, kept, optional=optional)

    def _block(
        self, x: Value, sublayer: Submodule, norm: Submodule, kept: Value | None, **provided: Any
    ) -> Value:
        """Return the tokens plus the sublayer's output, with the norm, naming values after the sublayer."""
        name = sublayer.name
        branch = apply("identity", x).named(f"{name}_branch")
        output = sublayer(
            self.settings,
            biases=self.biases,
            sizes={"d_o": (x.shape[-1], "the tokens that it is added to")},
            x=self.normalize(branch, norm) if self.placement == "pre" else branch,
            dropout_rate=self.rate if sublayer.sent_input("dropout_mask") else None,
            **provided,
        )
        rate = None if kept is None else self.rate
        output = apply_dropout(output, kept, rate, f"dropped_{name}", f"{name}_dropout_mask")
        total = (x + output).named(f"{name}_residual")
        return self.normalize(total, norm) if self.placement == "post" else total

    @property
    def layer_settings(self) -> dict[str, Any]:
        """The settings of layers with blocks like these."""
        own = {"norm": self.norm, "norm_placement": self.placement, "bias": self.biases}
        return own | dict(self.settings)

    def output(self, x: Value) -> Value:
        """Name the output of the last block as the layer's. Raises QuestionError for a rate without masks."""
        check_rate(x.graph, self.rate)
        return (apply("identity", x) if self.placement == "pre" else x).named("output")

    def normalize(self, x: Value, norm: Submodule) -> Value:
        """Normalize tokens. If only shapes matter, the norm is assumed to have a gain."""
        required = ("gain",) if x.graph.missing_policy == "usual" or _is_unknown(x.graph) else ()
        return norm(self.settings, which=self.norm, required=required, biases=self.biases, x=x)


def _is_unknown(graph: Graph) -> bool:
    """Return whether nothing is sent for the current layer, because later values are given."""
    scope = graph.full_name("")
    is_open = graph.missing_policy == "unknown" and graph.missing_errors is None and scope
    return bool(is_open) and not graph.has_inputs_under(scope)


def _head_width(sizes: Mapping[str, Size]) -> Size:
    """Return the width of one head. Raises QuestionErrors if heads do not divide the tokens' width."""
    try:
        return divide(sizes["d"], sizes["heads"])
    except ShapeError:
        width, heads = sizes["d"], sizes["heads"]
        raise at(
            ("heads",), f"tokens of width {width} cannot be shared evenly by {heads} heads",
            f"a number that divides {width}, or weights", f"{heads} heads",
        ) from None  # fmt: skip


HEADS: Assumed = {"d_k": _head_width, "d_v": lambda sizes: sizes["d_k"]}
