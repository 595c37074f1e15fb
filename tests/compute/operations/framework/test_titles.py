"""Names of operations as titles."""

import pytest

from compute.operations import CATALOGUE
from compute.operations.framework.titles import write_title


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("lstm", "LSTM"), ("rms_norm", "RMS norm"), ("kl_divergence", "KL divergence"),
        ("softmax", "Softmax"), ("max_pool2d", "Max pool 2D"), ("conv_transpose1d", "Conv transpose 1D"),
        ("smooth_l1", "Smooth L1"),
    ],
)  # fmt: skip
def test_operations_have_titles(name: str, title: str) -> None:
    assert name in CATALOGUE
    assert write_title(name) == title
