"""Residual blocks of transformers: a sublayer, what it is added to, and the norm before or after."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import ShapeError, Size, divide
from compute.errors import at
from compute.graph.graph import Graph
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.attention.masking import check_rate, dropout_input, dropped
from compute.operations.framework.declaration import Attribute, Constant, Input, Sublayer
from compute.operations.framework.signature import Assumed
from compute.operations.framework.submodules import Submodule
from compute.operations.normalization.layer_normalization import layer_norm, rms_norm
from compute.operations.transformers.feed_forward import feed_forward

Norm: TypeAlias = Annotated[Literal["layer_norm", "rms_norm"], Attribute("Which normalization.")]
Placement: TypeAlias = Annotated[
    Literal["post", "pre"],
    Attribute(
        "Whether norms stand after the residual sum, norm(x + sublayer(x)), as in the paper; or before each"
        " sublayer, x + sublayer(norm(x))."
    ),
]
Bias: TypeAlias = Annotated[
    bool | None,
    Attribute(
        "Whether layers and norms have biases: true requires all, false refuses any. If not said, those that"
        " are sent; of shapes alone, all."
    ),
]
NORMS = (layer_norm, rms_norm)
NORM_SETTINGS = ("axis", "axes")  # of norms, whose rows are tokens here


def norm_part(of: str, *stored: str) -> Sublayer:
    """A norm of tokens. of: what is normalized, in words; stored: its names in PyTorch's state dicts."""
    return Sublayer(NORMS, f"The norm of {of}.", stored=stored)


def feed_forward_part() -> Sublayer:
    """The feed-forward sublayer; in PyTorch's state dicts it has no name of its own."""
    return Sublayer((feed_forward,), "The feed-forward sublayer.", stored=("",))


def block_values(name: str, letter: str) -> tuple[ValueSpec, ...]:
    """What is named around one sublayer."""
    plain = name.replace("_", "-")
    return (
        ValueSpec(f"{name}_branch", "token d", "... n d", f"What goes into the {plain} block beside the"
                  " residual path.", rf"X_{{\text{{{letter}}}}}"),
        ValueSpec(f"dropped_{name}", "token d", "... n d", f"What of the {plain} sublayer's output is kept,"
              " divided by 1 - dropout_rate.", rf"Y_{{\text{{{letter}, kept}}}}"),
        ValueSpec(f"{name}_residual", "token d", "... n d", f"The tokens plus what the {plain} block makes of"
              " them.", rf"R_{{\text{{{letter}}}}}"),
    )  # fmt: skip


def block_dropout(of: str) -> Input:
    """A dropout mask of what a sublayer gives, before it is added."""
    return dropout_input("... n d", f"entries of the {of}'s output")


@dataclass(frozen=True, slots=True)
class Blocks:
    """What residual blocks share, of one layer or of several. settings: for their sublayers."""

    settings: Mapping[str, Any]
    norm: str
    placement: str
    biases: bool | None
    rate: Constant | None = None

    def attended(
        self, x: Value, attention: Submodule, norm: Submodule, kept: Value | None, **handed: Any
    ) -> Value:
        """The block around an attention. kept: what of its output is kept; handed: as for `Submodule`.

        Of shapes alone the heads share the tokens' width. Beside numbers they are as wide as what came says:
        weights that did not come may have been of any width, and the scale depends on it.
        """
        assumed = HEADS if x.graph.missing_policy == "usual" else None
        return self._block(x, attention, norm, kept, needs=("w_v", "w_o"), assumed=assumed, **handed)

    def fed_forward(self, x: Value, feed_forward: Submodule, norm: Submodule, kept: Value | None) -> Value:
        """The block around the feed-forward layers. kept: what of their output is kept."""
        without = () if self.settings.get("gated") else ("b_gate",)
        return self._block(x, feed_forward, norm, kept, without=without)

    def _block(
        self, x: Value, sublayer: Submodule, norm: Submodule, kept: Value | None, **handed: Any
    ) -> Value:
        """Tokens plus what a sublayer makes of them, and the norm. Values are called after the sublayer."""
        name = sublayer.name
        branch = apply("identity", x).named(f"{name}_branch")
        made = sublayer(
            self.settings,
            biases=self.biases,
            sizes={"d_o": (x.shape[-1], "the tokens that it is added to")},
            x=self.normalized(branch, norm) if self.placement == "pre" else branch,
            dropout_rate=self.rate if sublayer.sent("dropout_mask") else None,
            **handed,
        )
        rate = None if kept is None else self.rate
        made = dropped(made, kept, rate, f"dropped_{name}", f"{name}_dropout_mask")
        total = (x + made).named(f"{name}_residual")
        return self.normalized(total, norm) if self.placement == "post" else total

    @property
    def handed(self) -> dict[str, Any]:
        """The settings for layers that have blocks like these."""
        own = {"norm": self.norm, "norm_placement": self.placement, "bias": self.biases}
        return own | dict(self.settings)

    def output(self, x: Value) -> Value:
        """What the last block gives, under the layer's own name beside the block's.

        Raises QuestionError for a rate at which nothing is dropped.
        """
        check_rate(x.graph, self.rate)
        return (apply("identity", x) if self.placement == "pre" else x).named("output")

    def normalized(self, x: Value, norm: Submodule) -> Value:
        """Tokens through a norm. Ones stand for a gain that is left out; of shapes alone it has one."""
        needs = ("gain",) if x.graph.missing_policy == "usual" or _is_unknown(x.graph) else ()
        return norm(self.settings, which=self.norm, needs=needs, biases=self.biases, x=x)


def _is_unknown(graph: Graph) -> bool:
    """Return whether nothing came for the layer that is built, since values behind it are given."""
    scope = graph.full_name("")
    is_open = graph.missing_policy == "unknown" and graph.missing_errors is None and scope
    return bool(is_open) and not graph.has_inputs_under(scope)


def _shared_evenly(sizes: Mapping[str, Size]) -> Size:
    """What one of several heads has of the tokens' width."""
    try:
        return divide(sizes["d"], sizes["heads"])
    except ShapeError:
        width, heads = sizes["d"], sizes["heads"]
        raise at(
            ("heads",), f"tokens of width {width} cannot be shared evenly by {heads} heads",
            f"a number that divides {width}, or weights", f"{heads} heads",
        ) from None  # fmt: skip


HEADS: Assumed = {"d_k": _shared_evenly, "d_v": lambda sizes: sizes["d_k"]}
