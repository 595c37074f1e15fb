"""Every known mistake by its code."""

from compute.grading.known_mistakes import KNOWN_MISTAKES


def test_mistakes_of_operations_and_of_optimizers_are_explained() -> None:
    assert {"attention.no_scale", "optimizer.decay_order"} <= KNOWN_MISTAKES.keys()
    assert all(one.note and one.message and one.code == code for code, one in KNOWN_MISTAKES.items())
