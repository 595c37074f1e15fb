"""The operations as types, for editors, type checkers and `help`. Nothing else imports this module.

`python -m service.export` writes it from the catalogue. At run time every answer is an `Answer`.
"""
# ruff: noqa

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Literal, Protocol, Required, TypeAlias, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import NDArray

from service.answers import Answer

Result = TypeVar("Result", covariant=True)
Array: TypeAlias = NDArray[Any]
TensorLike: TypeAlias = "float | str | np.generic | Array | Sequence[TensorLike] | Mapping[str, Any]"
"""A number, an expression as text, nested lists of these, an array, or packed bytes as a mapping."""
AssumptionsChoice: TypeAlias = Literal[
    "positive",
    "negative",
    "nonnegative",
    "nonzero",
    "integer",
]
SelectChoice: TypeAlias = Literal[
    "parameters",
    "loss",
    "learning_rate",
    "gradient",
    "used_gradient",
    "state",
    "update",
    "average",
    "batch",
    "formula",
]
ActivationChoice: TypeAlias = Literal[
    "identity",
    "relu",
    "leaky_relu",
    "rrelu",
    "relu6",
    "log_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "hardswish",
    "hardsigmoid",
    "hardtanh",
    "softplus",
    "softsign",
    "threshold",
    "thresholded_relu",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "shrink",
    "tanh",
    "scaled_tanh",
    "sigmoid",
    "log_sigmoid",
    "erf",
    "exp",
    "log",
    "sqrt",
    "square",
    "abs",
    "sin",
    "cos",
    "affine",
]
GateOrderChoice: TypeAlias = Literal[
    "input_forget_candidate_output",
    "input_output_forget_candidate",
]
GateOrderChoice_: TypeAlias = Literal[
    "reset_update_candidate",
    "update_reset_candidate",
]
FunctionChoice: TypeAlias = Literal[
    "identity",
    "relu",
    "leaky_relu",
    "rrelu",
    "relu6",
    "log_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "hardswish",
    "hardsigmoid",
    "hardtanh",
    "softplus",
    "softsign",
    "threshold",
    "thresholded_relu",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "shrink",
    "tanh",
    "scaled_tanh",
    "sigmoid",
    "log_sigmoid",
    "erf",
    "exp",
    "log",
    "sqrt",
    "square",
    "abs",
    "sin",
    "cos",
    "affine",
    "prelu",
]
PositionKindChoice: TypeAlias = Literal[
    "learned",
    "sinusoidal_1d",
    "sinusoidal_2d",
    "none",
]
OperationChoice: TypeAlias = Literal[
    "attention",
    "self_attention",
    "cross_attention",
    "positional_encoding",
    "rotary_embedding",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "max_pool1d",
    "max_pool2d",
    "average_pool1d",
    "average_pool2d",
    "lp_pool1d",
    "lp_pool2d",
    "max_unpool2d",
    "rnn",
    "lstm",
    "gru",
    "layer_norm",
    "rms_norm",
    "batch_norm",
    "group_norm",
    "instance_norm",
    "activation",
    "glu",
    "softmax",
    "softmin",
    "log_softmax",
    "hardmax",
    "linear",
    "embedding",
    "dropout",
    "mse",
    "mae",
    "huber",
    "smooth_l1",
    "cross_entropy",
    "nll",
    "binary_cross_entropy",
    "kl_divergence",
    "hinge",
    "hinge_embedding",
    "multi_margin",
    "cosine",
    "triplet",
    "gaussian_nll",
    "poisson_nll",
    "feed_forward",
    "encoder_layer",
    "decoder_layer",
    "encoder",
    "decoder",
    "transformer",
    "language_model",
    "patch_embedding",
    "vision_transformer",
]
RandomChoice: TypeAlias = Literal[
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "xavier_normal",
    "xavier_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "glorot_normal",
    "glorot_uniform",
]
LEFT_OUT: Any = ...
"""The default of a field that is not sent."""


class AnyAnswer(Answer):
    """The answer of a program, whose values have the names of its lines."""

    def __getattr__(self, name: str) -> Any: ...


class Computation(TypedDict, total=False):
    """Fields that all operations share."""

    given: Mapping[str, TensorLike]
    """Values to take instead of computing them, by name. Values that cannot be computed from those given
    are listed under `unknown`; gradients do not pass a given value.
    """
    upstream: Mapping[str, TensorLike]
    """The gradient of the final scalar with respect to values, by name, each in the shape of its value.
    The answer then has the gradients of everything that they depend on.
    """
    arithmetic: Literal["float64", "float32", "exact"]
    """The kind of number that everything is computed in. Exact numbers may contain free symbols, and are
    returned as text, together with LaTeX and floats.
    """
    assumptions: Mapping[str, Sequence[AssumptionsChoice]]
    """In exact arithmetic: assumptions about free symbols, all of which are real."""
    abbreviate: Sequence[str]
    """In exact arithmetic: values that appear as symbols of their own names in everything computed from
    them, gradients included. Gradients still pass through them.
    """
    common: bool
    """In exact arithmetic: whether parts that repeat in long entries are named and listed under `common`.
    Such entries are refused if they are sent again; with `false` every entry is written in full and can
    be sent again.
    """
    select: Sequence[str]
    """Names whose values, and with `upstream` whose gradients, are returned; by default, every named
    value except those returned only by request, and the gradients of inputs. `*` stands for any text
    within this default: `["*", "entropy"]` adds to it. A pattern returns the gradients of the inputs that
    it matches, and their values if it matches nothing else; the name of an input returns both.
    """
    jacobian: Sequence[Mapping[str, Any]]
    """Jacobians to return, between any two names."""
    hessian_vector: Mapping[str, Any]
    """Second derivatives to return: of a scalar, with respect to any value."""
    substitute: Sequence[Mapping[str, Any]]
    """Values and gradients to put in the place of computed ones. Nothing is cut: derivatives are taken at
    them and go on through them.
    """
    diagnose: bool
    """Whether `notes` also report numbers that are finite but unreliable; floats only. `overflow`: a
    result beyond the largest number of its type, which a wider type or exact numbers hold. `underflow`: a
    product, quotient, power or exponential that is not 0 but smaller than the least number of its type,
    and comes out as 0. `cancellation`: a sum, difference or dot product so much smaller than its terms
    that more than 50% of the digits (15.7 in float64, 6.9 in float32) are lost; a difference of exactly 0
    counts where an operand has lost what it was computed from, as in 1 - cos(1e-9). `saturation`: all
    weights of a softmax row at 0 or 1 to within rounding though several entries compete; entries of a
    sigmoid or tanh at which the derivative is below 1e-06. `dead_rectifier`: a relu unit (along the last
    axis, over the axes before it; with one axis, all entries) that is at most 0 everywhere.
    `vanishing_gradient`: gradients whose root mean square falls by a factor of 10000 or more from the
    last to the first of like-named values (`hidden[0]`, `hidden[1]`, ... or `h1`, `h2`, ...), or of 1e+08
    or more, but not to 0, from those handed in to that of any value. `exploding_gradient`: the same,
    growing by 10000 or 1e+08.
    """
    limits: Sequence[Mapping[str, Any]]
    """In exact arithmetic: limits of values to return, as a free symbol goes to infinity or to a number."""
    diagram: bool | Literal["values"]
    """Whether to return the graph as nodes and edges, and as Mermaid text. `values` adds the entries of
    small values, and the norm and range of larger ones.
    """
    workings: bool
    """Whether to return each step with its numbers put in, and each gradient by the chain rule."""
    verify: bool
    """Whether to return `evidence` that the answer is right: gradients compared with differences of
    recomputed values, equations that values satisfy, and the number of digits that rounding leaves
    reliable.
    """


class Trace(TypedDict, total=False):
    """The fields of a trace."""

    program: Sequence[str]
    """The program to minimize, in the language of /v1/graph."""
    loss: str
    """The value to minimize, one number; by default, that of the last line."""
    inputs: Mapping[str, TensorLike]
    """The program's data."""
    start: Required[Mapping[str, TensorLike]]
    """The parameters with their start values; those of layers have names such as `h.attention.w_q`."""
    optimizer: Required[Any]
    """The update rule and its settings."""
    steps: int
    """The number of steps; by default, the number of gradients sent."""
    state: Mapping[str, Mapping[str, TensorLike]]
    """The buffers to start from, by parameter and name: the `state` of a step of a trace. By default,
    those of a fresh optimizer.
    """
    step: int
    """The number of the step that `start` and `state` come from. The first step has the next number,
    which bias corrections and schedules use.
    """
    gradients: Sequence[Mapping[str, TensorLike]]
    """The gradients of all parameters in place of a program, one object for each step."""
    every: int
    """The interval of returned steps, 10 for every tenth; the start and the last are always returned."""
    stop_when: Mapping[str, Any]
    """Conditions that stop the trace before its last step."""
    batches: Mapping[str, Any]
    """Mini-batches; by default, all data at every step."""
    others: Mapping[str, Any]
    """Other optimizers by a name, to compare with: each makes the same steps on the same program from the
    same start, and the answer has its losses.
    """
    surface: Mapping[str, Any]
    """Asks for a grid of the loss around the trace."""
    substitute: Mapping[str, TensorLike]
    """Values to put in the place of those that would be computed, such as a student's; what follows is
    computed from them. Names are paths in the answer with every step shown: `trace[2].parameters.x`,
    `trace[2].state.x.velocity`, `trace[1].gradient.x`, `trace[1].used_gradient.x`, `trace[1].update.x`,
    `trace[1].learning_rate`, `trace[1].loss`, `trace[1].batch.loss`; or short forms that mean one value,
    such as `x[2]`, and with one parameter `velocity[2]` or `gradient[1]`.
    """
    given: Mapping[str, TensorLike]
    """Values to take instead of computing them, by the same names. In a trace this is what `substitute`
    does, since nothing is differentiated through its steps.
    """
    select: Sequence[SelectChoice | str]
    """The parts of each step to return, or paths of values in all steps (`state.x.velocity`) or in one
    (`trace[2].state.x.velocity`); by default, everything.
    """
    arithmetic: Literal["float64", "float32", "exact"]
    """The kind of number that everything is computed in. Exact numbers may contain free symbols, and are
    returned as text, together with LaTeX and floats.
    """
    assumptions: Mapping[str, Sequence[AssumptionsChoice]]
    """In exact arithmetic: assumptions about free symbols, all of which are real."""


class AttentionAnswer(Answer):
    """The answer of attention."""

    head_query: Array
    """The queries, head by head; if heads is not 1. Axes: query, d_k."""
    head_key: Array
    """The keys, head by head; if heads is not 1. Axes: key, d_k."""
    head_value: Array
    """The values, head by head; if heads is not 1. Axes: key, d_v."""
    scores: Array
    """The dot product of every query with every key. Axes: query, key."""
    scaled_scores: Array
    """The scores times the scale. Axes: query, key."""
    capped_scores: Array
    """The scaled scores after the softcap. Axes: query, key."""
    masked_scores: Array
    """The argument of the softmax: -infinity where attending is not allowed. Axes: query, key."""
    weights: Array
    """The attention weights: for each query a distribution over the keys; zeros if it may attend to no
    key. Axes: query, key.
    """
    entropy: Array
    """The entropy of each query's weights, in nats: 0 for a single key, log m for m equal weights. A
    weight of 0 adds nothing and passes no gradient. Axes: query.
    """
    argmax: Array
    """The key that each query attends to most, the first among equals; -1 if there is none. Axes: query."""
    head_outputs: Array
    """The weighted sums of the values, head by head; if heads is not 1. Axes: query, d_v."""
    output: Array
    """The weighted sums of the values; those of several heads are concatenated. Axes: query, d_v."""


class Attention(Protocol[Result]):
    def __call__(
        self,
        *,
        query: TensorLike = LEFT_OUT,
        key: TensorLike = LEFT_OUT,
        value: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        causal: bool = False,
        causal_alignment: Literal["upper_left", "lower_right"] = LEFT_OUT,
        window: int | Sequence[int] = LEFT_OUT,
        softcap: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        layout: Literal["rows", "columns"] = "rows",
        **further: Unpack[Computation],
    ) -> Result:
        """Scaled dot-product attention: softmax(scale Q K^T) V.

        query: The queries. Shape (..., n, heads*d_k); transposed by layout: (..., heads*d_k, n).
            Required, unless values that take its place are given.
        key: The keys. Shape (..., m, kv_heads*d_k); transposed by layout: (..., kv_heads*d_k, m).
            Required, unless values that take its place are given.
        value: The values. Shape (..., m, kv_heads*d_v); transposed by layout: (..., kv_heads*d_v, m).
            Required, unless values that take its place are given.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        heads: The number of heads into which the features of queries are split; 1 if heads are an axis of
            the inputs.
        kv_heads: The number of heads into which keys and values are split, each shared by heads/kv_heads
            query heads. Default: heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        causal: Whether a query attends only to keys no later than itself. If there are more keys than
            queries, see causal_alignment.
        causal_alignment: The alignment of queries with keys for causal and window, if their numbers
            differ. upper_left: query i with key i, as if both sequences began together; lower_right: the
            last query with the last key, as when decoding with a cache of earlier keys. Default:
            upper_left.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        layout: Whether tokens are rows (Q = X W_Q) or columns (Q = W_Q X) of every matrix.
        """


class SelfAttentionAnswer(Answer):
    """The answer of self_attention."""

    input: Array
    """The tokens with their positions added. Axes: token, d."""
    query: Array
    """The queries. Axes: query, d_k."""
    key: Array
    """The keys. Axes: key, d_k."""
    value: Array
    """The values. Axes: key, d_v."""
    rotated_query: Array
    """The queries rotated by their positions. Axes: query, d_k."""
    rotated_key: Array
    """The keys rotated by their positions. Axes: key, d_k."""
    scores: Array
    """The dot product of every query with every key. Axes: query, key."""
    scaled_scores: Array
    """The scores times the scale. Axes: query, key."""
    capped_scores: Array
    """The scaled scores after the softcap. Axes: query, key."""
    masked_scores: Array
    """The argument of the softmax: -infinity where attending is not allowed. Axes: query, key."""
    weights: Array
    """The attention weights: for each query a distribution over the keys; zeros if it may attend to no
    key. Axes: query, key.
    """
    entropy: Array
    """The entropy of each query's weights, in nats: 0 for a single key, log m for m equal weights. A
    weight of 0 adds nothing and passes no gradient. Axes: query.
    """
    argmax: Array
    """The key that each query attends to most, the first among equals; -1 if there is none. Axes: query."""
    dropped_weights: Array
    """The kept weights, divided by 1 - dropout_rate. Axes: query, key."""
    head_outputs: Array
    """The weighted sums of the values, head by head. Axes: query, d_v."""
    output: Array
    """The concatenated heads, through the output projection if there is one. Axes: query, d_o."""


class SelfAttention(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        w_q: TensorLike = LEFT_OUT,
        w_k: TensorLike = LEFT_OUT,
        w_v: TensorLike = LEFT_OUT,
        w_o: TensorLike = LEFT_OUT,
        b_q: TensorLike = LEFT_OUT,
        b_k: TensorLike = LEFT_OUT,
        b_v: TensorLike = LEFT_OUT,
        b_o: TensorLike = LEFT_OUT,
        positional_encoding: TensorLike = LEFT_OUT,
        positions: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        key_padding_mask: TensorLike = LEFT_OUT,
        dropout_mask: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        causal: bool = False,
        causal_alignment: Literal["upper_left", "lower_right"] = LEFT_OUT,
        window: int | Sequence[int] = LEFT_OUT,
        softcap: float | str = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        layout: Literal["rows", "columns"] = "rows",
        **further: Unpack[Computation],
    ) -> Result:
        """Self-attention: queries, keys and values are projections of the same tokens.

        x: The tokens. Shape (..., n, d); transposed by layout: (..., d, n). Required, unless values that
            take its place are given.
        w_q: The query weights, heads concatenated or stacked. Shape (d, heads*d_k) or (heads, d, d_k);
            transposed by layout: (heads*d_k, d) or (heads, d_k, d). Required, unless values that take its
            place are given.
        w_k: The key weights. Shape (d, kv_heads*d_k) or (kv_heads, d, d_k); transposed by layout:
            (kv_heads*d_k, d) or (kv_heads, d_k, d). Required, unless values that take its place are
            given.
        w_v: The value weights. Shape (d, kv_heads*d_v) or (kv_heads, d, d_v); transposed by layout:
            (kv_heads*d_v, d) or (kv_heads, d_v, d). Optional; by default: the identity: the values are
            the tokens.
        w_o: The output weights. Shape (heads*d_v, d_o) or (heads, d_v, d_o); transposed by layout: (d_o,
            heads*d_v) or (heads, d_o, d_v). Optional; by default: the concatenated outputs of the heads
            are the output.
        b_q: The query bias. Shape (heads*d_k) or (heads, d_k). Optional; by default: none.
        b_k: The key bias. Shape (kv_heads*d_k) or (kv_heads, d_k). Optional; by default: none.
        b_v: The value bias. Shape (kv_heads*d_v) or (kv_heads, d_v). Optional; by default: none.
        b_o: The output bias. Shape (d_o). Optional; by default: none.
        positional_encoding: Added to the tokens. Shape (..., n, d); transposed by layout: (..., d, n).
            Optional; by default: none.
        positions: The position of each token. Shape (..., n). Optional; by default: 0, 1, 2 and so on.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        key_padding_mask: The keys that are padding, to which no query attends: booleans, true for
            padding. Shape (..., n). Optional; by default: none is padding.
        dropout_mask: The weights to keep: booleans, or 1 for kept and 0 for dropped. Broadcasts to (...,
            n, n); transposed by orientation: (..., n, n). Optional; by default: nothing is dropped.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        causal: Whether a query attends only to keys no later than itself. If there are more keys than
            queries, see causal_alignment.
        causal_alignment: The alignment of queries with keys for causal and window, if their numbers
            differ. upper_left: query i with key i, as if both sequences began together; lower_right: the
            last query with the last key, as when decoding with a cache of earlier keys. Default:
            upper_left.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        layout: Whether tokens are rows (Q = X W_Q) or columns (Q = W_Q X) of every matrix.
        """


