"""How a reading is declared: the field that asks for it, its plan, and its part of the answer.

Requests, plans, answers and the documentation loop over `READINGS`. The types of fields and parts are plain
Python: dataclasses whose fields `compute.readings.described` documents, with `Tensor` for an array that is
sent and `Array` for one that is returned.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from compute.arithmetic.namespace import Array
from compute.graph.graph import Graph
from compute.programs.claims import Claim
from compute.readings.evaluation import Evaluation
from compute.readings.notes import Observed
from compute.readings.reverse_mode import Differentiation, Gradients


@dataclass(frozen=True, slots=True)
class RequestField:
    """The field of a request that asks for a reading.

    kind: the type of its value.
    idle: the value that asks for nothing, which is the default.
    most: the largest number of items, of a list.
    type_name: the name of its type in the OpenAPI document; that of the dataclass if `kind` is one.
    """

    name: str
    kind: Any
    idle: Any
    description: str
    type_name: str = ""
    most: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """The field of an answer that a reading fills. kind: the type of its value."""

    name: str
    kind: Any
    description: str


@dataclass(frozen=True, slots=True)
class Planning:
    """The plans of a question that a reading builds on.

    requests: the readings that are asked for, by field.
    seeds: the indices of values with an upstream gradient.
    returned, differentiated: the names whose values and gradients are returned.
    given: the names of values that are taken instead of computed.
    claims: the claims about a program.
    extensions: the results of `Reading.extend`, by field.
    """

    graph: Graph
    evaluation: Evaluation
    differentiation: Differentiation | None
    requests: Mapping[str, Any]
    seeds: list[int]
    returned: list[str]
    differentiated: list[str]
    given: frozenset[str]
    claims: list[Claim]
    extensions: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """The predicted work of an answer so far: of its values, of all gradients, and of everything together."""

    forward: int
    backward: int
    total: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """The predicted amounts that a reading adds to an answer.

    work: elementary operations.
    entries: numbers that it holds until the answer is sent.
    transient: numbers that it holds while it runs, beside those that an evaluation keeps.
    answer: numbers that it returns.
    differentiates: whether it runs backward passes over the values.
    """

    work: int = 0
    entries: int = 0
    transient: int = 0
    answer: int = 0
    differentiates: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """The numbers of one run that a reading works on.

    known: inputs and given values by index; values: those and the computed ones.
    upstream: upstream gradients by index.
    gradients: the results of the differentiation.
    tensors: the arrays that the reading's own field holds, by their path in it.
    parts: the parts of the answer that readings before this one have filled.
    """

    known: Mapping[int, Array]
    values: Mapping[int, Array]
    upstream: Mapping[int, Array]
    gradients: Gradients
    observed: Observed
    tensors: Mapping[str, Array] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)


class PlannedReading(ABC):
    """A reading of one question, before its entries.

    held: an estimate of the bytes that the plan holds, once `predict` was called.
    """

    held = 0

    def predict(self, work: Work) -> Amounts:
        """Return the amounts that it adds to an answer, given the predicted work of everything before it."""
        return Amounts()

    def sent(self) -> Iterable[tuple[str, int]]:
        """Return a description of each array that it returns, with the number of its entries."""
        return ()

    @abstractmethod
    def run(self, run: Execution) -> Any:
        """Return the result; a list of notes if the reading has no part of its own."""


class Reading(ABC):
    """A reading that an answer may hold beside values and gradients.

    field: the field of a request that asks for it.
    part: its part of the answer; None if it adds notes.
    programs_only: whether only programs take the field.
    floats_only: whether exact arithmetic refuses it; `exact_refusal` says why.
    exact_only: whether floats refuse it.
    compared: whether a comparison of two answers takes the field.
    """

    field: ClassVar[RequestField]
    part: ClassVar[AnswerPart | None]
    programs_only: ClassVar[bool] = False
    floats_only: ClassVar[bool] = False
    exact_refusal: ClassVar[str] = ""
    exact_only: ClassVar[bool] = False
    compared: ClassVar[bool] = False

    def names(self, request: Any) -> Iterable[str]:
        """Return the names of values that the request mentions."""
        return ()

    def extend(self, graph: Graph) -> Any:
        """Add values to the graph that it needs, before the evaluation is planned."""
        return None

    @abstractmethod
    def plan(self, planning: Planning, request: Any) -> PlannedReading:
        """Plan the reading. Raises QuestionErrors if the request does not fit the graph."""

    def document(self, result: Any, is_exact: bool) -> Any:
        """Return a result as the part of the answer is declared. is_exact: whether numbers are exact."""
        return result
