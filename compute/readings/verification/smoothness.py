"""Which steps can have a kink."""

from compute.arithmetic.constants import evaluate
from compute.graph.graph import Value

# Primitives that have all derivatives wherever they are finite. Any other is taken to have kinks, so that
# those of a new primitive are reported.
SMOOTH = frozenset({
    "add", "add_mask", "affine", "average", "concatenate", "constant", "convolve", "convolve_transposed",
    "cos", "divide", "erf", "exp", "expand_dims", "expm1", "gather", "gelu", "identity", "join_axes", "log",
    "log1p", "log_sigmoid", "log_softmax", "matmul", "merge_axis", "mish", "multiply", "negative", "part",
    "project", "repeat", "reshape", "scaled_tanh", "sigmoid", "silu", "sin", "softmax", "softplus",
    "broadcast_to", "split_axis", "square", "stack", "subtract", "sum_over", "tanh", "tanhshrink",
    "flip", "time_step", "transpose",
})  # fmt: skip


def is_smooth(value: Value) -> bool:
    """Return whether the step that computes a value has no kink, such as that of relu or a root at 0."""
    if value.primitive is None:
        return False
    if value.primitive.name == "power":
        exponent = value.attributes["exponent"]
        return not exponent.symbols() and evaluate(exponent).is_integer()
    return value.primitive.name in SMOOTH