class CrossAttentionAnswer(Answer):
    """The answer of cross_attention."""

    input: Array
    """The tokens with their positions added. Axes: token, d."""
    context_input: Array
    """The context with its positions added. Axes: token, d_c."""
    query: Array
    """The queries. Axes: query, d_k."""
    key: Array
    """The keys. Axes: key, d_k."""
    value: Array
    """The values. Axes: key, d_v."""
    rotated_query: Array
    """The queries rotated by their positions. Axes: query, d_k."""
    rotated_key: Array
    """The keys rotated by their positions. Axes: key, d_k."""
    scores: Array
    """The dot product of every query with every key. Axes: query, key."""
    scaled_scores: Array
    """The scores times the scale. Axes: query, key."""
    capped_scores: Array
    """The scaled scores after the softcap. Axes: query, key."""
    masked_scores: Array
    """The argument of the softmax: -infinity where attending is not allowed. Axes: query, key."""
    weights: Array
    """The attention weights: for each query a distribution over the keys; zeros if it may attend to no
    key. Axes: query, key.
    """
    entropy: Array
    """The entropy of each query's weights, in nats: 0 for a single key, log m for m equal weights. A
    weight of 0 adds nothing and passes no gradient. Axes: query.
    """
    argmax: Array
    """The key that each query attends to most, the first among equals; -1 if there is none. Axes: query."""
    dropped_weights: Array
    """The kept weights, divided by 1 - dropout_rate. Axes: query, key."""
    head_outputs: Array
    """The weighted sums of the values, head by head. Axes: query, d_v."""
    output: Array
    """The concatenated heads, through the output projection if there is one. Axes: query, d_o."""


class CrossAttention(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        context: TensorLike = LEFT_OUT,
        w_q: TensorLike = LEFT_OUT,
        w_k: TensorLike = LEFT_OUT,
        w_v: TensorLike = LEFT_OUT,
        w_o: TensorLike = LEFT_OUT,
        b_q: TensorLike = LEFT_OUT,
        b_k: TensorLike = LEFT_OUT,
        b_v: TensorLike = LEFT_OUT,
        b_o: TensorLike = LEFT_OUT,
        positional_encoding: TensorLike = LEFT_OUT,
        context_positional_encoding: TensorLike = LEFT_OUT,
        positions: TensorLike = LEFT_OUT,
        context_positions: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        key_padding_mask: TensorLike = LEFT_OUT,
        dropout_mask: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        causal: bool = False,
        causal_alignment: Literal["upper_left", "lower_right"] = LEFT_OUT,
        window: int | Sequence[int] = LEFT_OUT,
        softcap: float | str = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        layout: Literal["rows", "columns"] = "rows",
        **further: Unpack[Computation],
    ) -> Result:
        """Cross-attention: queries from the tokens, keys and values from a context.

        x: The tokens of the queries. Shape (..., n, d); transposed by layout: (..., d, n). Required,
            unless values that take its place are given.
        context: The tokens of the keys and values. Shape (..., m, d_c); transposed by layout: (..., d_c,
            m). Required, unless values that take its place are given.
        w_q: The query weights, heads concatenated or stacked. Shape (d, heads*d_k) or (heads, d, d_k);
            transposed by layout: (heads*d_k, d) or (heads, d_k, d). Required, unless values that take its
            place are given.
        w_k: The key weights. Shape (d_c, kv_heads*d_k) or (kv_heads, d_c, d_k); transposed by layout:
            (kv_heads*d_k, d_c) or (kv_heads, d_k, d_c). Required, unless values that take its place are
            given.
        w_v: The value weights. Shape (d_c, kv_heads*d_v) or (kv_heads, d_c, d_v); transposed by layout:
            (kv_heads*d_v, d_c) or (kv_heads, d_v, d_c). Optional; by default: the identity: the values
            are the context.
        w_o: The output weights. Shape (heads*d_v, d_o) or (heads, d_v, d_o); transposed by layout: (d_o,
            heads*d_v) or (heads, d_o, d_v). Optional; by default: the concatenated outputs of the heads
            are the output.
        b_q: The query bias. Shape (heads*d_k) or (heads, d_k). Optional; by default: none.
        b_k: The key bias. Shape (kv_heads*d_k) or (kv_heads, d_k). Optional; by default: none.
        b_v: The value bias. Shape (kv_heads*d_v) or (kv_heads, d_v). Optional; by default: none.
        b_o: The output bias. Shape (d_o). Optional; by default: none.
        positional_encoding: Added to the tokens. Shape (..., n, d); transposed by layout: (..., d, n).
            Optional; by default: none.
        context_positional_encoding: Added to the context. Shape (..., m, d_c); transposed by layout:
            (..., d_c, m). Optional; by default: none.
        positions: The position of each token. Shape (..., n). Optional; by default: 0, 1, 2 and so on.
        context_positions: The position of each token of the context. Shape (..., m). Optional; by
            default: 0, 1, 2 and so on.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        key_padding_mask: The keys that are padding, to which no query attends: booleans, true for
            padding. Shape (..., m). Optional; by default: none is padding.
        dropout_mask: The weights to keep: booleans, or 1 for kept and 0 for dropped. Broadcasts to (...,
            n, m); transposed by orientation: (..., m, n). Optional; by default: nothing is dropped.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        causal: Whether a query attends only to keys no later than itself. If there are more keys than
            queries, see causal_alignment.
        causal_alignment: The alignment of queries with keys for causal and window, if their numbers
            differ. upper_left: query i with key i, as if both sequences began together; lower_right: the
            last query with the last key, as when decoding with a cache of earlier keys. Default:
            upper_left.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        layout: Whether tokens are rows (Q = X W_Q) or columns (Q = W_Q X) of every matrix.
        """


class PositionalEncodingAnswer(Answer):
    """The answer of positional_encoding."""

    positions: Array
    """The positions. Axes: position."""
    frequencies: Array
    """The angular frequency of each pair of columns. Axes: pair."""
    angles: Array
    """Position times frequency. Axes: position, pair."""
    output: Array
    """The encoding of each position. Axes: position, column."""
    rotation: Array
    """The matrix that maps the encoding of t to that of t + relative_shift: p(t + s) = R p(t). Axes:
    column, column.
    """
    shifted: Array
    """The rotated encoding of each position whose shifted position exists. Axes: position, column."""
    shift_error: Array
    """The shifted encoding minus the true one. Axes: position, column."""


class PositionalEncoding(Protocol[Result]):
    def __call__(
        self,
        *,
        length: int,
        dimension: int = 1,
        kind: Literal["sinusoidal", "integer", "normalized"] = "sinusoidal",
        base: float | str = LEFT_OUT,
        relative_shift: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """Positional encodings: sinusoidal, integer or normalized.

        length: The number of positions.
        dimension: The number of columns of the encoding.
        kind: sinusoidal: alternating sines and cosines, positions from 0. integer: 1, 2, 3, ... in every
            column. normalized: the same divided by the length.
        base: For sinusoidal: the base of the frequencies. Default: 10000.
        relative_shift: s: requests the rotation that maps position t to t + s, the same for every t, and
            its error. Only for sinusoidal encodings of even dimension.
        """


class RotaryEmbeddingAnswer(Answer):
    """The answer of rotary_embedding."""

    angles: Array
    """The rotation angle of each coordinate's pair; 0 if it is not rotated. Axes: token, d."""
    cosines: Array
    """The cosines of the angles. Axes: token, d."""
    sines: Array
    """The sines of the angles. Axes: token, d."""
    output: Array
    """The tokens with their pairs rotated. Axes: token, d."""


class RotaryEmbedding(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        positions: TensorLike = LEFT_OUT,
        pairing: Literal["interleaved", "half_split"] = "interleaved",
        rotary_dimension: int = LEFT_OUT,
        base: float | str = 10000,
        layout: Literal["rows", "columns"] = "rows",
        **further: Unpack[Computation],
    ) -> Result:
        """Rotary position embedding: each pair of coordinates is rotated by position times frequency.

        x: Queries or keys. Shape (..., n, d); transposed by layout: (..., d, n). Required, unless values
            that take its place are given.
        positions: The position of each token. Shape (..., n). Optional; by default: 0, 1, 2 and so on.
        pairing: The pairs of coordinates. interleaved: 2i and 2i + 1; half_split: i and i + r/2, for r
            rotated coordinates.
        rotary_dimension: The number of rotated coordinates, from the first on; an even number. Default:
            all.
        base: The base of the frequencies: pair i of r coordinates is rotated by base^(-2i/r) per
            position.
        layout: Whether tokens are rows (Q = X W_Q) or columns (Q = W_Q X) of every matrix.
        """


class Conv1dAnswer(Answer):
    """The answer of conv1d."""

    patches: Array
    """The windows as columns (im2col): the kernel as a row vector times this is the output. Axes: tap,
    position.
    """
    kernel_matrix: Array
    """The layer as one matrix: this times the input as a column vector is the output without the bias.
    Axes: entry, entry.
    """
    output: Array
    """The kernel applied to each window. Axes: position."""


class Conv1d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        kernel: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        stride: int = 1,
        padding: int | Sequence[int] | Literal["same", "valid"] = 0,
        dilation: int = 1,
        groups: int = 1,
        mode: Literal["cross_correlation", "convolution"] = "cross_correlation",
        **further: Unpack[Computation],
    ) -> Result:
        """A convolution over one axis.

        x: The input, without channels, with channels, or with channels and a batch. Shape (W) or
            (groups*c, W) or (B, groups*c, W). Required, unless values that take its place are given.
        kernel: The weights of a window. Shape (w) or (c, w) or (groups*f, c, w). Required, unless values
            that take its place are given.
        bias: One number per filter. Broadcasts to (groups*f). Optional; by default: none.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        stride: The step between windows.
        padding: Zeros around the input: one number, [before, after], same (size / stride windows, rounded
            up; an odd zero comes after) or valid (none).
        dilation: The step between entries of a window.
        groups: The number of groups of channels and filters; each filter sees only its group's channels.
        mode: cross_correlation: the kernel as it is; convolution: the kernel flipped along each axis.
        """


class Conv2dAnswer(Answer):
    """The answer of conv2d."""

    patches: Array
    """The windows as columns (im2col): the kernel as a row vector times this is the output. Axes: tap,
    position.
    """
    kernel_matrix: Array
    """The layer as one matrix: this times the input as a column vector is the output without the bias.
    Axes: entry, entry.
    """
    output: Array
    """The kernel applied to each window. Axes: row, column."""


class Conv2d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        kernel: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        mode: Literal["cross_correlation", "convolution"] = "cross_correlation",
        **further: Unpack[Computation],
    ) -> Result:
        """A convolution over two axes.

        x: The input, without channels, with channels, or with channels and a batch. Shape (H, W) or
            (groups*c, H, W) or (B, groups*c, H, W). Required, unless values that take its place are
            given.
        kernel: The weights of a window. Shape (h, w) or (c, h, w) or (groups*f, c, h, w). Required,
            unless values that take its place are given.
        bias: One number per filter. Broadcasts to (groups*f). Optional; by default: none.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        stride: The step between windows: one number, or [down, across].
        padding: Zeros around the input: one number, [rows, columns], [[top, bottom], [left, right]], same
            (size / stride windows, rounded up; an odd zero comes after) or valid (none).
        dilation: The step between entries of a window: one number, or [down, across].
        groups: The number of groups of channels and filters; each filter sees only its group's channels.
        mode: cross_correlation: the kernel as it is; convolution: the kernel flipped along each axis.
        """


class ConvTranspose1dAnswer(Answer):
    """The answer of conv_transpose1d."""

    kernel_matrix: Array
    """The layer as one matrix: the transpose of the matrix of the convolution with this kernel. Axes:
    entry, entry.
    """
    patches: Array
    """The windows, as columns, of the input with zeros between and around its entries: each filter's
    flipped kernel as a row vector times this is the output without the bias. Axes: tap, position.
    """
    output: Array
    """The sum over entries of the input of the entry times the shifted kernel. Axes: position."""


class ConvTranspose1d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        kernel: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        stride: int = 1,
        padding: int | Sequence[int] | Literal["same", "valid"] = 0,
        output_padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        **further: Unpack[Computation],
    ) -> Result:
        """A transposed convolution over one axis: the VJP of conv1d.

        x: The input, without channels, with channels, or with channels and a batch. Shape (W) or (C, W)
            or (B, C, W). Required, unless values that take its place are given.
        kernel: The weights; channels of x, then filters. Shape (w) or (C, w) or (C, f, w). Required,
            unless values that take its place are given.
        bias: One number per filter. Broadcasts to (groups*f). Optional; by default: none.
        stride: The step between windows.
        padding: Entries cut from the ends of the output, the padding of the convolution whose transpose
            this is: one number, [before, after], same (the output is the stride times as long as the
            input; an odd entry is cut at the end, and zeros are added at the end if the kernel is shorter
            than the stride) or valid (nothing).
        output_padding: The number of entries added at the end of the output, less than the stride or the
            dilation; 0 with padding same.
        dilation: The step between entries of a window.
        groups: The number of groups of channels and filters; each filter sees only its group's channels.
        """


class ConvTranspose2dAnswer(Answer):
    """The answer of conv_transpose2d."""

    kernel_matrix: Array
    """The layer as one matrix: the transpose of the matrix of the convolution with this kernel. Axes:
    entry, entry.
    """
    patches: Array
    """The windows, as columns, of the input with zeros between and around its entries: each filter's
    flipped kernel as a row vector times this is the output without the bias. Axes: tap, position.
    """
    output: Array
    """The sum over entries of the input of the entry times the shifted kernel. Axes: row, column."""


class ConvTranspose2d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        kernel: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid"] = 0,
        output_padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        **further: Unpack[Computation],
    ) -> Result:
        """A transposed convolution over two axes: the VJP of conv2d.

        x: The input, without channels, with channels, or with channels and a batch. Shape (H, W) or (C,
            H, W) or (B, C, H, W). Required, unless values that take its place are given.
        kernel: The weights; channels of x, then filters. Shape (h, w) or (C, h, w) or (C, f, h, w).
            Required, unless values that take its place are given.
        bias: One number per filter. Broadcasts to (groups*f). Optional; by default: none.
        stride: The step between windows: one number, or [down, across].
        padding: Entries cut from the ends of the output, the padding of the convolution whose transpose
            this is: one number, [rows, columns], [[top, bottom], [left, right]], same (the output is the
            stride times as long as the input; an odd entry is cut at the end, and zeros are added at the
            end if the kernel is shorter than the stride) or valid (nothing).
        output_padding: The numbers of rows and columns added at the end of the output, on each axis less
            than the stride or the dilation; 0 with padding same.
        dilation: The step between entries of a window: one number, or [down, across].
        groups: The number of groups of channels and filters; each filter sees only its group's channels.
        """


class MaxPool1dAnswer(Answer):
    """The answer of max_pool1d."""

    winners: Array
    """The flat index in the input (row by row) of each window's maximum, the first among equals. Axes:
    position.
    """
    output: Array
    """The maximum of each window. Axes: position."""


class MaxPool1d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        size: int = LEFT_OUT,
        stride: int = LEFT_OUT,
        padding: int | Sequence[int] | Literal["same", "valid"] = 0,
        dilation: int = 1,
        ceil_mode: bool = False,
        ties: Literal["first", "split", "all"] = "first",
        **further: Unpack[Computation],
    ) -> Result:
        """The maximum of each window along one axis.

        x: The input; the axes before the last are batch and channels. Shape (..., W). Required, unless
            values that take its place are given.
        size: The length of a window. Default: the whole input.
        stride: The step between windows. Default: the length of a window.
        padding: Padding of -Infinity around the input, never the maximum: one number, [before, after],
            same (size / stride windows, rounded up; an odd entry comes after) or valid (none).
        dilation: The step between entries of a window.
        ceil_mode: Whether the last window may extend beyond the input, if it starts inside it.
        ties: The gradient of equal maxima: to the first, in equal parts to all, or in full to each.
        """


class MaxPool2dAnswer(Answer):
    """The answer of max_pool2d."""

    winners: Array
    """The flat index in the input (row by row) of each window's maximum, the first among equals. Axes:
    row, column.
    """
    output: Array
    """The maximum of each window. Axes: row, column."""


class MaxPool2d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        size: int | Sequence[int] = LEFT_OUT,
        stride: int | Sequence[int] = LEFT_OUT,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        ties: Literal["first", "split", "all"] = "first",
        **further: Unpack[Computation],
    ) -> Result:
        """The maximum of each window over two axes.

        x: The input; the axes before the last two are batch and channels. Shape (..., H, W). Required,
            unless values that take its place are given.
        size: The size of a window: one number, or [rows, columns]. Default: the whole input.
        stride: The step between windows: one number, or [down, across]. Default: the size of a window.
        padding: Padding of -Infinity around the input, never the maximum: one number, [rows, columns],
            [[top, bottom], [left, right]], same (size / stride windows, rounded up; an odd entry comes
            after) or valid (none).
        dilation: The step between entries of a window: one number, or [down, across].
        ceil_mode: Whether the last window may extend beyond the input, if it starts inside it.
        ties: The gradient of equal maxima: to the first, in equal parts to all, or in full to each.
        """


