"""The vision transformer: patches of an image as tokens, an encoder, and a classification head."""

from typing import Annotated, Any, Literal

from compute.arithmetic.expressions import number_expression
from compute.dimensions import Shape, ShapeError, Size, divide, show, symbols
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.attention.masking import apply_dropout, dropout_input
from compute.operations.attention.positional_encoding import positional_encoding
from compute.operations.framework.build import call
from compute.operations.framework.declaration import (
    Attribute,
    Input,
    SettingsOf,
    Sides,
    StoredTensor,
    Sublayer,
    operation,
)
from compute.operations.framework.signature import sizes_from_settings
from compute.operations.framework.submodules import Submodule, add_required_input
from compute.operations.layers.activation import ActivationName
from compute.operations.normalization.normalizing import Epsilon
from compute.operations.transformers.classification import (
    CLASSIFIED,
    Classes,
    first_token,
    head_part,
    name_classification,
    pre_logits_part,
)
from compute.operations.transformers.encoder import encoder_part
from compute.operations.transformers.patch_embedding import IMAGE, patch_embedding
from compute.operations.transformers.residual import NORM_SETTINGS, Bias, Blocks, Norm, Placement, norm_part

CLASS_TOKEN = Input(
    "d_model", "The token in front of the patches.", r"x_{\text{class}}", parameter=True,
    optional="none with pool mean; required with pool class_token",
)  # fmt: skip
POSITION_EMBEDDING = Input(
    "positions d_model", "With positions learned: added to the tokens, the class token's in the first row.",
    r"E_{\text{pos}}", parameter=True, optional="none with other positions; required with learned ones",
)  # fmt: skip
PATCH_ROW = "the token's index in the sequence: patches row by row"
ONE_ROW = f"{PATCH_ROW}, after the class token, which is position 0"
TWO_HALVES = (
    "the first half of the columns encodes a patch's row, the second its column; zeros for the class token"
)


def _tokens(name: str, meaning: str, symbol: str) -> ValueSpec:
    """Declare a value with a row per token."""
    return ValueSpec(name, "token d_model", "... tokens d_model", meaning, symbol)


