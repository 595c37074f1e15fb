"""Documents of every kind, by the names of their examples, for checks that are too slow for all."""

from typing import Any

from tests.service.pages.documents import read_examples

NAMES = {
    "000_0_1_1": "a worked solution with gradients",
    "000_0_1_1_exact": "exact numbers",
    "000_exam_graded": "an exam with slips",
    "000_0_1_4_compare": "a comparison",
    "000_0_2_2_claims": "claims",
    "001_1c_gradients": "a convolution",
    "004_2_trace": "steps of an optimizer",
    "004_4_2_jacobian": "Jacobians",
    "cost_vision_transformer_letters": "a cost with letters",
    "diagram_self_attention": "a graph",
    "graph_attention": "a program",
    "linear": "a layer",
    "softmax_variants": "variants",
    "verify_exact": "evidence",
}


def read_kinds() -> dict[str, dict[str, Any]]:
    """Return the examples by their names."""
    examples = dict(read_examples())
    return {name: examples[name] for name in NAMES}