class AveragePool1dAnswer(Answer):
    """The answer of average_pool1d."""

    output: Array
    """The average of each window. Axes: position."""


class AveragePool1d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        size: int = LEFT_OUT,
        stride: int = LEFT_OUT,
        padding: int | Sequence[int] | Literal["same", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        **further: Unpack[Computation],
    ) -> Result:
        """The average of each window along one axis.

        x: The input; the axes before the last are batch and channels. Shape (..., W). Required, unless
            values that take its place are given.
        size: The length of a window. Default: the whole input.
        stride: The step between windows. Default: the length of a window.
        padding: Zeros around the input: one number, [before, after], same (size / stride windows, rounded
            up; an odd zero comes after) or valid (none).
        ceil_mode: Whether the last window may extend beyond the input, if it starts inside it.
        count_include_pad: Whether zeros of the padding count in the average.
        """


class AveragePool2dAnswer(Answer):
    """The answer of average_pool2d."""

    output: Array
    """The average of each window. Axes: row, column."""


class AveragePool2d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        size: int | Sequence[int] = LEFT_OUT,
        stride: int | Sequence[int] = LEFT_OUT,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid"] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        **further: Unpack[Computation],
    ) -> Result:
        """The average of each window over two axes.

        x: The input; the axes before the last two are batch and channels. Shape (..., H, W). Required,
            unless values that take its place are given.
        size: The size of a window: one number, or [rows, columns]. Default: the whole input.
        stride: The step between windows: one number, or [down, across]. Default: the size of a window.
        padding: Zeros around the input: one number, [rows, columns], [[top, bottom], [left, right]], same
            (size / stride windows, rounded up; an odd zero comes after) or valid (none).
        ceil_mode: Whether the last window may extend beyond the input, if it starts inside it.
        count_include_pad: Whether zeros of the padding count in the average.
        """


class LpPool1dAnswer(Answer):
    """The answer of lp_pool1d."""

    output: Array
    """The norm of each window. Axes: position."""


class LpPool1d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        p: float | str = 2,
        size: int = LEFT_OUT,
        stride: int = LEFT_OUT,
        padding: int | Sequence[int] | Literal["same", "valid"] = 0,
        dilation: int = 1,
        ceil_mode: bool = False,
        **further: Unpack[Computation],
    ) -> Result:
        """The p-norm of each window along one axis: (sum of |x|^p)^(1/p).

        x: The input; the axes before the last are batch and channels. Shape (..., W). Required, unless
            values that take its place are given.
        p: p of the norm (sum of |x|^p)^(1/p), a number above zero.
        size: The length of a window. Default: the whole input.
        stride: The step between windows. Default: the length of a window.
        padding: Zeros around the input: one number, [before, after], same (size / stride windows, rounded
            up; an odd zero comes after) or valid (none).
        dilation: The step between entries of a window.
        ceil_mode: Whether the last window may extend beyond the input, if it starts inside it.
        """


class LpPool2dAnswer(Answer):
    """The answer of lp_pool2d."""

    output: Array
    """The norm of each window. Axes: row, column."""


class LpPool2d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        p: float | str = 2,
        size: int | Sequence[int] = LEFT_OUT,
        stride: int | Sequence[int] = LEFT_OUT,
        padding: int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid"] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        **further: Unpack[Computation],
    ) -> Result:
        """The p-norm of each window over two axes: (sum of |x|^p)^(1/p).

        x: The input; the axes before the last two are batch and channels. Shape (..., H, W). Required,
            unless values that take its place are given.
        p: p of the norm (sum of |x|^p)^(1/p), a number above zero.
        size: The size of a window: one number, or [rows, columns]. Default: the whole input.
        stride: The step between windows: one number, or [down, across]. Default: the size of a window.
        padding: Zeros around the input: one number, [rows, columns], [[top, bottom], [left, right]], same
            (size / stride windows, rounded up; an odd zero comes after) or valid (none).
        dilation: The step between entries of a window: one number, or [down, across].
        ceil_mode: Whether the last window may extend beyond the input, if it starts inside it.
        """


class MaxUnpool2dAnswer(Answer):
    """The answer of max_unpool2d."""

    output: Array
    """Zeros, with each entry of x at the index of its maximum. Axes: row, column."""