@operation(
    (
        _tokens("tokens", "The class token, if there is one, and the embedded patches, row by row.", "T"),
        ValueSpec(
            "position_rows",
            "token d_model",
            "tokens d_model",
            "Positions that are not learned, added to the tokens.",
            r"E_{\text{pos}}",
        ),
        _tokens("sequence", "The tokens with their positions.", "Z_{0}"),
        _tokens("dropped_sequence", "The kept entries of the sequence, divided by 1 - dropout_rate.",
                r"Z_{0, \text{kept}}"),
        ValueSpec("pooled", "d_model", "... d_model", "The class token of the encoder's output, or the mean"
                  " of the patches.", r"y_{\text{pool}}"),
        *CLASSIFIED,
    ),
    stored=(
        StoredTensor("class_token", ("class_token",), rank=1),
        StoredTensor("cls_token", ("class_token",), rank=1),
        StoredTensor("encoder.pos_embedding", ("position_embedding",), rank=2),
        StoredTensor("pos_embed", ("position_embedding",), rank=2),
    ),
)  # fmt: skip
def vision_transformer(
    x: Annotated[Value, IMAGE],
    class_token: Annotated[Value | None, CLASS_TOKEN] = None,
    position_embedding: Annotated[Value | None, POSITION_EMBEDDING] = None,
    embedding_dropout_mask: Annotated[
        Value | None, dropout_input("... tokens d_model", "entries of the sequence")
    ] = None,
    *,
    patch_embedding: Annotated[
        Submodule,
        Sublayer(
            (patch_embedding,),
            "The embedding of patches.",
            stored=("conv_proj", "patch_embed.proj"),
        ),
    ],
    encoder: Annotated[
        Submodule,
        encoder_part(
            "The encoder. With norms before the sublayers it has a final norm, unless pooled_norm is sent.",
            "encoder",
            "",
        ),
    ],
    pooled_norm: Annotated[
        Submodule, norm_part("the pooled vector; none if nothing is sent for it", "fc_norm")
    ],
    pre_logits: Annotated[Submodule, pre_logits_part("heads.pre_logits")],
    head: Annotated[Submodule, head_part("heads.head", "head")],
    patch: Annotated[
        Sides | None,
        Attribute(
            "The size of a patch: one number, or [rows, columns]; the kernel determines it.", minimum=1
        ),
    ] = None,
    d_model: Annotated[
        Size | None,
        Attribute("The width of a token; the weights determine it.", minimum=1, dimension=True),
    ] = None,
    classes: Classes = None,
    position_kind: Annotated[
        Literal["learned", "sinusoidal_1d", "sinusoidal_2d", "none"],
        Attribute(
            "The positions added to the tokens. learned: position_embedding; sinusoidal_1d: the sinusoidal"
            " encoding of each token's index; sinusoidal_2d: of each patch's row and column."
        ),
    ] = "learned",
    pool: Annotated[
        Literal["class_token", "mean"],
        Attribute(
            "The vector to classify: the class token of the encoder's output, or the mean of all other"
            " tokens."
        ),
    ] = "class_token",
    norm: Norm = "layer_norm",
    norm_placement: Placement = "pre",
    activation: Annotated[ActivationName, Attribute("The activation of each layer's units.")] = "gelu",
    epsilon: Epsilon = 1e-6,
    bias: Bias = None,
    **settings: Annotated[Any, SettingsOf(exclude=NORM_SETTINGS, sublayers=("encoder",))],
) -> Value:
    """A vision transformer: a class token and patches as tokens, positions, an encoder, and a head.

    z_0 = [x_class; x_p E] + E_pos goes through the layers of the encoder, with a norm before each
    attention and each feed-forward network; the head classifies the class token after the last norm.

    Weights are sent by sublayer, `patch_embedding`, `encoder`, `head`; or as `state_dict` with the names of
    torchvision's VisionTransformer or of timm's. The encoder's `final_norm` normalizes all tokens before
    pooling; `pooled_norm` (timm's fc_norm, used with global_pool avg) normalizes the pooled vector.

    Source: Dosovitskiy et al., An Image is Worth 16x16 Words (2021), equations 1 to 4; positions of rows and
    columns in two halves as in its appendix D.4, where they are learned.
    """
    blocks = Blocks({"activation": activation, "epsilon": epsilon, **settings}, norm, norm_placement, bias)
    has_class = class_token is not None or pool == "class_token"
    if x.is_assumed and (kernel := patch_embedding.sent_input("kernel")):
        x.shape = (*kernel.shape[1:2], *x.shape[-2:])  # the channels of an image that was not sent
    embedded = patch_embedding(
        {}, biases=bias, sizes=_kernel_sizes(patch, d_model, class_token, position_embedding), x=x
    )
    window = patch_embedding.value("kernel").shape[-2:]
    x.graph.conventions["patch"] = window[0] if window[0] == window[1] else window
    tokens = _prepend_class_token(embedded, class_token) if has_class else embedded
    added: Value | None
    if position_kind == "learned":
        x.graph.conventions["position_of"] = ONE_ROW if has_class else PATCH_ROW
        added = _learned_positions(tokens, position_embedding, has_class)
        tokens = tokens.named("tokens")
    else:
        _check_unused(position_embedding, position_kind)
        tokens = tokens.named("tokens")
        added = _sinusoidal_positions(tokens, position_kind, has_class, (x.shape[-2:], window))
    sequence = apply("identity", tokens) if added is None else tokens + added
    rate = settings.get("dropout_rate")
    sequence = apply_dropout(
        sequence.named("sequence"),
        embedding_dropout_mask,
        None if embedding_dropout_mask is None else rate,
        "dropped_sequence",
        "embedding_dropout_mask",
    )
    more: dict[str, Any] = {}
    if settings.get("has_final_norm") is None and not encoder.has_sent("final_norm"):
        # No final norm if the pooled vector has its own.
        more["has_final_norm"] = norm_placement == "pre" and not pooled_norm.is_sent
    encoded = encoder(blocks.layer_settings, x=sequence, **more)
    pooled = _pool(encoded, pool, has_class).named("pooled")
    if pooled_norm.is_sent:
        pooled = blocks.normalize(pooled, pooled_norm)
    return name_classification(pooled, pre_logits, head, classes, bias)


def _kernel_sizes(
    patch: Sides | None, d_model: Size | None, class_token: Value | None, position_embedding: Value | None
) -> dict[str, tuple[Size, str]]:
    """Return the required sizes of the patches' kernel, with their sources."""
    down, across = patch if isinstance(patch, tuple) else (patch, patch)
    sizes = sizes_from_settings(p=("patch", down), q=("patch", across))
    if d_model is not None:
        sent = {"class_token": class_token, "position_embedding": position_embedding}
        source = next((name for name, value in sent.items() if value is not None), "the attribute d_model")
        sizes["d"] = (d_model, source)
    return sizes


