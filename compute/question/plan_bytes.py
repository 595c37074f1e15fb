"""Estimates of the memory that a cached plan holds, from counts of its parts.

Bytes per part were measured with tracemalloc, after an answer; a test checks whole plans to a factor of two.
"""

from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from sys import getsizeof

from compute.graph.graph import Graph
from compute.readings.evaluation import Evaluation
from compute.readings.reverse_mode import Differentiation

BASE = 14_000
VALUE = 520  # one value, with its application and its inputs
NAME = 200  # its entries in tables of names
STEP = 1_500  # the description of a step and its JSON, which the first answer adds
INSTRUCTION = 220
GRADIENT = 400  # one instruction of a backward pass, with its slot
COTANGENT = 350  # the cotangent of one value
REFERENCE = 8
NODE = 280  # one node of a diagram
EDGE = 90  # one edge, without its names, which the graph holds


def key_bytes(key: Hashable) -> int:
    """Estimate the bytes of a question: tuples, text, numbers and frozen sets of these."""
    held = getsizeof(key)
    if isinstance(key, tuple | frozenset):
        held += sum(map(key_bytes, key))
    elif is_dataclass(key):
        held += sum(key_bytes(getattr(key, field.name)) for field in fields(key))
    return held


def graph_bytes(graph: Graph, steps: int) -> int:
    """Estimate the bytes of a graph. steps: the number of steps that are described."""
    return BASE + VALUE * len(graph.values) + NAME * len(graph.names) + STEP * steps


def diagram_bytes(nodes: int, edges: int, characters: int) -> int:
    """Estimate the bytes of a diagram with so many nodes and edges, and of its text."""
    return NODE * nodes + EDGE * edges + characters


def evaluation_bytes(plan: Evaluation) -> int:
    """Estimate the bytes of an evaluation, including its constants."""
    held = REFERENCE * len(plan.reachable) + INSTRUCTION * len(plan.instructions)
    return held + sum(array.nbytes for array in plan.constants.values())


def differentiation_bytes(plan: Differentiation) -> int:
    """Estimate the bytes of a differentiation, without its evaluation."""
    held = REFERENCE * len(plan.evaluation.reachable)
    return held + GRADIENT * len(plan.instructions) + COTANGENT * len(plan.cotangents)
