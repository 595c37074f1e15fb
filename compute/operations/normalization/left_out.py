"""Conventions for gains and biases of normalizations that are left out."""

from compute.graph.graph import Value


def state_left_out(x: Value, gain: Value | None, bias: Value | None = None, *, has_bias: bool = True) -> None:
    """State in the conventions that a missing gain is ones, and a missing bias zeros."""
    if gain is None:
        x.graph.conventions["gain_left_out"] = "ones"
    if bias is None and has_bias:
        x.graph.conventions["bias_left_out"] = "zeros"