def _prepend_class_token(embedded: Value, class_token: Value | None) -> Value:
    """Prepend the class token to the embedded patches."""
    *batch, _, width = embedded.shape
    if class_token is None:
        class_token = add_required_input(embedded.graph, "class_token", CLASS_TOKEN, (width,))
    row = apply("expand_dims", class_token, axis=-2)
    row = apply("broadcast_to", row, to=(*batch, 1, width)) if batch else row
    return apply("concatenate", row, embedded, axis=-2)


def _learned_positions(tokens: Value, positions: Value | None, has_class: bool) -> Value:
    """Return learned positions, one per token. Raises QuestionError if their number does not fit."""
    count, width = tokens.shape[-2:]
    if positions is None:
        return add_required_input(tokens.graph, "position_embedding", POSITION_EMBEDDING, (count, width))
    rows = positions.shape[-2]
    if rows == count:
        return positions
    if tokens.graph.missing_policy == "unknown" and symbols(count):
        # Without an image the positions alone determine the number of patches; the batch stays unknown.
        tokens.shape, tokens.has_open_batch = (*tokens.shape[:-2], rows, width), True
        return positions
    patches = count - 1 if has_class else count
    first = ", after the row of the class token" if has_class else ""
    raise QuestionError(
        ("position_embedding",), f"the image has {patches} patches, but there is not one position per token",
        f"{count} rows: one for each of {patches} patches{first}", f"{rows} rows",
    )  # fmt: skip


def _check_unused(position_embedding: Value | None, position_kind: str) -> None:
    if position_embedding is not None:
        raise QuestionError(
            ("position_embedding",), f"position_embedding has no use with position_kind {position_kind}",
            "position_kind learned, or no position_embedding",
            f"shape {show(position_embedding.shape)}",
        )  # fmt: skip


def _sinusoidal_positions(
    tokens: Value, kind: str, has_class: bool, sizes: tuple[Shape, Shape]
) -> Value | None:
    """Name positions that are not learned, one per token, if there are any. sizes: of image and patch."""
    if kind == "none":
        return None
    graph, (count, width) = tokens.graph, tokens.shape[-2:]
    if kind == "sinusoidal_1d":
        graph.conventions["position_of"] = ONE_ROW if has_class else PATCH_ROW
        encoding = call(positional_encoding, "positional_encoding", graph, length=count, dimension=width)
        return encoding.named("position_rows")
    graph.conventions["position_of"] = TWO_HALVES
    down, across = _patch_grid(tokens, has_class, sizes)
    try:
        half = divide(width, 2)
    except ShapeError:
        raise QuestionError(
            ("position_kind",), "half of the columns encode the row of a patch, the other half its column",
            "tokens of even width, or other positions", f"width {width}",
        ) from None  # fmt: skip
    rows = call(positional_encoding, "row_encoding", graph, length=down, dimension=half)
    columns = call(positional_encoding, "column_encoding", graph, length=across, dimension=half)
    to = (down, across, half)
    halves = (
        apply("broadcast_to", apply("expand_dims", rows, axis=-2), to=to),
        apply("broadcast_to", apply("expand_dims", columns, axis=-3), to=to),
    )
    encoding = apply("reshape", apply("concatenate", *halves, axis=-1), to=(down * across, width))
    if has_class:
        zero = apply("constant", graph=graph, expression=number_expression(0), sizes={})
        encoding = apply("concatenate", apply("broadcast_to", zero, to=(1, width)), encoding, axis=-2)
    return encoding.named("position_rows")


def _patch_grid(tokens: Value, has_class: bool, sizes: tuple[Shape, Shape]) -> tuple[Size, Size]:
    """Return the numbers of rows and columns of patches. Raises QuestionError if they are unknown."""
    down, across = (divide(*pair) for pair in zip(*sizes, strict=True))
    if down * across + has_class != tokens.shape[-2]:
        raise QuestionError(
            ("position_kind",), "the numbers of rows and columns of patches are unknown",
            "the image x, or other positions", "tokens alone",
        )  # fmt: skip
    return down, across


def _pool(encoded: Value, pool: str, has_class: bool) -> Value:
    """Return the vector to classify: the class token of the encoder's output, or the mean of the patches."""
    if pool == "class_token":
        return first_token(encoded)
    encoded.graph.conventions["mean_over"] = "the patches, and not the class token"
    patches = apply("rows", encoded, start=1, stop=encoded.shape[-2]) if has_class else encoded
    return apply("average", patches, axes=(-2,))