class MaxUnpool2d(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        winners: TensorLike = LEFT_OUT,
        size: int | Sequence[int] = 2,
        stride: int | Sequence[int] = LEFT_OUT,
        padding: int | Sequence[int] = 0,
        output_size: int | Sequence[int] = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """Max unpooling, a partial inverse of max pooling: each maximum back at its index, zeros
            elsewhere.

        x: The pooled values. Shape (..., h, w). Required, unless values that take its place are given.
        winners: The flat index (row by row) of each maximum in the output. Shape (..., h, w). Required,
            unless values that take its place are given.
        size: The size of the pooling's windows: one number, or [rows, columns].
        stride: The step between windows: one number, or [down, across]. Default: the size of a window.
        padding: The padding of the pooling, as size.
        output_size: [rows, columns] of the output. Default: (h - 1) stride + size - 2 padding.
        """


class RnnAnswer(Answer):
    """The answer of rnn."""

    input_weights: Array
    """The part of one layer and direction, if there are several. Axes: in, out."""
    recurrent_weights: Array
    """The part of one layer and direction, if there are several. Axes: in, out."""
    bias: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    hidden_bias: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    peephole_weights: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    preactivation: Array
    """At every step: the argument of the activation. Axes: step, unit."""
    hidden: Array
    """At every step: the hidden state. Axes: step, unit."""
    output: Array
    """The hidden states of the last layer; 0 beyond the end of a sequence. Axes: step, unit."""
    final_hidden: Array
    """The hidden state after the last step. Axes: unit."""


class Rnn(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        w_x: TensorLike = LEFT_OUT,
        w_h: TensorLike = LEFT_OUT,
        b: TensorLike = LEFT_OUT,
        b_h: TensorLike = LEFT_OUT,
        h_0: TensorLike = LEFT_OUT,
        lengths: TensorLike = LEFT_OUT,
        w_x_upper: TensorLike = LEFT_OUT,
        activation: ActivationChoice = "tanh",
        layers: int = 1,
        direction: Literal["forward", "reverse", "both"] = "forward",
        weights: Literal["in_out", "out_in"] = "in_out",
        clip: float | str = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A recurrent layer: h_t = activation(x_t W_x + h_{t-1} W_h + b).

        x: The sequence; the axes before the last two are batch axes. Shape (..., t, d). Required, unless
            values that take its place are given.
        w_x: The weights of the input; with direction both, an axis of directions in front. Shape (d, h)
            or (directions, d, h); transposed by weights: (h, d) or (directions, h, d). Required, unless
            values that take its place are given.
        w_h: The weights of the previous state. Several layers or directions have axes in front. Shape (h,
            h) or (stack, h, h) or (layers, directions, h, h); transposed by weights: (h, h) or (stack, h,
            h) or (layers, directions, h, h). Required, unless values that take its place are given.
        b: The bias. Several layers or directions have axes in front. Shape (h) or (stack, h) or (layers,
            directions, h). Optional; by default: none.
        b_h: A second bias, of the previous state's term. Several layers or directions have axes in front.
            Shape (h) or (stack, h) or (layers, directions, h). Optional; by default: none.
        h_0: The hidden state before the first step, (h) or (batch, h). Several layers or directions have
            axes before the last. Broadcasts to (h). Optional; by default: zeros.
        lengths: The length of each sequence. Beyond it states do not change and the output is 0.
            Broadcasts to (...). Optional; by default: all steps.
        w_x_upper: The input weights of layers above the first, whose input is the output, of size u, of
            the layer below. Shape (upper, u, h) or (upper, directions, u, h); transposed by weights:
            (upper, h, u) or (upper, directions, h, u). Optional; by default: there is one layer.
        activation: The activation of the sum of both terms.
        layers: The number of stacked layers; the input of each is the output of the one below.
        direction: The order of steps: from the first, from the last, or both, with two sets of weights
            whose outputs are concatenated.
        weights: The layout of weights. in_out: (in, out), so that x W_x; out_in: (out, in), as PyTorch's
            and ONNX's.
        clip: Clips the argument of every activation to [-clip, clip]; none by default.
        """


class LstmAnswer(Answer):
    """The answer of lstm."""

    input_weights: Array
    """The part of one layer and direction, if there are several. Axes: in, out."""
    recurrent_weights: Array
    """The part of one layer and direction, if there are several. Axes: in, out."""
    bias: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    hidden_bias: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    peephole_weights: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    preactivation: Array
    """At every step: the arguments of the gates, in the order of the weights. Axes: step, unit."""
    input_gate: Array
    """At every step: the fraction of the candidate that enters the cell. Axes: step, unit."""
    forget_gate: Array
    """At every step: the fraction of the cell that is kept. Axes: step, unit."""
    candidate: Array
    """At every step: the candidate for the cell. Axes: step, unit."""
    output_gate: Array
    """At every step: the fraction of the cell that is output. Axes: step, unit."""
    cell: Array
    """At every step: the cell. Axes: step, unit."""
    hidden: Array
    """At every step: the hidden state. Axes: step, unit."""
    output: Array
    """The hidden states of the last layer; 0 beyond the end of a sequence. Axes: step, unit."""
    final_hidden: Array
    """The hidden state after the last step. Axes: unit."""
    final_cell: Array
    """The cell state after the last step. Axes: unit."""


class Lstm(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        w_x: TensorLike = LEFT_OUT,
        w_h: TensorLike = LEFT_OUT,
        b: TensorLike = LEFT_OUT,
        b_h: TensorLike = LEFT_OUT,
        h_0: TensorLike = LEFT_OUT,
        c_0: TensorLike = LEFT_OUT,
        peepholes: TensorLike = LEFT_OUT,
        lengths: TensorLike = LEFT_OUT,
        w_x_upper: TensorLike = LEFT_OUT,
        gate_order: GateOrderChoice = "input_forget_candidate_output",
        gate_activation: ActivationChoice = "sigmoid",
        activation: ActivationChoice = "tanh",
        cell_activation: ActivationChoice = "tanh",
        coupled: bool = False,
        layers: int = 1,
        direction: Literal["forward", "reverse", "both"] = "forward",
        weights: Literal["in_out", "out_in"] = "in_out",
        clip: float | str = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """Long short-term memory: c_t = f c_{t-1} + i g, h_t = o tanh(c_t).

        x: The sequence; the axes before the last two are batch axes. Shape (..., t, d). Required, unless
            values that take its place are given.
        w_x: The weights of the input; with direction both, an axis of directions in front. Shape (d, 4*h)
            or (directions, d, 4*h); transposed by weights: (4*h, d) or (directions, 4*h, d). Required,
            unless values that take its place are given.
        w_h: The weights of the previous state. Several layers or directions have axes in front. Shape (h,
            4*h) or (stack, h, 4*h) or (layers, directions, h, 4*h); transposed by weights: (4*h, h) or
            (stack, 4*h, h) or (layers, directions, 4*h, h). Required, unless values that take its place
            are given.
        b: The bias. Several layers or directions have axes in front. Shape (4*h) or (stack, 4*h) or
            (layers, directions, 4*h). Optional; by default: none.
        b_h: A second bias, of the previous state's term. Several layers or directions have axes in front.
            Shape (4*h) or (stack, 4*h) or (layers, directions, 4*h). Optional; by default: none.
        h_0: The hidden state before the first step, (h) or (batch, h). Several layers or directions have
            axes before the last. Broadcasts to (h). Optional; by default: zeros.
        c_0: The cell before the first step, (h) or (batch, h). Several layers or directions have axes
            before the last. Broadcasts to (h). Optional; by default: zeros.
        peepholes: The weights of the cell, entry by entry, in the input, the output and the forget gate.
            Shape (3, h) or (stack, 3, h) or (layers, directions, 3, h). Optional; by default: no
            peepholes.
        lengths: The length of each sequence. Beyond it states do not change and the output is 0.
            Broadcasts to (...). Optional; by default: all steps.
        w_x_upper: The input weights of layers above the first, whose input is the output, of size u, of
            the layer below. Shape (upper, u, 4*h) or (upper, directions, u, 4*h); transposed by weights:
            (upper, 4*h, u) or (upper, directions, 4*h, u). Optional; by default: there is one layer.
        gate_order: The order of gates in the weights and biases: the first is PyTorch's, the second
            ONNX's.
        gate_activation: The activation of the three gates.
        activation: The activation of the candidate.
        cell_activation: The activation of the cell, before the output gate.
        coupled: Whether the forget gate is 1 minus the input gate; its weights are then unused.
        layers: The number of stacked layers; the input of each is the output of the one below.
        direction: The order of steps: from the first, from the last, or both, with two sets of weights
            whose outputs are concatenated.
        weights: The layout of weights. in_out: (in, out), so that x W_x; out_in: (out, in), as PyTorch's
            and ONNX's.
        clip: Clips the argument of every activation to [-clip, clip]; none by default.
        """


class GruAnswer(Answer):
    """The answer of gru."""

    input_weights: Array
    """The part of one layer and direction, if there are several. Axes: in, out."""
    recurrent_weights: Array
    """The part of one layer and direction, if there are several. Axes: in, out."""
    bias: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    hidden_bias: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    peephole_weights: Array
    """The part of one layer and direction, if there are several. Axes: out."""
    input_terms: Array
    """At every step: the input's terms of gates and candidate, with the bias. Axes: step, unit."""
    hidden_terms: Array
    """At every step: the previous state's terms, with its bias; for reset_after false of the gates only.
    Axes: step, unit.
    """
    reset_gate: Array
    """At every step: the fraction of the previous state that enters the candidate. Axes: step, unit."""
    update_gate: Array
    """At every step: the fraction of the previous state that is kept. Axes: step, unit."""
    candidate: Array
    """At every step: the candidate for the next state. Axes: step, unit."""
    hidden: Array
    """At every step: the hidden state. Axes: step, unit."""
    output: Array
    """The hidden states of the last layer; 0 beyond the end of a sequence. Axes: step, unit."""
    final_hidden: Array
    """The hidden state after the last step. Axes: unit."""


class Gru(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        w_x: TensorLike = LEFT_OUT,
        w_h: TensorLike = LEFT_OUT,
        b: TensorLike = LEFT_OUT,
        b_h: TensorLike = LEFT_OUT,
        h_0: TensorLike = LEFT_OUT,
        lengths: TensorLike = LEFT_OUT,
        w_x_upper: TensorLike = LEFT_OUT,
        reset_after: bool = True,
        gate_order: GateOrderChoice_ = "reset_update_candidate",
        gate_activation: ActivationChoice = "sigmoid",
        activation: ActivationChoice = "tanh",
        layers: int = 1,
        direction: Literal["forward", "reverse", "both"] = "forward",
        weights: Literal["in_out", "out_in"] = "in_out",
        clip: float | str = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """Gated recurrent units: h_t = (1 - z) n + z h_{t-1}.

        x: The sequence; the axes before the last two are batch axes. Shape (..., t, d). Required, unless
            values that take its place are given.
        w_x: The weights of the input; with direction both, an axis of directions in front. Shape (d, 3*h)
            or (directions, d, 3*h); transposed by weights: (3*h, d) or (directions, 3*h, d). Required,
            unless values that take its place are given.
        w_h: The weights of the previous state. Several layers or directions have axes in front. Shape (h,
            3*h) or (stack, h, 3*h) or (layers, directions, h, 3*h); transposed by weights: (3*h, h) or
            (stack, 3*h, h) or (layers, directions, 3*h, h). Required, unless values that take its place
            are given.
        b: The bias. Several layers or directions have axes in front. Shape (3*h) or (stack, 3*h) or
            (layers, directions, 3*h). Optional; by default: none.
        b_h: A second bias, of the previous state's term. Several layers or directions have axes in front.
            Shape (3*h) or (stack, 3*h) or (layers, directions, 3*h). Optional; by default: none.
        h_0: The hidden state before the first step, (h) or (batch, h). Several layers or directions have
            axes before the last. Broadcasts to (h). Optional; by default: zeros.
        lengths: The length of each sequence. Beyond it states do not change and the output is 0.
            Broadcasts to (...). Optional; by default: all steps.
        w_x_upper: The input weights of layers above the first, whose input is the output, of size u, of
            the layer below. Shape (upper, u, 3*h) or (upper, directions, u, 3*h); transposed by weights:
            (upper, 3*h, u) or (upper, directions, 3*h, u). Optional; by default: there is one layer.
        reset_after: Whether the reset gate is applied to h_{t-1} W_h + b_h, as in PyTorch; otherwise to
            h_{t-1}, as in the paper and by default in ONNX.
        gate_order: The order of gates in the weights and biases: the first is PyTorch's, the second
            ONNX's.
        gate_activation: The activation of both gates.
        activation: The activation of the candidate.
        layers: The number of stacked layers; the input of each is the output of the one below.
        direction: The order of steps: from the first, from the last, or both, with two sets of weights
            whose outputs are concatenated.
        weights: The layout of weights. in_out: (in, out), so that x W_x; out_in: (out, in), as PyTorch's
            and ONNX's.
        clip: Clips the argument of every activation to [-clip, clip]; none by default.
        """


class LayerNormAnswer(Answer):
    """The answer of layer_norm."""

    mean: Array
    """The mean over the normalized axes. Axes: token."""
    variance: Array
    """The mean squared distance from the mean over the normalized axes, divided by N, not N - 1. Axes:
    token.
    """
    inverse_deviation: Array
    """One over the square root of the variance plus epsilon. Axes: token."""
    normalized: Array
    """The entries minus the mean, over the deviation. Axes: feature."""
    output: Array
    """The normalized entries times the gain, plus the bias. Axes: feature."""


class LayerNorm(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        gain: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        axis: int = -1,
        axes: int | Sequence[int] = LEFT_OUT,
        epsilon: float | str = 1e-05,
        **further: Unpack[Computation],
    ) -> Result:
        """Layer normalization: (x - mean)/sqrt(variance + epsilon) gain + bias.

        x: The input; by default each row along its last axis is normalized. Shape (..., n, d) or (d).
            Required, unless values that take its place are given.
        gain: The factor of normalized entries, in the shape of the normalized axes. Broadcasts to (d).
            Optional; by default: ones.
        bias: Added after the gain, in the shape of the normalized axes. Broadcasts to (d). Optional; by
            default: zeros.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        axis: The first normalized axis; all axes after it are normalized too, as in ONNX. -2 corresponds
            to PyTorch's normalized_shape of two sizes.
        axes: The normalized axes, instead of axis: one axis, or a list of axes.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        """


class RmsNormAnswer(Answer):
    """The answer of rms_norm."""

    mean_square: Array
    """The mean of the squares over the normalized axes. Axes: token."""
    rms: Array
    """The square root of the mean square plus epsilon. Axes: token."""
    normalized: Array
    """The entries divided by the root mean square. Axes: feature."""
    output: Array
    """The normalized entries times the gain, plus the bias. Axes: feature."""


class RmsNorm(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        gain: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        axis: int = -1,
        axes: int | Sequence[int] = LEFT_OUT,
        epsilon: float | str = 1e-05,
        **further: Unpack[Computation],
    ) -> Result:
        """Normalization by the root mean square: x/sqrt(mean(x^2) + epsilon) gain + bias.

        x: The input; by default each row along its last axis is normalized. Shape (..., n, d) or (d).
            Required, unless values that take its place are given.
        gain: The factor of normalized entries, in the shape of the normalized axes. Broadcasts to (d).
            Optional; by default: ones.
        bias: Added after the gain, in the shape of the normalized axes. Broadcasts to (d). Optional; by
            default: zeros.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        axis: The first normalized axis; all axes after it are normalized too, as in ONNX. -2 corresponds
            to PyTorch's normalized_shape of two sizes.
        axes: The normalized axes, instead of axis: one axis, or a list of axes.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        """


class BatchNormAnswer(Answer):
    """The answer of batch_norm."""

    mean: Array
    """The mean over the batch and all positions, in inference the running one. Axes: channel."""
    variance: Array
    """The mean squared distance from the mean over the batch and all positions, in inference the running
    one, divided by N, not N - 1. Axes: channel.
    """
    inverse_deviation: Array
    """One over the square root of the variance plus epsilon. Axes: channel."""
    new_running_mean: Array
    """The running mean, updated with this batch. Axes: channel."""
    new_running_variance: Array
    """The running variance, updated with this batch. Axes: channel."""
    normalized: Array
    """The entries minus the mean, over the deviation. Axes: batch, channel, position."""
    output: Array
    """The normalized entries times the gain, plus the bias. Axes: batch, channel, position."""


class BatchNorm(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        gain: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        running_mean: TensorLike = LEFT_OUT,
        running_variance: TensorLike = LEFT_OUT,
        channel_axis: int = 1,
        training: bool = True,
        momentum: float | str = LEFT_OUT,
        momentum_of: Literal["batch", "running"] = "batch",
        unbiased_running_variance: bool = True,
        epsilon: float | str = 1e-05,
        **further: Unpack[Computation],
    ) -> Result:
        """Batch normalization: (x - mean)/sqrt(variance + epsilon) gain + bias, for each channel over the
            batch.

        x: The input: batch, channels, and then any positions. Shape (B, C, L) or (B, C) or (B, C, H, W)
            or (B, C, D, H, W) or (...). Required, unless values that take its place are given.
        gain: The factor of normalized entries, one number per channel. Broadcasts to (C). Optional; by
            default: ones.
        bias: Added after the gain, one number per channel. Broadcasts to (C). Optional; by default:
            zeros.
        running_mean: The running mean of previous batches. Broadcasts to (C). Optional; by default: not
            updated; required for inference.
        running_variance: The running variance of previous batches. Broadcasts to (C). Optional; by
            default: not updated; required for inference.
        channel_axis: The axis of channels; -1 if they come last. The first of the other axes is the
            batch; if the first axis is that of channels, there is no batch.
        training: Whether the batch's own statistics are used; otherwise the running statistics.
        momentum: The weight in the update of running statistics, from 0 to 1. Default: 0.1 of the batch.
        momentum_of: The statistics that the momentum m weighs. batch: new = (1 - m) running + m batch, as
            in PyTorch; running: new = m running + (1 - m) batch, as in ONNX and Keras.
        unbiased_running_variance: Whether running variances are updated with the batch's variance divided
            by N - 1 (PyTorch); otherwise by N (ONNX, Keras). Normalization always divides by N.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        """


class GroupNormAnswer(Answer):
    """The answer of group_norm."""

    mean: Array
    """The mean over a group of channels and all positions. Axes: batch, group."""
    variance: Array
    """The mean squared distance from the mean over a group of channels and all positions, divided by N,
    not N - 1. Axes: batch, group.
    """
    inverse_deviation: Array
    """One over the square root of the variance plus epsilon. Axes: batch, group."""
    normalized: Array
    """The entries minus the mean, over the deviation. Axes: batch, channel, position."""
    output: Array
    """The normalized entries times the gain, plus the bias. Axes: batch, channel, position."""


class GroupNorm(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        gain: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        groups: int,
        channel_axis: int = 1,
        epsilon: float | str = 1e-05,
        **further: Unpack[Computation],
    ) -> Result:
        """Group normalization: each group of channels of each sample is normalized over all positions.

        x: The input: batch, channels, and then any positions. Shape (B, C, L) or (B, C) or (B, C, H, W)
            or (B, C, D, H, W) or (...). Required, unless values that take its place are given.
        gain: The factor of normalized entries, one number per channel. Broadcasts to (C). Optional; by
            default: ones.
        bias: Added after the gain, one number per channel. Broadcasts to (C). Optional; by default:
            zeros.
        groups: The number of equal groups of consecutive channels; a divisor of their number.
        channel_axis: The axis of channels; -1 if they come last. The first of the other axes is the
            batch; if the first axis is that of channels, there is no batch.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        """


class InstanceNormAnswer(Answer):
    """The answer of instance_norm."""

    mean: Array
    """The mean over all positions of a channel. Axes: batch, channel."""
    variance: Array
    """The mean squared distance from the mean over all positions of a channel, divided by N, not N - 1.
    Axes: batch, channel.
    """
    inverse_deviation: Array
    """One over the square root of the variance plus epsilon. Axes: batch, channel."""
    normalized: Array
    """The entries minus the mean, over the deviation. Axes: batch, channel, position."""
    output: Array
    """The normalized entries times the gain, plus the bias. Axes: batch, channel, position."""


class InstanceNorm(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        gain: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        channel_axis: int = 1,
        epsilon: float | str = 1e-05,
        **further: Unpack[Computation],
    ) -> Result:
        """Instance normalization: each channel of each sample is normalized over all positions.

        x: The input: batch, channels, and then any positions. Shape (B, C, L) or (B, C) or (B, C, H, W)
            or (B, C, D, H, W) or (...). Required, unless values that take its place are given.
        gain: The factor of normalized entries, one number per channel. Broadcasts to (C). Optional; by
            default: ones.
        bias: Added after the gain, one number per channel. Broadcasts to (C). Optional; by default:
            zeros.
        channel_axis: The axis of channels; -1 if they come last. The first of the other axes is the
            batch; if the first axis is that of channels, there is no batch.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        """


class ActivationAnswer(Answer):
    """The answer of activation."""

    rectified: Array
    """For log_relu: relu(x), the argument of the logarithm. Axes: ."""
    output: Array
    """The function applied to each entry. Axes: ."""
    derivative: Array
    """The derivative of the function at each entry. Axes: ."""


class Activation(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        slope: TensorLike = LEFT_OUT,
        function: FunctionChoice,
        alpha: float | str = LEFT_OUT,
        beta: float | str = LEFT_OUT,
        gamma: float | str = LEFT_OUT,
        approximate: Literal["none", "tanh"] = LEFT_OUT,
        threshold: float | str = LEFT_OUT,
        value: float | str = LEFT_OUT,
        min_val: float | str = LEFT_OUT,
        max_val: float | str = LEFT_OUT,
        lambd: float | str = LEFT_OUT,
        bias: float | str = LEFT_OUT,
        lower: float | str = LEFT_OUT,
        upper: float | str = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """An activation function of each entry, with its derivative.

        x: The argument; the function is applied to each entry. Shape (...). Required, unless values that
            take its place are given.
        slope: For leaky_relu: the factor of entries below 0, one number. For prelu: the same factor,
            learned, of any shape that broadcasts to that of x, such as one number, or (C, 1, 1) for the
            channels of (B, C, H, W). Broadcasts to (...). Optional; by default: 0.01 for leaky_relu;
            required for prelu.
        function: The activation function.
        alpha: For elu, celu and selu: the limit at -infinity is -alpha, for selu times gamma. For silu: x
            sigmoid(alpha x). For hardsigmoid, affine and scaled_tanh: a factor. For thresholded_relu: the
            threshold.
        beta: For softplus: log(1 + exp(beta x)) / beta. For hardsigmoid and affine: the constant term.
            For scaled_tanh: alpha tanh(beta x).
        gamma: For selu: the overall factor.
        approximate: For gelu. none: with the error function; tanh: the approximation with tanh.
        threshold: For threshold: entries not above it are replaced by value. For softplus: the output is
            x itself where beta x is above it. Default for softplus: 20, as in PyTorch; none in exact
            arithmetic.
        value: For threshold: the replacement of entries not above it.
        min_val: For hardtanh: the lower bound.
        max_val: For hardtanh: the upper bound.
        lambd: For hardshrink, softshrink and shrink: entries of at most this absolute value become 0.
        bias: For shrink: the amount by which remaining entries move towards 0.
        lower: For rrelu: the smallest slope below 0. Inference uses the mean of lower and upper.
        upper: For rrelu: the largest slope below 0.
        """


class GluAnswer(Answer):
    """The answer of glu."""

    content: Array
    """The first half of the columns. Axes: column."""
    gate: Array
    """The second half of the columns. Axes: column."""
    openness: Array
    """The activation of the gate. Axes: column."""
    output: Array
    """The content, each entry times its openness. Axes: column."""


class Glu(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        function: ActivationChoice = "sigmoid",
        **further: Unpack[Computation],
    ) -> Result:
        """A gated linear unit: the last axis is split in two halves, and the second gates the first.

        x: Content and gate, side by side. Shape (..., columns). Required, unless values that take its
            place are given.
        function: The activation of the gate, with its default settings. sigmoid: GLU; relu: ReGLU; gelu:
            GEGLU; silu: SwiGLU; identity: bilinear.
        """


class SoftmaxAnswer(Answer):
    """The answer of softmax."""

    scaled: Array
    """The scores times the scale. Axes: ."""
    output: Array
    """A distribution for each row along the axis; zeros if every entry is -infinity. Axes: ."""
    row_jacobian: Array
    """For each row of weights p along the axis, the Jacobian diag(p) - p p^T with respect to the
    softmax's argument. The axis of x comes last, twice. Axes: output, input.
    """


class Softmax(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        axis: int = -1,
        scale: float | str = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """Exponentials along an axis, divided by their sum: exp(x_i) / sum over j of exp(x_j).

        x: The scores. Shape (...). Required, unless values that take its place are given.
        axis: The axis: 0 is the first, -1 the last.
        scale: A factor of x before the softmax (the beta of softargmax, or 1 / temperature).
        """


class SoftminAnswer(Answer):
    """The answer of softmin."""

    negated: Array
    """The negated scores. Axes: ."""
    output: Array
    """A distribution for each row along the axis, largest where x is smallest. Axes: ."""
    row_jacobian: Array
    """For each row of weights p along the axis, the Jacobian diag(p) - p p^T with respect to the
    softmax's argument. The axis of x comes last, twice. Axes: output, input.
    """


class Softmin(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        axis: int = -1,
        **further: Unpack[Computation],
    ) -> Result:
        """The softmax of -x: exp(-x_i) / sum over j of exp(-x_j).

        x: The scores. Shape (...). Required, unless values that take its place are given.
        axis: The axis: 0 is the first, -1 the last.
        """


class LogSoftmaxAnswer(Answer):
    """The answer of log_softmax."""

    output: Array
    """The logarithm of the softmax; -infinity where x is. Axes: ."""


class LogSoftmax(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        axis: int = -1,
        **further: Unpack[Computation],
    ) -> Result:
        """The logarithm of the softmax, x_i - log(sum over j of exp(x_j)), accurate also near 0.

        x: The scores. Shape (...). Required, unless values that take its place are given.
        axis: The axis: 0 is the first, -1 the last.
        """


class HardmaxAnswer(Answer):
    """The answer of hardmax."""

    output: Array
    """1 for the largest entry along the axis, the first among equals; 0 for the others. Axes: ."""


class Hardmax(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        axis: int = -1,
        **further: Unpack[Computation],
    ) -> Result:
        """The limit of the softmax for large scales: 1 for the largest entry along an axis, 0 for all
            others.

        x: The scores. Shape (...). Required, unless values that take its place are given.
        axis: The axis: 0 is the first, -1 the last.
        """


class LinearAnswer(Answer):
    """The answer of linear."""

    projected: Array
    """The vectors times the weights. Axes: d_out."""
    output: Array
    """The projected vectors plus the bias. Axes: d_out."""


class Linear(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        w: TensorLike = LEFT_OUT,
        b: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        weights: Literal["in_out", "out_in"] = "in_out",
        **further: Unpack[Computation],
    ) -> Result:
        """A linear layer: X W + b, for any number of vectors.

        x: A vector, or vectors as rows. Shape (..., d). Required, unless values that take its place are
            given.
        w: The weights. Shape (d, d_out); transposed by weights: (d_out, d). Required, unless values that
            take its place are given.
        b: The bias. Shape (d_out). Optional; by default: none.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        weights: The layout of weights. in_out: (d, d_out), so that y = x W; out_in: (d_out, d), as
            PyTorch's.
        """


class EmbeddingAnswer(Answer):
    """The answer of embedding."""

    vectors: Array
    """The row of the table for each index. Axes: d."""
    output: Array
    """The vectors, times the scale if there is one. Axes: d."""


class Embedding(Protocol[Result]):
    def __call__(
        self,
        *,
        indices: TensorLike = LEFT_OUT,
        weights: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        padding_index: int = LEFT_OUT,
        scale: float | str = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """An embedding: for each index a row of the table, which is a one-hot vector times the table.

        indices: The rows of the table: whole numbers from 0. Shape (...). Required, unless values that
            take its place are given.
        weights: The table, a vector per row. Shape (vocabulary, d). Required, unless values that take its
            place are given.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        padding_index: The row of the padding symbol, which gets no gradient; negative counts from the
            end. By default there is none.
        scale: A factor of the vectors, such as sqrt(d); none by default.
        """


class DropoutAnswer(Answer):
    """The answer of dropout."""

    mask: Array
    """The entries that are kept: all of them with training off. Axes: ."""
    output: Array
    """The activations after dropout. Axes: ."""
    expected_output: Array
    """The expected output over the masks that training draws. Axes: ."""
    output_variance: Array
    """The variance of each entry of the output. Axes: ."""
    weight_factor: Array
    """The factor of the next layer's weights when dropout is off, which keeps that layer's expected
    output unchanged. Axes: .
    """
    dense_output: Array
    """With w: the dense layer of the output. Axes: d_out."""
    expected_dense_output: Array
    """With w: its mean over all masks. Axes: d_out."""
    dense_variance: Array
    """With w: the variance of each of its entries. Entries are dropped independently, so it is the sum of
    the variances times the squared weights. Axes: d_out.
    """
    adjusted_w: Array
    """With w: the weights to use when dropout is off. Axes: d, d_out."""
    adjusted_dense_output: Array
    """With w: the dense layer of x itself with the adjusted weights. Axes: d_out."""
    all_masks: Array
    """Every mask of at most 12 entries, counted in binary from all dropped to all kept. Axes: ."""
    mask_probabilities: Array
    """The probability of each mask: the product of the rate for each dropped entry and 1 - rate for each
    kept entry. Axes: mask.
    """
    all_outputs: Array
    """The output of each mask. Axes: ."""
    mean_over_masks: Array
    """The sum of all outputs, each times the probability of its mask. It equals expected_output. Axes: ."""
    variance_over_masks: Array
    """The sum of their squared distances from that mean, each times the probability of its mask. Axes: ."""
    dense_mean_over_masks: Array
    """With w: the sum of the dense layer's outputs, each times the probability of its mask. Axes: d_out."""
    dense_variance_over_masks: Array
    """With w: the sum of their squared distances from that mean, each times the probability of its mask.
    Axes: d_out.
    """


class Dropout(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        w: TensorLike = LEFT_OUT,
        b: TensorLike = LEFT_OUT,
        rate: float | str = 0.5,
        seed: int = LEFT_OUT,
        formulation: Literal["inverted", "unscaled"] = "inverted",
        training: bool = True,
        **further: Unpack[Computation],
    ) -> Result:
        """Dropout: each entry becomes 0 with probability p; kept entries or the next layer's weights are
            scaled.

        x: The activations. Shape (..., d) or (...). Required, unless values that take its place are
            given.
        mask: The entries that are kept, in the shape of x: booleans, or 1 for kept and 0 for dropped.
            Shape (..., d) or (...). Optional; by default: drawn from the seed; without a seed, only
            expected values are known.
        w: The weights of a dense layer after it. Shape (d, d_out). Optional; by default: no layer.
        b: The bias of that layer. Shape (d_out). Optional; by default: none.
        rate: p: the probability that an entry is dropped, from 0 to below 1. In exact arithmetic it may
            be a symbol.
        seed: Draws the mask: the same seed gives the same mask everywhere.
        formulation: inverted: kept entries are divided by 1 - rate, and weights stay the same when
            dropout is off. unscaled: kept entries stay the same, and weights are multiplied by 1 - rate
            when dropout is off.
        training: Whether entries are dropped; if not, the output is x in either formulation.
        """


class MseAnswer(Answer):
    """The answer of mse."""

    error: Array
    """The prediction minus the target. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class Mse(Protocol[Result]):
    def __call__(
        self,
        *,
        prediction: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The squared error, without a factor 1/2.

        prediction: The prediction, of any shape. Shape (...). Required, unless values that take its place
            are given.
        target: The target, of the same shape. Shape (...). Required, unless values that take its place
            are given.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class MaeAnswer(Answer):
    """The answer of mae."""

    error: Array
    """The prediction minus the target. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class Mae(Protocol[Result]):
    def __call__(
        self,
        *,
        prediction: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The absolute error; its derivative at 0 is 0.

        prediction: The prediction, of any shape. Shape (...). Required, unless values that take its place
            are given.
        target: The target, of the same shape. Shape (...). Required, unless values that take its place
            are given.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class HuberAnswer(Answer):
    """The answer of huber."""

    error: Array
    """The prediction minus the target. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class Huber(Protocol[Result]):
    def __call__(
        self,
        *,
        prediction: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        delta: float | str = 1,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """Huber's loss: e^2 / 2 for errors up to delta, and delta (|e| - delta / 2) for larger ones.

        prediction: The prediction, of any shape. Shape (...). Required, unless values that take its place
            are given.
        target: The target, of the same shape. Shape (...). Required, unless values that take its place
            are given.
        delta: The absolute error, above zero, up to which the loss is half its square.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class SmoothL1Answer(Answer):
    """The answer of smooth_l1."""

    error: Array
    """The prediction minus the target. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class SmoothL1(Protocol[Result]):
    def __call__(
        self,
        *,
        prediction: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        beta: float | str = 1,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The smooth absolute error: e^2 / (2 beta) for errors up to beta, and |e| - beta / 2 for larger
            ones.

        prediction: The prediction, of any shape. Shape (...). Required, unless values that take its place
            are given.
        target: The target, of the same shape. Shape (...). Required, unless values that take its place
            are given.
        beta: The absolute error up to which the loss is quadratic; with 0 it is the absolute error.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class CrossEntropyAnswer(Answer):
    """The answer of cross_entropy."""

    log_probabilities: Array
    """The logarithm of the softmax over classes. Axes: ."""
    probabilities: Array
    """The softmax over classes. Axes: ."""
    one_hot: Array
    """1 at the class of each sample; zeros where it is ignored. Axes: ."""
    smoothed_target: Array
    """The target as a distribution over classes: (1 - s) times it, plus s times the uniform one. Axes: ."""
    weighted_target: Array
    """smoothed_target times the weight of each class. Axes: ."""
    losses: Array
    """The loss of each sample; 0 where it is ignored. Axes: ."""
    target_weights: Array
    """The weight of each sample: that of its class; 0 if ignored. Axes: ."""
    total_weight: Array
    """The sum of target_weights, the divisor of the mean. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class CrossEntropy(Protocol[Result]):
    def __call__(
        self,
        *,
        logits: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        class_weights: TensorLike = LEFT_OUT,
        axis: int = -1,
        label_smoothing: float | str = 0,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The cross entropy between targets and the softmax of logits: - sum of w_c q_c log p_c over
            classes c.

        logits: A score for each class, along the axis of classes. Shape (..., c). Required, unless values
            that take its place are given.
        target: The class of each sample, without the axis of classes; or a probability for each class, in
            the shape of the logits. Shape (...). Required, unless values that take its place are given.
        class_weights: The weight of each class, at least 0. The mean is then weighted. Shape (classes).
            Optional; by default: 1 for each class.
        axis: The axis of the classes; negative counts from the end. PyTorch and ONNX have 1.
        label_smoothing: s: the part of the target that is spread evenly over all classes, from 0 to 1.
        ignore_index: The class index of samples to ignore: their loss is 0 and they do not count in the
            mean. -100 as in PyTorch; in ONNX no sample is ignored by default. Only for class indices as
            target.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class NllAnswer(Answer):
    """The answer of nll."""

    target_log_probabilities: Array
    """The log-probability of the class of each sample. Axes: ."""
    losses: Array
    """The loss of each sample; 0 where it is ignored. Axes: ."""
    target_weights: Array
    """The weight of each sample: that of its class; 0 if ignored. Axes: ."""
    total_weight: Array
    """The sum of target_weights, the divisor of the mean. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class Nll(Protocol[Result]):
    def __call__(
        self,
        *,
        log_probabilities: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        class_weights: TensorLike = LEFT_OUT,
        axis: int = -1,
        ignore_index: int = -100,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The negative log-likelihood of classes: - w_t log p_t, for given log-probabilities.

        log_probabilities: The log-probability of each class, along the axis of classes. Shape (..., c).
            Required, unless values that take its place are given.
        target: The class of each sample, without the axis of classes. Shape (...). Required, unless
            values that take its place are given.
        class_weights: The weight of each class, at least 0. The mean is then weighted. Shape (classes).
            Optional; by default: 1 for each class.
        axis: The axis of the classes; negative counts from the end. PyTorch and ONNX have 1.
        ignore_index: The class index of samples to ignore: their loss is 0 and they do not count in the
            mean. -100 as in PyTorch; in ONNX no sample is ignored by default. Only for class indices as
            target.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class BinaryCrossEntropyAnswer(Answer):
    """The answer of binary_cross_entropy."""

    log_probabilities: Array
    """The logarithm of the predicted probability. Axes: ."""
    log_complements: Array
    """The logarithm of one minus the predicted probability. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class BinaryCrossEntropy(Protocol[Result]):
    def __call__(
        self,
        *,
        probabilities: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        logits: TensorLike = LEFT_OUT,
        weights: TensorLike = LEFT_OUT,
        positive_weight: TensorLike = LEFT_OUT,
        log_minimum: float | str = LEFT_OUT,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The binary cross entropy: - w (beta y log p + (1 - y) log(1 - p)), where 0 log 0 = 0.

        probabilities: Predicted probabilities, of any shape. Shape (...). Optional; by default: the
            logits are sent.
        target: 0 or 1, or a probability. Shape (...). Required, unless values that take its place are
            given.
        logits: Instead of probabilities: logits, whose sigmoid is the probability. Shape (...). Optional;
            by default: the probabilities are sent.
        weights: The factor of each loss, at least 0. Broadcasts to (...). Optional; by default: 1.
        positive_weight: The factor of the loss of a positive target, such as one number per column.
            Broadcasts to (...). Optional; by default: 1.
        log_minimum: With probabilities: a lower bound of logarithms; PyTorch has -100. By default there
            is none: the loss of a certain and wrong prediction is infinite.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class KlDivergenceAnswer(Answer):
    """The answer of kl_divergence."""

    log_target: Array
    """The logarithm of the target. Axes: ."""
    log_prediction: Array
    """The logarithm of the prediction. Axes: ."""
    log_ratio: Array
    """log_target minus log_prediction. Axes: ."""
    losses: Array
    """The term of each outcome: the target times log_ratio. Axes: ."""
    divergences: Array
    """The divergence of each distribution along the last axis. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class KlDivergence(Protocol[Result]):
    def __call__(
        self,
        *,
        prediction: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        prediction_is_log: bool = False,
        target_is_log: bool = False,
        reduction: Literal["mean", "batchmean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The Kullback-Leibler divergence of a prediction q from a target p: sum of p (log p - log q).

        prediction: The predicted distribution, along the last axis. Shape (..., c). Required, unless
            values that take its place are given.
        target: The true distribution, along the last axis. Shape (..., c). Required, unless values that
            take its place are given.
        prediction_is_log: Whether the prediction holds log-probabilities, as PyTorch's kl_div expects.
        target_is_log: Whether the target holds log-probabilities (log_target in PyTorch).
        reduction: mean: the mean of all terms, as in PyTorch; it is not a divergence. batchmean: the sum
            divided by the length of the first axis; for a single distribution, its divergence. sum: the
            sum of all terms. none: all terms.
        """


class HingeAnswer(Answer):
    """The answer of hinge."""

    margins: Array
    """The target times the score: above 0 if its sign is right. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class Hinge(Protocol[Result]):
    def __call__(
        self,
        *,
        scores: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        margin: float | str = 1,
        squared: bool = False,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The hinge loss of two classes: max(0, margin - y f), or its square. At the margin the
            derivative is 0.

        scores: A score per sample, whose sign is the prediction. Shape (...). Required, unless values
            that take its place are given.
        target: 1 or -1 for each sample. Shape (...). Required, unless values that take its place are
            given.
        margin: The margin from which on the loss is 0.
        squared: Whether shortfalls from the margin are squared.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class HingeEmbeddingAnswer(Answer):
    """The answer of hinge_embedding."""

    shortfalls: Array
    """max(0, margin - d), the loss of pairs with target -1. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class HingeEmbedding(Protocol[Result]):
    def __call__(
        self,
        *,
        distances: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        margin: float | str = 1,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The hinge loss of distances: d for similar pairs, and max(0, margin - d) for dissimilar pairs.

        distances: The distance of each pair. Shape (...). Required, unless values that take its place are
            given.
        target: 1 for similar pairs, -1 for dissimilar pairs. Shape (...). Required, unless values that
            take its place are given.
        margin: The margin from which on the loss is 0.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class MultiMarginAnswer(Answer):
    """The answer of multi_margin."""

    target_scores: Array
    """The score of the class of each sample. Axes: ."""
    violations: Array
    """max(0, margin - x_t + x_c), or its square, for other classes c; 0 for the class itself. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class MultiMargin(Protocol[Result]):
    def __call__(
        self,
        *,
        scores: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        class_weights: TensorLike = LEFT_OUT,
        margin: float | str = 1,
        squared: bool = False,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The hinge loss of several classes: the sum of violations of all others over the number of
            classes.

        scores: A score for each class, along the last axis. Shape (..., c). Required, unless values that
            take its place are given.
        target: The class of each sample. Shape (...). Required, unless values that take its place are
            given.
        class_weights: The weight of each class, at least 0. The mean is then weighted. Shape (classes).
            Optional; by default: 1 for each class.
        margin: The margin from which on the loss is 0.
        squared: Whether shortfalls from the margin are squared.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class CosineAnswer(Answer):
    """The answer of cosine."""

    products: Array
    """The dot product of each pair. Axes: ."""
    norms_1: Array
    """The length of each first vector. Axes: ."""
    norms_2: Array
    """The length of each second vector. Axes: ."""
    similarity: Array
    """The cosine of the angle between the two. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class Cosine(Protocol[Result]):
    def __call__(
        self,
        *,
        x1: TensorLike = LEFT_OUT,
        x2: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        margin: float | str = 0,
        epsilon: float | str = 0,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The cosine loss: 1 - cos for similar pairs, and max(0, cos - margin) for dissimilar pairs.

        x1: The first vector of each pair, along the last axis. Shape (..., d). Required, unless values
            that take its place are given.
        x2: The second vector of each pair. Shape (..., d). Required, unless values that take its place
            are given.
        target: 1 for similar pairs, -1 for dissimilar pairs. Shape (...). Optional; by default: all are
            similar.
        margin: The cosine up to which dissimilar pairs have loss 0. Only with a target.
        epsilon: Added to the square of each length. With 0, the textbook definition, zero vectors are
            refused. PyTorch has 1e-12.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class TripletAnswer(Answer):
    """The answer of triplet."""

    positive_distances: Array
    """The distance of each anchor to its positive. Axes: ."""
    negative_distances: Array
    """The distance of each anchor to its negative. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class Triplet(Protocol[Result]):
    def __call__(
        self,
        *,
        anchor: TensorLike = LEFT_OUT,
        positive: TensorLike = LEFT_OUT,
        negative: TensorLike = LEFT_OUT,
        margin: float | str = 1,
        squared: bool = False,
        epsilon: float | str = 0,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The triplet loss: max(0, d(anchor, positive) - d(anchor, negative) + margin).

        anchor: The vector of each anchor, along the last axis. Shape (..., d). Required, unless values
            that take its place are given.
        positive: A vector that should be near each anchor. Shape (..., d). Required, unless values that
            take its place are given.
        negative: A vector that should be further away. Shape (..., d). Required, unless values that take
            its place are given.
        margin: The difference of distances from which on the loss is 0.
        squared: Whether distances are squared, as in the paper; in PyTorch they are not.
        epsilon: Added to each coordinate of a difference. PyTorch has 1e-6.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class GaussianNllAnswer(Answer):
    """The answer of gaussian_nll."""

    error: Array
    """The prediction minus the target. Axes: ."""
    log_variance: Array
    """The logarithm of the variance. Axes: ."""
    scaled_square: Array
    """The squared error divided by the variance. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class GaussianNll(Protocol[Result]):
    def __call__(
        self,
        *,
        prediction: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        variance: TensorLike = LEFT_OUT,
        full: bool = False,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The negative log-likelihood of normal distributions: (log v + e^2 / v) / 2 for a variance v.

        prediction: The prediction, of any shape. Shape (...). Required, unless values that take its place
            are given.
        target: The target, of the same shape. Shape (...). Required, unless values that take its place
            are given.
        variance: The variance of each prediction, above 0. Broadcasts to (...). Required, unless values
            that take its place are given.
        full: Whether the constant log(2 pi) / 2 is added.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class PoissonNllAnswer(Answer):
    """The answer of poisson_nll."""

    rate: Array
    """The expected number of events. Axes: ."""
    log_rate: Array
    """The logarithm of the rate. Axes: ."""
    losses: Array
    """The loss of each entry or sample. Axes: ."""
    output: Array
    """The loss: the mean or the sum of the losses, or all of them. Axes: ."""


class PoissonNll(Protocol[Result]):
    def __call__(
        self,
        *,
        prediction: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        prediction_is_log: bool = True,
        epsilon: float | str = 0,
        reduction: Literal["mean", "sum", "none"] = "mean",
        **further: Unpack[Computation],
    ) -> Result:
        """The negative log-likelihood of Poisson distributions: rate - k log rate, without the term log
            k!.

        prediction: The prediction, of any shape. Shape (...). Required, unless values that take its place
            are given.
        target: The numbers of events, of the same shape. Shape (...). Required, unless values that take
            its place are given.
        prediction_is_log: Whether the prediction is the logarithm of the rate; otherwise it is the rate.
        epsilon: With prediction_is_log false: added to the rate in the logarithm. PyTorch has 1e-8.
        reduction: The reduction of the losses: mean, sum, or none to return all of them.
        """


class FeedForwardAnswer(Answer):
    """The answer of feed_forward."""

    gate_preactivation: Array
    """With gated: the argument of the gate's activation. Axes: token, unit."""
    gate: Array
    """With gated: the factor of each unit. Axes: token, unit."""
    preactivation: Array
    """The tokens through the first layer. Axes: token, unit."""
    hidden: Array
    """The units: the activation; with gated, the preactivation times the gate. Axes: token, unit."""
    dropped_hidden: Array
    """The kept units, divided by 1 - dropout_rate. Axes: token, unit."""
    output: Array
    """The units through the second layer. Axes: token, d_o."""


class FeedForward(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        w_1: TensorLike = LEFT_OUT,
        w_2: TensorLike = LEFT_OUT,
        b_1: TensorLike = LEFT_OUT,
        b_2: TensorLike = LEFT_OUT,
        w_gate: TensorLike = LEFT_OUT,
        b_gate: TensorLike = LEFT_OUT,
        dropout_mask: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        activation: ActivationChoice = "relu",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A position-wise feed-forward network: activation(x W_1 + b_1) W_2 + b_2.

        x: A token, or tokens as rows. Shape (..., d). Required, unless values that take its place are
            given.
        w_1: The weights of the first layer. Shape (d, d_ff). Required, unless values that take its place
            are given.
        w_2: The weights of the second layer. Shape (d_ff, d_o). Required, unless values that take its
            place are given.
        b_1: The bias of the first layer. Shape (d_ff). Optional; by default: none.
        b_2: The bias of the second layer. Shape (d_o). Optional; by default: none.
        w_gate: With gated: the weights of the gate. Shape (d, d_ff). Optional; by default: none; required
            with gated.
        b_gate: With gated: the bias of the gate. Shape (d_ff). Optional; by default: none.
        dropout_mask: The units to keep: booleans, or 1 for kept and 0 for dropped. Broadcasts to (...,
            d_ff). Optional; by default: nothing is dropped.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        activation: The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu
            ReGLU.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        """


class EncoderLayerAnswer(Answer):
    """The answer of encoder_layer."""

    attention_branch: Array
    """The input of the attention block, without the residual path. Axes: token, d."""
    dropped_attention: Array
    """The kept entries of the attention sublayer's output, divided by 1 - dropout_rate. Axes: token, d."""
    attention_residual: Array
    """The tokens plus the output of the attention block. Axes: token, d."""
    feed_forward_branch: Array
    """The input of the feed-forward block, without the residual path. Axes: token, d."""
    dropped_feed_forward: Array
    """The kept entries of the feed-forward sublayer's output, divided by 1 - dropout_rate. Axes: token,
    d.
    """
    feed_forward_residual: Array
    """The tokens plus the output of the feed-forward block. Axes: token, d."""
    output: Array
    """The tokens after both blocks. Axes: token, d."""


class EncoderLayer(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        key_padding_mask: TensorLike = LEFT_OUT,
        positions: TensorLike = LEFT_OUT,
        attention_dropout_mask: TensorLike = LEFT_OUT,
        feed_forward_dropout_mask: TensorLike = LEFT_OUT,
        attention: Any = LEFT_OUT,
        attention_norm: Any = LEFT_OUT,
        feed_forward: Any = LEFT_OUT,
        feed_forward_norm: Any = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        norm: Literal["layer_norm", "rms_norm"] = "layer_norm",
        norm_placement: Literal["post", "pre"] = "post",
        bias: bool = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        causal: bool = False,
        window: int | Sequence[int] = LEFT_OUT,
        softcap: float | str = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        epsilon: float | str = 1e-05,
        activation: ActivationChoice = "relu",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A layer of a transformer's encoder: self-attention and a feed-forward network, with residual
            paths.

        x: The tokens. Shape (..., n, d). Required, unless values that take its place are given.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        key_padding_mask: The tokens that are padding, to which no query attends: booleans, true for
            padding. Shape (..., n). Optional; by default: none is padding.
        positions: The position of each token. Shape (..., n). Optional; by default: 0, 1, 2 and so on.
        attention_dropout_mask: The entries of the attention's output to keep: booleans, or 1 for kept and
            0 for dropped. Broadcasts to (..., n, d). Optional; by default: nothing is dropped.
        feed_forward_dropout_mask: The entries of the feed-forward sublayer's output to keep: booleans, or
            1 for kept and 0 for dropped. Broadcasts to (..., n, d). Optional; by default: nothing is
            dropped.
        attention: The self-attention sublayer. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        attention_norm: The norm of the attention block. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        feed_forward: The feed-forward sublayer. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        feed_forward_norm: The norm of the feed-forward block. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        norm: The kind of norms.
        norm_placement: The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in
            the paper; pre: before each sublayer, x + sublayer(norm(x)).
        bias: Whether layers and norms have biases: true requires all, false refuses any. Default: those
            that are sent; if only cost is asked for, all.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        causal: Whether a query attends only to keys no later than itself. If there are more keys than
            queries, see causal_alignment.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        activation: The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu
            ReGLU.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        """


class DecoderLayerAnswer(Answer):
    """The answer of decoder_layer."""

    self_attention_branch: Array
    """The input of the self-attention block, without the residual path. Axes: token, d."""
    dropped_self_attention: Array
    """The kept entries of the self-attention sublayer's output, divided by 1 - dropout_rate. Axes: token,
    d.
    """
    self_attention_residual: Array
    """The tokens plus the output of the self-attention block. Axes: token, d."""
    cross_attention_branch: Array
    """The input of the cross-attention block, without the residual path. Axes: token, d."""
    dropped_cross_attention: Array
    """The kept entries of the cross-attention sublayer's output, divided by 1 - dropout_rate. Axes:
    token, d.
    """
    cross_attention_residual: Array
    """The tokens plus the output of the cross-attention block. Axes: token, d."""
    feed_forward_branch: Array
    """The input of the feed-forward block, without the residual path. Axes: token, d."""
    dropped_feed_forward: Array
    """The kept entries of the feed-forward sublayer's output, divided by 1 - dropout_rate. Axes: token,
    d.
    """
    feed_forward_residual: Array
    """The tokens plus the output of the feed-forward block. Axes: token, d."""
    output: Array
    """The tokens after the three blocks. Axes: token, d."""


class DecoderLayer(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        memory: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        key_padding_mask: TensorLike = LEFT_OUT,
        memory_mask: TensorLike = LEFT_OUT,
        memory_key_padding_mask: TensorLike = LEFT_OUT,
        positions: TensorLike = LEFT_OUT,
        self_attention_dropout_mask: TensorLike = LEFT_OUT,
        cross_attention_dropout_mask: TensorLike = LEFT_OUT,
        feed_forward_dropout_mask: TensorLike = LEFT_OUT,
        self_attention: Any = LEFT_OUT,
        self_attention_norm: Any = LEFT_OUT,
        cross_attention: Any = LEFT_OUT,
        cross_attention_norm: Any = LEFT_OUT,
        feed_forward: Any = LEFT_OUT,
        feed_forward_norm: Any = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        causal: bool = True,
        window: int | Sequence[int] = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        norm: Literal["layer_norm", "rms_norm"] = "layer_norm",
        norm_placement: Literal["post", "pre"] = "post",
        bias: bool = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        softcap: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        epsilon: float | str = 1e-05,
        activation: ActivationChoice = "relu",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A layer of a transformer's decoder: masked self-attention, cross-attention, a feed-forward
            network.

        x: The tokens so far. Shape (..., n, d). Required, unless values that take its place are given.
        memory: The encoder's output. Shape (..., m, d_c). Required, unless values that take its place are
            given.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, n); transposed by orientation: (..., n, n). Optional; by default: every
            query may attend to every key.
        key_padding_mask: The tokens that are padding, to which no query attends: booleans, true for
            padding. Shape (..., n). Optional; by default: none is padding.
        memory_mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        memory_key_padding_mask: The tokens of the memory that are padding, to which no query attends:
            booleans, true for padding. Shape (..., m). Optional; by default: none is padding.
        positions: The position of each token. Shape (..., n). Optional; by default: 0, 1, 2 and so on.
        self_attention_dropout_mask: The entries of the self-attention's output to keep: booleans, or 1
            for kept and 0 for dropped. Broadcasts to (..., n, d). Optional; by default: nothing is
            dropped.
        cross_attention_dropout_mask: The entries of the cross-attention's output to keep: booleans, or 1
            for kept and 0 for dropped. Broadcasts to (..., n, d). Optional; by default: nothing is
            dropped.
        feed_forward_dropout_mask: The entries of the feed-forward sublayer's output to keep: booleans, or
            1 for kept and 0 for dropped. Broadcasts to (..., n, d). Optional; by default: nothing is
            dropped.
        self_attention: The masked self-attention. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        self_attention_norm: The norm of the self-attention block. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        cross_attention: The attention to the memory. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        cross_attention_norm: The norm of the cross-attention block. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        feed_forward: The feed-forward sublayer. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        feed_forward_norm: The norm of the feed-forward block. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        causal: Whether self-attention is masked: a token does not attend to later tokens.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        norm: The kind of norms.
        norm_placement: The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in
            the paper; pre: before each sublayer, x + sublayer(norm(x)).
        bias: Whether layers and norms have biases: true requires all, false refuses any. Default: those
            that are sent; if only cost is asked for, all.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        activation: The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu
            ReGLU.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        """


class EncoderAnswer(Answer):
    """The answer of encoder."""

    output: Array
    """The tokens after the last layer, and the final norm. Axes: token, d."""


class Encoder(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        key_padding_mask: TensorLike = LEFT_OUT,
        positions: TensorLike = LEFT_OUT,
        layer: Any = LEFT_OUT,
        final_norm: Any = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        layers: int = LEFT_OUT,
        norm: Literal["layer_norm", "rms_norm"] = "layer_norm",
        norm_placement: Literal["post", "pre"] = "post",
        bias: bool = LEFT_OUT,
        has_final_norm: bool = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        causal: bool = False,
        window: int | Sequence[int] = LEFT_OUT,
        softcap: float | str = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        epsilon: float | str = 1e-05,
        activation: ActivationChoice = "relu",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """The encoder of a transformer: a stack of layers.

        x: The tokens, with their positions. Shape (..., n, d). Required, unless values that take its
            place are given.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        key_padding_mask: The tokens that are padding, to which no query attends: booleans, true for
            padding. Shape (..., n). Optional; by default: none is padding.
        positions: The position of each token. Shape (..., n). Optional; by default: 0, 1, 2 and so on.
        layer: The layers, from the first on. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        final_norm: The norm of the last layer's output; none if nothing is sent for it. Nested by part,
            or by full name: `attention.w_q`, `layer[0].attention.w_q`.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        layers: The number of layers. Default: the number of layers with weights in the request. It may be
            a symbol if only cost is asked for.
        norm: The kind of norms.
        norm_placement: The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in
            the paper; pre: before each sublayer, x + sublayer(norm(x)).
        bias: Whether layers and norms have biases: true requires all, false refuses any. Default: those
            that are sent; if only cost is asked for, all.
        has_final_norm: Whether there is a norm after the last layer. Default: if anything is sent for it;
            if only cost is asked for, with norm_placement pre.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        causal: Whether a query attends only to keys no later than itself. If there are more keys than
            queries, see causal_alignment.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        activation: The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu
            ReGLU.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        """


class DecoderAnswer(Answer):
    """The answer of decoder."""

    output: Array
    """The tokens after the last layer, and the final norm. Axes: token, d."""


class Decoder(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        memory: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        key_padding_mask: TensorLike = LEFT_OUT,
        memory_mask: TensorLike = LEFT_OUT,
        memory_key_padding_mask: TensorLike = LEFT_OUT,
        positions: TensorLike = LEFT_OUT,
        layer: Any = LEFT_OUT,
        final_norm: Any = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        layers: int = LEFT_OUT,
        norm: Literal["layer_norm", "rms_norm"] = "layer_norm",
        norm_placement: Literal["post", "pre"] = "post",
        bias: bool = LEFT_OUT,
        has_final_norm: bool = LEFT_OUT,
        causal: bool = True,
        window: int | Sequence[int] = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        softcap: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        epsilon: float | str = 1e-05,
        activation: ActivationChoice = "relu",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """The decoder of a transformer: a stack of layers that also attend to the encoder's output.

        x: The tokens so far, with their positions. Shape (..., n, d). Required, unless values that take
            its place are given.
        memory: The encoder's output. Shape (..., m, d_c). Required, unless values that take its place are
            given.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, n); transposed by orientation: (..., n, n). Optional; by default: every
            query may attend to every key.
        key_padding_mask: The tokens that are padding, to which no query attends: booleans, true for
            padding. Shape (..., n). Optional; by default: none is padding.
        memory_mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        memory_key_padding_mask: The tokens of the memory that are padding, to which no query attends:
            booleans, true for padding. Shape (..., m). Optional; by default: none is padding.
        positions: The position of each token. Shape (..., n). Optional; by default: 0, 1, 2 and so on.
        layer: The layers, from the first on. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        final_norm: The norm of the last layer's output; none if nothing is sent for it. Nested by part,
            or by full name: `attention.w_q`, `layer[0].attention.w_q`.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        layers: The number of layers. Default: the number of layers with weights in the request. It may be
            a symbol if only cost is asked for.
        norm: The kind of norms.
        norm_placement: The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in
            the paper; pre: before each sublayer, x + sublayer(norm(x)).
        bias: Whether layers and norms have biases: true requires all, false refuses any. Default: those
            that are sent; if only cost is asked for, all.
        has_final_norm: Whether there is a norm after the last layer. Default: if anything is sent for it;
            if only cost is asked for, with norm_placement pre.
        causal: Whether self-attention is masked: a token does not attend to later tokens.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        activation: The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu
            ReGLU.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        """


class TransformerAnswer(Answer):
    """The answer of transformer."""

    output: Array
    """The decoder's output. Axes: token, d."""


class Transformer(Protocol[Result]):
    def __call__(
        self,
        *,
        source: TensorLike = LEFT_OUT,
        target: TensorLike = LEFT_OUT,
        source_mask: TensorLike = LEFT_OUT,
        target_mask: TensorLike = LEFT_OUT,
        memory_mask: TensorLike = LEFT_OUT,
        source_key_padding_mask: TensorLike = LEFT_OUT,
        target_key_padding_mask: TensorLike = LEFT_OUT,
        memory_key_padding_mask: TensorLike = LEFT_OUT,
        encoder: Any = LEFT_OUT,
        decoder: Any = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        encoder_layers: int = LEFT_OUT,
        decoder_layers: int = LEFT_OUT,
        causal: bool = True,
        norm: Literal["layer_norm", "rms_norm"] = "layer_norm",
        norm_placement: Literal["post", "pre"] = "post",
        bias: bool = LEFT_OUT,
        has_final_norm: bool = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        softcap: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        epsilon: float | str = 1e-05,
        activation: ActivationChoice = "relu",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A transformer: the encoder's output is the memory that the decoder attends to.

        source: The tokens of the source, with their positions. Shape (..., n, d_c). Required, unless
            values that take its place are given.
        target: The tokens of the target so far, with their positions. Shape (..., m, d). Required, unless
            values that take its place are given.
        source_mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, n); transposed by orientation: (..., n, n). Optional; by default: every
            query may attend to every key.
        target_mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., m, m); transposed by orientation: (..., m, m). Optional; by default: every
            query may attend to every key.
        memory_mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., m, n); transposed by orientation: (..., n, m). Optional; by default: every
            query may attend to every key.
        source_key_padding_mask: The tokens of the source that are padding, to which no query attends:
            booleans, true for padding. Shape (..., n). Optional; by default: none is padding.
        target_key_padding_mask: The tokens of the target that are padding, to which no query attends:
            booleans, true for padding. Shape (..., m). Optional; by default: none is padding.
        memory_key_padding_mask: The tokens of the encoder's output that are padding, to which no query
            attends: booleans, true for padding. Shape (..., n). Optional; by default: none is padding.
        encoder: The encoder. Nested by part, or by full name: `attention.w_q`, `layer[0].attention.w_q`.
        decoder: The decoder. Nested by part, or by full name: `attention.w_q`, `layer[0].attention.w_q`.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        encoder_layers: The number of layers. Default: the number of layers with weights in the request.
            It may be a symbol if only cost is asked for.
        decoder_layers: The number of layers. Default: the number of layers with weights in the request.
            It may be a symbol if only cost is asked for.
        causal: Whether the decoder's self-attention is masked: a token does not attend to later tokens.
        norm: The kind of norms.
        norm_placement: The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in
            the paper; pre: before each sublayer, x + sublayer(norm(x)).
        bias: Whether layers and norms have biases: true requires all, false refuses any. Default: those
            that are sent; if only cost is asked for, all.
        has_final_norm: Whether there is a norm after the last layer. Default: if anything is sent for it;
            if only cost is asked for, with norm_placement pre.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        activation: The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu
            ReGLU.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        """


class LanguageModelAnswer(Answer):
    """The answer of language_model."""

    sequence: Array
    """The input of the first layer: embeddings of tokens, positions and segments. Axes: token, d."""
    representation: Array
    """The tokens after the last layer and the final norm. Axes: token, d."""
    pooled: Array
    """With pooling: tanh of a linear layer of the first token. Axes: d."""
    logits: Array
    """At each position, the logit of each token of the vocabulary. Axes: token, vocabulary."""
    probabilities: Array
    """The softmax of the logits. Axes: token, vocabulary."""
    output: Array
    """The logits; without logits, the representation. Axes: token, vocabulary."""


class LanguageModel(Protocol[Result]):
    def __call__(
        self,
        *,
        tokens: TensorLike = LEFT_OUT,
        segments: TensorLike = LEFT_OUT,
        mask: TensorLike = LEFT_OUT,
        key_padding_mask: TensorLike = LEFT_OUT,
        token_embedding: Any = LEFT_OUT,
        position_embedding: Any = LEFT_OUT,
        segment_embedding: Any = LEFT_OUT,
        embedding_norm: Any = LEFT_OUT,
        encoder: Any = LEFT_OUT,
        pooler: Any = LEFT_OUT,
        head: Any = LEFT_OUT,
        vocabulary: int = LEFT_OUT,
        d_model: int = LEFT_OUT,
        context: int = LEFT_OUT,
        segment_types: int = LEFT_OUT,
        position_kind: Literal["learned", "sinusoidal", "none"] = "learned",
        embedding_scale: bool = False,
        norm_embeddings: bool = False,
        pooling: bool = False,
        head_weights: Literal["tied", "own", "none"] = "tied",
        norm: Literal["layer_norm", "rms_norm"] = "layer_norm",
        norm_placement: Literal["post", "pre"] = "post",
        bias: bool = LEFT_OUT,
        epsilon: float | str = 1e-05,
        layers: int = LEFT_OUT,
        has_final_norm: bool = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        causal: bool = False,
        window: int | Sequence[int] = LEFT_OUT,
        softcap: float | str = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        activation: ActivationChoice = "relu",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A language model: GPT with causal and norms before the sublayers, BERT without.

        tokens: The index of each token in the vocabulary, from 0. Shape (..., n). Required, unless values
            that take its place are given.
        segments: The segment of each token, from 0. Shape (..., n). Optional; by default: there are no
            segments.
        mask: Booleans: true where the query may attend to the key. Numbers: added to the scores.
            Broadcasts to (..., n, m); transposed by orientation: (..., m, n). Optional; by default: every
            query may attend to every key.
        key_padding_mask: The tokens that are padding, to which no query attends: booleans, true for
            padding. Shape (..., n). Optional; by default: none is padding.
        token_embedding: The table of tokens. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        position_embedding: The table of learned positions. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        segment_embedding: The table of segments. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        embedding_norm: The norm of the embeddings, with norm_embeddings. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        encoder: The layers. With norms before the sublayers there is a final norm. Nested by part, or by
            full name: `attention.w_q`, `layer[0].attention.w_q`.
        pooler: With pooling: the layer of the first token. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        head: With head_weights own: the layer of the logits. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        vocabulary: The number of tokens in the vocabulary; weights that are sent determine it.
        d_model: The width of a token; weights that are sent determine it.
        context: With learned positions: the number of positions; weights that are sent determine it.
        segment_types: The number of segments in the table; weights that are sent determine it.
        position_kind: The encoding of positions: from a table, as in positional_encoding, or none.
        embedding_scale: Whether embeddings of tokens are multiplied by sqrt(d), as in the paper.
        norm_embeddings: Whether embeddings go through a norm before the first layer, as in BERT.
        pooling: Whether the first token goes through a layer with tanh, as in BERT.
        head_weights: The weights of the logits: the transposed table of tokens; a layer of their own; or
            no logits.
        norm: The kind of norms.
        norm_placement: The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in
            the paper; pre: before each sublayer, x + sublayer(norm(x)).
        bias: Whether layers and norms have biases: true requires all, false refuses any. Default: those
            that are sent; if only cost is asked for, all.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        layers: The number of layers. Default: the number of layers with weights in the request. It may be
            a symbol if only cost is asked for.
        has_final_norm: Whether there is a norm after the last layer. Default: if anything is sent for it;
            if only cost is asked for, with norm_placement pre.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        causal: Whether a query attends only to keys no later than itself. If there are more keys than
            queries, see causal_alignment.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        activation: The activation of the units; with gated, of the gate: silu is SwiGLU, gelu GEGLU, relu
            ReGLU.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        """


class PatchEmbeddingAnswer(Answer):
    """The answer of patch_embedding."""

    patches: Array
    """Each patch as a row vector: its channels one after the other, each row by row. The patches are in
    row-major order too. Axes: token, entry.
    """
    output: Array
    """The tokens: each patch times the kernel, and the bias. Axes: token, d."""


class PatchEmbedding(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        kernel: TensorLike = LEFT_OUT,
        bias: TensorLike = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A patch embedding: an image is cut into patches, and each is projected to a token.

        x: The image: with channels, with channels and a batch, or of a single channel without that axis.
            Shape (C, H, W) or (B, C, H, W) or (H, W). Required, unless values that take its place are
            given.
        kernel: The weights of a patch of p rows and q columns for each of the d entries of a token. Shape
            (d, C, p, q). Required, unless values that take its place are given.
        bias: One number per entry of a token. Shape (d). Optional; by default: none.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        """


class VisionTransformerAnswer(Answer):
    """The answer of vision_transformer."""

    tokens: Array
    """The class token, if there is one, and the embedded patches, row by row. Axes: token, d_model."""
    position_rows: Array
    """Positions that are not learned, added to the tokens. Axes: token, d_model."""
    sequence: Array
    """The tokens with their positions. Axes: token, d_model."""
    dropped_sequence: Array
    """The kept entries of the sequence, divided by 1 - dropout_rate. Axes: token, d_model."""
    pooled: Array
    """The class token of the encoder's output, or the mean of the patches. Axes: d_model."""
    representation: Array
    """The vector of each input that the head classifies. Axes: d."""
    logits: Array
    """The logit of each class. Axes: class."""
    probabilities: Array
    """The softmax of the logits. Axes: class."""
    output: Array
    """The logits; without a head, the representation. Axes: class."""


class VisionTransformer(Protocol[Result]):
    def __call__(
        self,
        *,
        x: TensorLike = LEFT_OUT,
        class_token: TensorLike = LEFT_OUT,
        position_embedding: TensorLike = LEFT_OUT,
        embedding_dropout_mask: TensorLike = LEFT_OUT,
        patch_embedding: Any = LEFT_OUT,
        encoder: Any = LEFT_OUT,
        pooled_norm: Any = LEFT_OUT,
        pre_logits: Any = LEFT_OUT,
        head: Any = LEFT_OUT,
        state_dict: Mapping[str, TensorLike] = LEFT_OUT,
        patch: int | Sequence[int] = LEFT_OUT,
        d_model: int = LEFT_OUT,
        classes: int = LEFT_OUT,
        position_kind: PositionKindChoice = "learned",
        pool: Literal["class_token", "mean"] = "class_token",
        norm: Literal["layer_norm", "rms_norm"] = "layer_norm",
        norm_placement: Literal["post", "pre"] = "pre",
        activation: ActivationChoice = "gelu",
        epsilon: float | str = 1e-06,
        bias: bool = LEFT_OUT,
        layers: int = LEFT_OUT,
        has_final_norm: bool = LEFT_OUT,
        dropout_rate: float | str = LEFT_OUT,
        heads: int = 1,
        kv_heads: int = LEFT_OUT,
        scale: float | str = "1/sqrt(d_k)",
        causal: bool = False,
        window: int | Sequence[int] = LEFT_OUT,
        softcap: float | str = LEFT_OUT,
        rotary: Literal["interleaved", "half_split"] = LEFT_OUT,
        rotary_dimension: int = LEFT_OUT,
        rotary_base: float | str = LEFT_OUT,
        orientation: Literal["query_key", "key_query"] = "query_key",
        gated: bool = False,
        d_ff: int = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A vision transformer: a class token and patches as tokens, positions, an encoder, and a head.

        x: The image: with channels, with channels and a batch, or of a single channel without that axis.
            Shape (C, H, W) or (B, C, H, W) or (H, W). Required, unless values that take its place are
            given.
        class_token: The token in front of the patches. Shape (d_model). Optional; by default: none with
            pool mean; required with pool class_token.
        position_embedding: With positions learned: added to the tokens, the class token's in the first
            row. Shape (positions, d_model). Optional; by default: none with other positions; required
            with learned ones.
        embedding_dropout_mask: The entries of the sequence to keep: booleans, or 1 for kept and 0 for
            dropped. Broadcasts to (..., tokens, d_model). Optional; by default: nothing is dropped.
        patch_embedding: The embedding of patches. Nested by part, or by full name: `attention.w_q`,
            `layer[0].attention.w_q`.
        encoder: The encoder. With norms before the sublayers it has a final norm, unless pooled_norm is
            sent. Nested by part, or by full name: `attention.w_q`, `layer[0].attention.w_q`.
        pooled_norm: The norm of the pooled vector; none if nothing is sent for it. Nested by part, or by
            full name: `attention.w_q`, `layer[0].attention.w_q`.
        pre_logits: A layer with tanh before the head; none if nothing is sent for it. Nested by part, or
            by full name: `attention.w_q`, `layer[0].attention.w_q`.
        head: The layer from the representation to the logits. Nested by part, or by full name:
            `attention.w_q`, `layer[0].attention.w_q`.
        state_dict: Weights by PyTorch's names and in its layout, (out, in), in place of the fields above.
            Settings that are not part of a state dict (heads, activation) are sent as usual.
        patch: The size of a patch: one number, or [rows, columns]; the kernel determines it.
        d_model: The width of a token; the weights determine it.
        classes: The number of classes; the head's weights determine it. 0: no head, the output is the
            representation.
        position_kind: The positions added to the tokens. learned: position_embedding; sinusoidal_1d: the
            sinusoidal encoding of each token's index; sinusoidal_2d: of each patch's row and column.
        pool: The vector to classify: the class token of the encoder's output, or the mean of all other
            tokens.
        norm: The kind of norms.
        norm_placement: The placement of norms. post: after the residual sum, norm(x + sublayer(x)), as in
            the paper; pre: before each sublayer, x + sublayer(norm(x)).
        activation: The activation of each layer's units.
        epsilon: Added to the variance (or mean square) under the root. In exact arithmetic it may be a
            symbol.
        bias: Whether layers and norms have biases: true requires all, false refuses any. Default: those
            that are sent; if only cost is asked for, all.
        layers: The number of layers. Default: the number of layers with weights in the request. It may be
            a symbol if only cost is asked for.
        has_final_norm: Whether there is a norm after the last layer. Default: if anything is sent for it;
            if only cost is asked for, with norm_placement pre.
        dropout_rate: p, required with a dropout mask and allowed only with it: the probability that an
            entry is dropped, from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it
            may be a symbol.
        heads: The number of heads; stacked weights determine it.
        kv_heads: The number of key and value heads, each shared by heads/kv_heads query heads. Default:
            heads.
        scale: The factor of the scores before the softmax (the beta of softargmax). A number or a
            constant expression such as 1/sqrt(d_k), which may use dimension names of the attention's
            inputs: d_k of queries and keys, d_v of values, n, m, and with projections d of the tokens. 0
            attends evenly, a large scale picks the maximum, a negative one the minimum.
        causal: Whether a query attends only to keys no later than itself. If there are more keys than
            queries, see causal_alignment.
        window: Local attention: the number of keys before and after its own position that a query attends
            to, as one number or [before, after]; with causal none after. Only these are computed, and the
            stages hold a band instead of all keys: entry j of query i is for key i - before + j. Default:
            all keys.
        softcap: c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default.
        rotary: Rotate queries and keys by their positions (see rotary_embedding), with these pairs of
            coordinates. By default they are not rotated.
        rotary_dimension: With rotary: the number of rotated coordinates, from the first on; an even
            number. Default: all.
        rotary_base: With rotary: the base of the frequencies. Default: 10000.
        orientation: The order of the last two axes of the scores, the mask and the weights. The softmax
            is over keys in both: over rows for query_key, over columns for key_query.
        gated: Whether hidden is activation(x W_gate) times x W_1, instead of activation(x W_1).
        d_ff: The number of units; the weights determine it.
        """


class Graph(Protocol[Result]):
    def __call__(
        self,
        *,
        program: Sequence[str],
        inputs: Mapping[str, TensorLike] = LEFT_OUT,
        parameters: Sequence[str] = LEFT_OUT,
        data: Sequence[str] = LEFT_OUT,
        claims: Sequence[str | Mapping[str, Any]] = LEFT_OUT,
        **further: Unpack[Computation],
    ) -> Result:
        """A program of your own, forward and backward.

        program: Assignments, one per line: + - * / @ **, calls of operations and functions with settings
            as keywords, indices, slices and .T. Names that no line assigns are inputs.
        inputs: Tensors for the names that no line assigns. If a line calls an operation that has parts,
            such as h = encoder_layer(x), the names of its weights start with the name assigned:
            `h.attention.w_q`.
        parameters: The inputs that are trainable; by default, all but data and indices.
        data: The inputs that are data, and not trainable.
        claims: Claims to verify for these numbers: equations, inequalities and chains of them, such as
            p[0] == 1 - p[1] or 0 < p <= 1; grad(L, v) is a gradient, h.weights a value inside a line, and
            shape(x) == [2, 3] a claim about a shape; limit(p, beta, inf) is a limit, in exact arithmetic.
        """


class Compare(Protocol[Result]):
    def __call__(
        self,
        *,
        changes: Mapping[str, TensorLike | Mapping[str, Any]],
        first_order: bool = LEFT_OUT,
        operation: OperationChoice,
        given: Mapping[str, TensorLike] = LEFT_OUT,
        upstream: Mapping[str, TensorLike] = LEFT_OUT,
        arithmetic: Literal["float64", "float32"] = "float64",
        select: Sequence[str] = LEFT_OUT,
        diagnose: bool = False,
        **fields: Any,
    ) -> Result:
        """The effect of a change on every value of an operation.

        changes: The changes, by name of an input, a setting or a value. A changed value is taken as sent,
            and not computed.
        first_order: Whether to return the change that the Jacobian predicts. By default, only if nothing
            but entries and constants changes, each by at most a tenth of the largest entry of its tensor.
        operation: The operation that is computed before and after the changes.
        given: Values to take instead of computing them, by name. Values that cannot be computed from
            those given are listed under `unknown`; gradients do not pass a given value.
        upstream: The gradient of the final scalar with respect to values, by name, each in the shape of
            its value. The answer then has the gradients of everything that they depend on.
        arithmetic: The kind of number that everything is computed in.
        select: Names whose values, and with `upstream` whose gradients, are returned; by default, every
            named value except those returned only by request, and the gradients of inputs. `*` stands for
            any text within this default: `["*", "entropy"]` adds to it. A pattern returns the gradients
            of the inputs that it matches, and their values if it matches nothing else; the name of an
            input returns both.
        diagnose: Whether `notes` also report numbers that are finite but unreliable; floats only.
            `overflow`: a result beyond the largest number of its type, which a wider type or exact
            numbers hold. `underflow`: a product, quotient, power or exponential that is not 0 but smaller
            than the least number of its type, and comes out as 0. `cancellation`: a sum, difference or
            dot product so much smaller than its terms that more than 50% of the digits (15.7 in float64,
            6.9 in float32) are lost; a difference of exactly 0 counts where an operand has lost what it
            was computed from, as in 1 - cos(1e-9). `saturation`: all weights of a softmax row at 0 or 1
            to within rounding though several entries compete; entries of a sigmoid or tanh at which the
            derivative is below 1e-06. `dead_rectifier`: a relu unit (along the last axis, over the axes
            before it; with one axis, all entries) that is at most 0 everywhere. `vanishing_gradient`:
            gradients whose root mean square falls by a factor of 10000 or more from the last to the first
            of like-named values (`hidden[0]`, `hidden[1]`, ... or `h1`, `h2`, ...), or of 1e+08 or more,
            but not to 0, from those handed in to that of any value. `exploding_gradient`: the same,
            growing by 10000 or 1e+08.
        """


class Cost(Protocol[Result]):
    def __call__(
        self,
        *,
        inputs: Mapping[str, Mapping[str, Any] | TensorLike] = LEFT_OUT,
        parameters: Sequence[str] = LEFT_OUT,
        data: Sequence[str] = LEFT_OUT,
        receptive_field: str = LEFT_OUT,
        bytes_per_number: int = 8,
        operation: OperationChoice = LEFT_OUT,
        program: Sequence[str] = LEFT_OUT,
        **fields: Any,
    ) -> Result:
        """The cost of an operation or a network, from shapes alone.

        inputs: The shapes of the program's inputs. Weights of submodules may be left out if settings
            state their sizes.
        parameters: The inputs of the program that are trainable; by default, all but data and indices.
        data: The inputs of the program that are data, and not trainable.
        receptive_field: The input, such as an image, that receptive fields are measured in: its entries
            that each value depends on. In a program it is data, unless it is among the parameters.
        bytes_per_number: The bytes of a number in memory and in caches: 2 for float16, 8 for float64.
        operation: The operation to count the cost of.
        program: The lines of a program, as in `/v1/graph`, in place of an operation.
        """


class Moments(Protocol[Result]):
    def __call__(
        self,
        *,
        program: Sequence[str],
        inputs: Mapping[str, Mapping[str, Any] | TensorLike] = LEFT_OUT,
        random: Mapping[str, RandomChoice | Mapping[str, Any]] = LEFT_OUT,
        upstream: Mapping[str, Any] = LEFT_OUT,
        linearize: bool = False,
    ) -> Result:
        """Expectations and variances of a network with random weights.

        program: The lines of a program, as in `/v1/graph`.
        inputs: The shapes of the program's inputs, in numbers or letters.
        random: The distribution of each input, weights of submodules included: the name of an
            initializer, or an object.
        upstream: The distribution of the gradient of the last line. By default 1 for a single number, and
            otherwise normal with mean 0 and variance 1.
        linearize: Whether smooth activations are replaced by their tangents at 0, as Glorot and Bengio
            do. They have moments in letters then.
        """


class Solve(Protocol[Result]):
    def __call__(
        self,
        *,
        program: Sequence[str] = LEFT_OUT,
        loss: str = LEFT_OUT,
        inputs: Mapping[str, TensorLike] = LEFT_OUT,
        start: Mapping[str, TensorLike],
        optimizer: Any,
        steps: int = LEFT_OUT,
        state: Mapping[str, Mapping[str, TensorLike]] = LEFT_OUT,
        step: int = 0,
        unknown: Sequence[str] = LEFT_OUT,
        target: Mapping[str, TensorLike] = LEFT_OUT,
        assumptions: Mapping[str, Sequence[AssumptionsChoice]] = LEFT_OUT,
    ) -> Result:
        """Hyperparameters or start values that reach a target.

        program: The program to minimize, in the language of /v1/graph.
        loss: The value to minimize, one number; by default, that of the last line.
        inputs: The program's data.
        start: The parameters with their start values; those of layers have names such as
            `h.attention.w_q`.
        optimizer: The update rule and its settings.
        steps: The number of steps; by default, the number of gradients sent.
        state: The buffers to start from, by parameter and name: the `state` of a step of a trace. By
            default, those of a fresh optimizer.
        step: The number of the step that `start` and `state` come from. The first step has the next
            number, which bias corrections and schedules use.
        unknown: The symbols to solve for. They appear in hyperparameters of the optimizer or in start
            values.
        target: The values of parameters after the last step; those not named may have any. Without a
            target, the answer is about convergence alone.
        assumptions: In exact arithmetic: assumptions about free symbols, all of which are real.
        """


class Grade(Protocol[Result]):
    def __call__(
        self,
        *,
        follow_through: bool | Mapping[str, Any] = True,
        partial: Literal["entries", "none"] = "entries",
        precision_credit: float = 0,
        infinity_credit: float = 1,
        misconceptions: bool = True,
        penalties: Sequence[Mapping[str, Any]] = LEFT_OUT,
        best_of: Sequence[Mapping[str, Any]] = LEFT_OUT,
        feedback: Literal["none", "verdict", "location", "hint", "full"] = "hint",
        notation: Mapping[str, Any] = LEFT_OUT,
        question: Mapping[str, Any] = LEFT_OUT,
        answer: Mapping[str, Any] = LEFT_OUT,
        gradients: Mapping[str, Any] = LEFT_OUT,
        marks: Mapping[str, float] = LEFT_OUT,
        gradient_marks: Mapping[str, float] = LEFT_OUT,
        optional: Sequence[str] = LEFT_OUT,
        tolerance: Mapping[str, Any] = LEFT_OUT,
        tolerances: Mapping[str, Mapping[str, Any]] = LEFT_OUT,
        accept: Sequence[Mapping[str, Any]] = LEFT_OUT,
        questions: Sequence[Mapping[str, Any]] = LEFT_OUT,
    ) -> Result:
        """Marks for a student's values, and the reason.

        follow_through: Whether values may follow from the student's own earlier ones.
        partial: Marks of a wrong tensor: for its share of right entries, or none.
        precision_credit: The credit of a value whose only fault is that it was rounded too far.
        infinity_credit: The credit of a large negative number for -Infinity.
        misconceptions: Whether to look for known mistakes.
        feedback: What the student's part of the answer reveals: scores alone; verdicts; which entries are
            wrong; the idea behind a mistake; or the right values. Everything for the grader is under
            `grader`.
        notation: How the student writes numbers.
        question: `operation` and the fields of its own request. `operation` is the name of an operation,
            `graph` for a program, or `optimizer/trace`.
        answer: What the student wrote, by name of a value.
        gradients: What the student wrote for the gradients of values, by name.
        marks: Marks by name of a value. Without any marks, 1 for each name.
        gradient_marks: Marks by name of a gradient.
        optional: Names that count only if they are answered.
        tolerance: Of all entries. By default 1 %, or 0.001 of the largest entry.
        tolerances: Other tolerances, by name.
        accept: Conventions that are accepted, with their credit.
        questions: The questions of an exam, in place of `question` and its fields. Later ones may take
            values of earlier ones.
        """


class Check(Protocol[Result]):
    def __call__(
        self,
        *,
        follow_through: bool | Mapping[str, Any] = True,
        partial: Literal["entries", "none"] = "entries",
        precision_credit: float = 0,
        infinity_credit: float = 1,
        misconceptions: bool = True,
        penalties: Sequence[Mapping[str, Any]] = LEFT_OUT,
        best_of: Sequence[Mapping[str, Any]] = LEFT_OUT,
        feedback: Literal["none", "verdict", "location", "hint", "full"] = "hint",
        notation: Mapping[str, Any] = LEFT_OUT,
        question: Mapping[str, Any] = LEFT_OUT,
        answer: Mapping[str, Any] = LEFT_OUT,
        gradients: Mapping[str, Any] = LEFT_OUT,
        marks: Mapping[str, float] = LEFT_OUT,
        gradient_marks: Mapping[str, float] = LEFT_OUT,
        optional: Sequence[str] = LEFT_OUT,
        tolerance: Mapping[str, Any] = LEFT_OUT,
        tolerances: Mapping[str, Mapping[str, Any]] = LEFT_OUT,
        accept: Sequence[Mapping[str, Any]] = LEFT_OUT,
        questions: Sequence[Mapping[str, Any]] = LEFT_OUT,
        total: float = LEFT_OUT,
    ) -> Result:
        """The weaknesses of a rubric, before a class meets it.

        follow_through: Whether values may follow from the student's own earlier ones.
        partial: Marks of a wrong tensor: for its share of right entries, or none.
        precision_credit: The credit of a value whose only fault is that it was rounded too far.
        infinity_credit: The credit of a large negative number for -Infinity.
        misconceptions: Whether to look for known mistakes.
        feedback: What the student's part of the answer reveals: scores alone; verdicts; which entries are
            wrong; the idea behind a mistake; or the right values. Everything for the grader is under
            `grader`.
        notation: How the student writes numbers.
        question: `operation` and the fields of its own request. `operation` is the name of an operation,
            `graph` for a program, or `optimizer/trace`.
        answer: What the student wrote, by name of a value.
        gradients: What the student wrote for the gradients of values, by name.
        marks: Marks by name of a value. Without any marks, 1 for each name.
        gradient_marks: Marks by name of a gradient.
        optional: Names that count only if they are answered.
        tolerance: Of all entries. By default 1 %, or 0.001 of the largest entry.
        tolerances: Other tolerances, by name.
        accept: Conventions that are accepted, with their credit.
        questions: The questions of an exam, in place of `question` and its fields. Later ones may take
            values of earlier ones.
        total: The marks that the rubric is meant to have in all.
        """


class Variants(Protocol[Result]):
    def __call__(
        self,
        *,
        question: Mapping[str, Any],
        answer: Mapping[str, Any] = LEFT_OUT,
        gradients: Mapping[str, Any] = LEFT_OUT,
        marks: Mapping[str, float] = LEFT_OUT,
        gradient_marks: Mapping[str, float] = LEFT_OUT,
        optional: Sequence[str] = LEFT_OUT,
        tolerance: Mapping[str, Any] = LEFT_OUT,
        tolerances: Mapping[str, Mapping[str, Any]] = LEFT_OUT,
        accept: Sequence[Mapping[str, Any]] = LEFT_OUT,
        seed: int,
        count: int = 1,
        generator: int = 1,
        vary: Sequence[str] = LEFT_OUT,
        inputs: Mapping[str, Mapping[str, Any]] = LEFT_OUT,
        friendly: bool = False,
        no_ties: bool = False,
        no_saturation: bool = False,
        difficulty: Literal["template", "any"] = "template",
        distinguishes: Literal["template", "all", "none"] | Sequence[str] = "template",
        tries: int = 100,
    ) -> Result:
        """Fresh inputs for a question, from a seed.

        question: `operation` and the fields of its own request. `operation` is the name of an operation,
            `graph` for a program, or `optimizer/trace`.
        answer: What the student wrote, by name of a value.
        gradients: What the student wrote for the gradients of values, by name.
        marks: Marks by name of a value. Without any marks, 1 for each name.
        gradient_marks: Marks by name of a gradient.
        optional: Names that count only if they are answered.
        tolerance: Of all entries. By default 1 %, or 0.001 of the largest entry.
        tolerances: Other tolerances, by name.
        accept: Conventions that are accepted, with their credit.
        count: Of variants.
        generator: The version of the generator.
        vary: The inputs that vary; by default every tensor of numbers that is no mask or index.
        inputs: The entries of single inputs.
        friendly: Whether every named value before an exponential, logarithm, softmax or the like has at
            most 4 significant digits, roots included. Scores of a softmax that are inputs themselves
            become logarithms of integers from 1 to 9.
        no_ties: Whether no maximum has equal entries, and no rectifier gets 0.
        no_saturation: Whether no output of a softmax, sigmoid or tanh is beyond 0.999.
        difficulty: `template`: the values that have few digits in the template have no more than its most
            here, and the largest magnitude is within a factor of 2.
        distinguishes: The known mistakes that have to be told from the right answer: those that the
            template shows, all, none, or these codes.
        tries: The most tries for each variant.
        """


class Operations:
    """The methods of the client."""

    attention: Attention[AttentionAnswer]
    self_attention: SelfAttention[SelfAttentionAnswer]
    cross_attention: CrossAttention[CrossAttentionAnswer]
    positional_encoding: PositionalEncoding[PositionalEncodingAnswer]
    rotary_embedding: RotaryEmbedding[RotaryEmbeddingAnswer]
    conv1d: Conv1d[Conv1dAnswer]
    conv2d: Conv2d[Conv2dAnswer]
    conv_transpose1d: ConvTranspose1d[ConvTranspose1dAnswer]
    conv_transpose2d: ConvTranspose2d[ConvTranspose2dAnswer]
    max_pool1d: MaxPool1d[MaxPool1dAnswer]
    max_pool2d: MaxPool2d[MaxPool2dAnswer]
    average_pool1d: AveragePool1d[AveragePool1dAnswer]
    average_pool2d: AveragePool2d[AveragePool2dAnswer]
    lp_pool1d: LpPool1d[LpPool1dAnswer]
    lp_pool2d: LpPool2d[LpPool2dAnswer]
    max_unpool2d: MaxUnpool2d[MaxUnpool2dAnswer]
    rnn: Rnn[RnnAnswer]
    lstm: Lstm[LstmAnswer]
    gru: Gru[GruAnswer]
    layer_norm: LayerNorm[LayerNormAnswer]
    rms_norm: RmsNorm[RmsNormAnswer]
    batch_norm: BatchNorm[BatchNormAnswer]
    group_norm: GroupNorm[GroupNormAnswer]
    instance_norm: InstanceNorm[InstanceNormAnswer]
    activation: Activation[ActivationAnswer]
    glu: Glu[GluAnswer]
    softmax: Softmax[SoftmaxAnswer]
    softmin: Softmin[SoftminAnswer]
    log_softmax: LogSoftmax[LogSoftmaxAnswer]
    hardmax: Hardmax[HardmaxAnswer]
    linear: Linear[LinearAnswer]
    embedding: Embedding[EmbeddingAnswer]
    dropout: Dropout[DropoutAnswer]
    mse: Mse[MseAnswer]
    mae: Mae[MaeAnswer]
    huber: Huber[HuberAnswer]
    smooth_l1: SmoothL1[SmoothL1Answer]
    cross_entropy: CrossEntropy[CrossEntropyAnswer]
    nll: Nll[NllAnswer]
    binary_cross_entropy: BinaryCrossEntropy[BinaryCrossEntropyAnswer]
    kl_divergence: KlDivergence[KlDivergenceAnswer]
    hinge: Hinge[HingeAnswer]
    hinge_embedding: HingeEmbedding[HingeEmbeddingAnswer]
    multi_margin: MultiMargin[MultiMarginAnswer]
    cosine: Cosine[CosineAnswer]
    triplet: Triplet[TripletAnswer]
    gaussian_nll: GaussianNll[GaussianNllAnswer]
    poisson_nll: PoissonNll[PoissonNllAnswer]
    feed_forward: FeedForward[FeedForwardAnswer]
    encoder_layer: EncoderLayer[EncoderLayerAnswer]
    decoder_layer: DecoderLayer[DecoderLayerAnswer]
    encoder: Encoder[EncoderAnswer]
    decoder: Decoder[DecoderAnswer]
    transformer: Transformer[TransformerAnswer]
    language_model: LanguageModel[LanguageModelAnswer]
    patch_embedding: PatchEmbedding[PatchEmbeddingAnswer]
    vision_transformer: VisionTransformer[VisionTransformerAnswer]
    graph: Graph[AnyAnswer]
    compare: Compare[Answer]
    cost: Cost[Answer]
    moments: Moments[Answer]
    solve: Solve[Answer]
    grade: Grade[Answer]
    check: Check[Answer]
    variants: Variants[Answer]


class AsyncOperations:
    """The methods of the asynchronous client."""

    attention: Attention[Coroutine[Any, Any, AttentionAnswer]]
    self_attention: SelfAttention[Coroutine[Any, Any, SelfAttentionAnswer]]
    cross_attention: CrossAttention[Coroutine[Any, Any, CrossAttentionAnswer]]
    positional_encoding: PositionalEncoding[Coroutine[Any, Any, PositionalEncodingAnswer]]
    rotary_embedding: RotaryEmbedding[Coroutine[Any, Any, RotaryEmbeddingAnswer]]
    conv1d: Conv1d[Coroutine[Any, Any, Conv1dAnswer]]
    conv2d: Conv2d[Coroutine[Any, Any, Conv2dAnswer]]
    conv_transpose1d: ConvTranspose1d[Coroutine[Any, Any, ConvTranspose1dAnswer]]
    conv_transpose2d: ConvTranspose2d[Coroutine[Any, Any, ConvTranspose2dAnswer]]
    max_pool1d: MaxPool1d[Coroutine[Any, Any, MaxPool1dAnswer]]
    max_pool2d: MaxPool2d[Coroutine[Any, Any, MaxPool2dAnswer]]
    average_pool1d: AveragePool1d[Coroutine[Any, Any, AveragePool1dAnswer]]
    average_pool2d: AveragePool2d[Coroutine[Any, Any, AveragePool2dAnswer]]
    lp_pool1d: LpPool1d[Coroutine[Any, Any, LpPool1dAnswer]]
    lp_pool2d: LpPool2d[Coroutine[Any, Any, LpPool2dAnswer]]
    max_unpool2d: MaxUnpool2d[Coroutine[Any, Any, MaxUnpool2dAnswer]]
    rnn: Rnn[Coroutine[Any, Any, RnnAnswer]]
    lstm: Lstm[Coroutine[Any, Any, LstmAnswer]]
    gru: Gru[Coroutine[Any, Any, GruAnswer]]
    layer_norm: LayerNorm[Coroutine[Any, Any, LayerNormAnswer]]
    rms_norm: RmsNorm[Coroutine[Any, Any, RmsNormAnswer]]
    batch_norm: BatchNorm[Coroutine[Any, Any, BatchNormAnswer]]
    group_norm: GroupNorm[Coroutine[Any, Any, GroupNormAnswer]]
    instance_norm: InstanceNorm[Coroutine[Any, Any, InstanceNormAnswer]]
    activation: Activation[Coroutine[Any, Any, ActivationAnswer]]
    glu: Glu[Coroutine[Any, Any, GluAnswer]]
    softmax: Softmax[Coroutine[Any, Any, SoftmaxAnswer]]
    softmin: Softmin[Coroutine[Any, Any, SoftminAnswer]]
    log_softmax: LogSoftmax[Coroutine[Any, Any, LogSoftmaxAnswer]]
    hardmax: Hardmax[Coroutine[Any, Any, HardmaxAnswer]]
    linear: Linear[Coroutine[Any, Any, LinearAnswer]]
    embedding: Embedding[Coroutine[Any, Any, EmbeddingAnswer]]
    dropout: Dropout[Coroutine[Any, Any, DropoutAnswer]]
    mse: Mse[Coroutine[Any, Any, MseAnswer]]
    mae: Mae[Coroutine[Any, Any, MaeAnswer]]
    huber: Huber[Coroutine[Any, Any, HuberAnswer]]
    smooth_l1: SmoothL1[Coroutine[Any, Any, SmoothL1Answer]]
    cross_entropy: CrossEntropy[Coroutine[Any, Any, CrossEntropyAnswer]]
    nll: Nll[Coroutine[Any, Any, NllAnswer]]
    binary_cross_entropy: BinaryCrossEntropy[Coroutine[Any, Any, BinaryCrossEntropyAnswer]]
    kl_divergence: KlDivergence[Coroutine[Any, Any, KlDivergenceAnswer]]
    hinge: Hinge[Coroutine[Any, Any, HingeAnswer]]
    hinge_embedding: HingeEmbedding[Coroutine[Any, Any, HingeEmbeddingAnswer]]
    multi_margin: MultiMargin[Coroutine[Any, Any, MultiMarginAnswer]]
    cosine: Cosine[Coroutine[Any, Any, CosineAnswer]]
    triplet: Triplet[Coroutine[Any, Any, TripletAnswer]]
    gaussian_nll: GaussianNll[Coroutine[Any, Any, GaussianNllAnswer]]
    poisson_nll: PoissonNll[Coroutine[Any, Any, PoissonNllAnswer]]
    feed_forward: FeedForward[Coroutine[Any, Any, FeedForwardAnswer]]
    encoder_layer: EncoderLayer[Coroutine[Any, Any, EncoderLayerAnswer]]
    decoder_layer: DecoderLayer[Coroutine[Any, Any, DecoderLayerAnswer]]
    encoder: Encoder[Coroutine[Any, Any, EncoderAnswer]]
    decoder: Decoder[Coroutine[Any, Any, DecoderAnswer]]
    transformer: Transformer[Coroutine[Any, Any, TransformerAnswer]]
    language_model: LanguageModel[Coroutine[Any, Any, LanguageModelAnswer]]
    patch_embedding: PatchEmbedding[Coroutine[Any, Any, PatchEmbeddingAnswer]]
    vision_transformer: VisionTransformer[Coroutine[Any, Any, VisionTransformerAnswer]]
    graph: Graph[Coroutine[Any, Any, AnyAnswer]]
    compare: Compare[Coroutine[Any, Any, Answer]]
    cost: Cost[Coroutine[Any, Any, Answer]]
    moments: Moments[Coroutine[Any, Any, Answer]]
    solve: Solve[Coroutine[Any, Any, Answer]]
    grade: Grade[Coroutine[Any, Any, Answer]]
    check: Check[Coroutine[Any, Any, Answer]]
    variants: Variants[Coroutine[Any, Any, Answer]]
