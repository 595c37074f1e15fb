"""Stacks of transformer layers: each takes what the one below gives."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from compute.dimensions import Size
from compute.errors import QuestionError
from compute.graph.graph import REPEATED_INDEX
from compute.graph.spec import ValueSpec
from compute.graph.value import Value
from compute.operations.framework.declaration import Attribute
from compute.operations.framework.submodules import Submodule
from compute.operations.transformers.residual import Blocks

MOST_LAYERS = 256
Layers: TypeAlias = Annotated[
    Size | None,
    Attribute(
        "How many layers there are; as many as weights are sent for, if not said. A letter where only cost is"
        " asked.",
        minimum=1,
    ),
]
FinalNorm: TypeAlias = Annotated[
    bool | None,
    Attribute(
        "Whether there is a norm after the last layer. If not said, where anything is sent for it; of shapes"
        " alone, where norms stand before the sublayers."
    ),
]
OUTPUT = ValueSpec(
    "output", "token d", "... n d", "The tokens after the last layer, and the final norm.", "Y"
)


def stacked(
    x: Value,
    layers: Submodule,
    count: Size | None,
    blocks: Blocks,
    final_norm: Submodule,
    layer: Callable[[Submodule, Value], Value],
    *,
    has_final_norm: bool | None = None,
) -> Value:
    """Tokens through all layers, and the final norm where there is one.

    Of shapes alone one layer stands for all of them, where none has shapes of its own. Raises QuestionError
    where nothing says how many there are, or there are too many.
    """
    graph, sent = x.graph, layers.count
    if count is None:
        count = sent
    if count == 0:
        raise QuestionError(
            ("layers",),
            "nothing says how many layers there are",
            "a number of layers, or weights for each layer"
            + ("; or a letter" if graph.missing_policy == "usual" else ""),
            "nothing",
        )
    if graph.missing_policy == "usual" and not sent:
        with graph.repeated(count):
            x = layer(layers[REPEATED_INDEX], x)
    elif not isinstance(count, int):
        raise QuestionError(
            ("layers",), "is no number, and single layers have shapes of their own",
            "a number of layers; or letters, and no shapes for single layers", f"{count} layers",
        )  # fmt: skip
    elif count > MOST_LAYERS:
        raise QuestionError(
            ("layers",), "are too many layers to build", f"at most {MOST_LAYERS} layers", f"{count} layers"
        )
    else:
        for at in range(count):
            x = layer(layers[at], x)
    graph.conventions["layers"] = count
    if has_final_norm is None:
        has_final_norm = final_norm.is_sent or (graph.missing_policy == "usual" and blocks.placement == "pre")
    graph.conventions["has_final_norm"] = has_final_norm
    if has_final_norm:
        x = blocks.normalized(x, final_norm)
    return x.named("output")
