"""Which steps can have a kink."""

from compute.arithmetic.constants import evaluate
from compute.graph.graph import Value

# Primitives that have all derivatives wherever they are finite. Any other is taken to have kinks, so that
# those of a new primitive are reported.
SMOOTH = frozenset({
    "add", "add_mask", "affine", "arcsinh", "arctan", "average", "broadcast_to", "concatenate",
    "constant", "contract", "convolve", "convolve_transposed", "cos", "cosh", "cumulative_product",
    "cumulative_sum", "det", "diagonal", "diagonal_matrix", "divide", "entries_at", "erf", "exp",
    "expand_dims", "expm1", "flip", "gelu", "identity", "inv", "join_axes", "log", "log10", "log1p",
    "log2", "log_sigmoid", "log_softmax", "logsumexp_over", "matmul", "merge_axis", "mish", "multiply",
    "negative", "part", "permute", "project", "put_along_axis", "repeat", "reshape", "scaled_tanh",
    "sigmoid", "silu", "sin", "sinh", "softmax", "softplus", "solve", "split_axis", "square", "stack",
    "subtract", "sum_over", "take", "take_along_axis", "tanh", "tanhshrink", "time_step", "transpose",
    "triangle",
})  # fmt: skip


def is_smooth(value: Value) -> bool:
    """Return whether the step that computes a value has no kink, such as that of relu or a root at 0."""
    if value.primitive is None:
        return False
    if value.primitive.name == "power":
        exponent = value.attributes["exponent"]
        return not exponent.symbols() and evaluate(exponent).is_integer()
    return value.primitive.name in SMOOTH
