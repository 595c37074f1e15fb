"""Estimates of the memory that a kept plan holds, from counts of its parts.

Bytes per part were measured with tracemalloc, after an answer; a test holds whole plans to a factor of two.
"""

from collections.abc import Hashable
from sys import getsizeof

from compute.question.answer import Plan
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation

BASE = 14_000
VALUE = 520  # one value, with its application and its inputs
NAME = 200  # its places in tables of names
STEP = 1_500  # how a value comes about, and that as JSON, which the first answer adds
INSTRUCTION = 220
GRADIENT = 400  # one instruction of a backward pass, with the slot that it fills
FLOW = 350  # the gradient of one named value
REFERENCE = 8


def plan_bytes(plan: Plan) -> int:
    """Estimate the bytes of a plan and of all that its answers will add to it."""
    held = BASE + VALUE * len(plan.graph.values) + NAME * len(plan.graph.names) + STEP * len(plan.stepped)
    held += _evaluation(plan.evaluation)
    held += sum(one.nbytes for one in plan.evaluation.constants.values())
    if plan.differentiation is not None:
        held += _differentiation(plan.differentiation)
    held += sum(_differentiation(backward) for *_, backward in plan.jacobians)
    if plan.verification is not None:
        held += plan.verification.held
    return held


def key_bytes(key: Hashable) -> int:
    """Estimate the bytes of a question: tuples, text, numbers and frozen sets of these."""
    held = getsizeof(key)
    if isinstance(key, tuple | frozenset):
        held += sum(map(key_bytes, key))
    return held


def _evaluation(plan: Evaluation) -> int:
    return REFERENCE * len(plan.reachable) + INSTRUCTION * len(plan.instructions)


def _differentiation(plan: Differentiation) -> int:
    held = REFERENCE * len(plan.evaluation.reachable)
    return held + GRADIENT * len(plan.instructions) + FLOW * len(plan.cotangents)
