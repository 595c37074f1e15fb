"""Stacks of transformer layers, each applied to the output of the one below."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from compute.dimensions import Size
from compute.errors import QuestionError
from compute.graph.graph import REPEATED_INDEX, Value
from compute.graph.spec import ValueSpec
from compute.operations.framework.declaration import Attribute
from compute.operations.framework.submodules import Submodule
from compute.operations.transformers.residual import Blocks

MOST_LAYERS = 256
Layers: TypeAlias = Annotated[
    Size | None,
    Attribute(
        "The number of layers. Default: the number of layers with weights in the request. It may be a symbol"
        " if only cost is asked for.",
        minimum=1,
    ),
]
FinalNorm: TypeAlias = Annotated[
    bool | None,
    Attribute(
        "Whether there is a norm after the last layer. Default: if anything is sent for it; if only cost is"
        " asked for, with norm_placement pre."
    ),
]
OUTPUT = ValueSpec(
    "output", "token d", "... n d", "The tokens after the last layer, and the final norm.", "Y"
)


def run_layers(
    x: Value,
    layers: Submodule,
    count: Size | None,
    blocks: Blocks,
    final_norm: Submodule,
    layer: Callable[[Submodule, Value], Value],
    *,
    has_final_norm: bool | None = None,
) -> Value:
    """Run tokens through all layers and the final norm, if there is one, and name the output.

    count: the number of layers; None for the number of layers that are sent.
    layer: runs one layer.

    If only shapes matter and no layer has shapes of its own, one layer is built to represent all. Raises
    QuestionError if the number of layers is unknown or too large.
    """
    graph, sent = x.graph, layers.count
    if count is None:
        count = sent
    if count == 0:
        raise QuestionError(
            ("layers",),
            "the number of layers is unknown",
            "a number of layers, or weights for each layer"
            + ("; or a symbol" if graph.missing_policy == "usual" else ""),
            "nothing",
        )
    if graph.missing_policy == "usual" and not sent:
        with graph.repeated(count):
            x = layer(layers[REPEATED_INDEX], x)
    elif not isinstance(count, int):
        raise QuestionError(
            ("layers",), "must be a number if single layers have shapes of their own",
            "a number of layers; or a symbol, and no shapes for single layers", f"{count} layers",
        )  # fmt: skip
    elif count > MOST_LAYERS:
        raise QuestionError(
            ("layers",), "there are too many layers", f"at most {MOST_LAYERS} layers", f"{count} layers"
        )
    else:
        for at in range(count):
            x = layer(layers[at], x)
    graph.conventions["layers"] = count
    if has_final_norm is None:
        has_final_norm = final_norm.is_sent or (graph.missing_policy == "usual" and blocks.placement == "pre")
    graph.conventions["has_final_norm"] = has_final_norm
    if has_final_norm:
        x = blocks.normalize(x, final_norm)
    return x.named("output")
