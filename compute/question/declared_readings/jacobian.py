"""Jacobians between any two named values."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from compute.arithmetic.namespace import Array
from compute.dimensions import product
from compute.errors import QuestionErrors, at, unknown_name
from compute.graph.graph import Value
from compute.graph.work import copy_work
from compute.question.declared_readings.declaration import (
    Amounts,
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.question.plan_bytes import differentiation_bytes
from compute.question.predicted_size import predict_backward_pass
from compute.question.sent_values import known_size
from compute.readings.described import described
from compute.readings.evaluation import Evaluation
from compute.readings.jacobians import Jacobian, Support, compute_jacobian
from compute.readings.reverse_mode import Differentiation, by_consumer
from compute.readings.sparsity import find_accidental_slices, find_blocks, find_zero_slices, is_full, reach

LOOKS = 10  # passes over a Jacobian to find its zeros
SUPPORTS = 4  # further runs, over numbers that show which entries depend on which


@dataclass(frozen=True, slots=True)
class JacobianPair:
    """The Jacobian of one value with respect to another."""

    of: str = described("The value that is differentiated.")
    wrt: str = described("The value that it is differentiated with respect to.")
    by_path: bool = described(
        "Whether to also return its parts, one for each value that uses `wrt`: the products of the chain rule"
        " before they are summed.",
        default=False,
    )


def known_value(evaluation: Evaluation, path: tuple[str | int, ...], name: str) -> Value:
    """Return the real value of this name, which can be computed. Raises QuestionErrors if there is none.

    path: the field that names it.
    """
    graph = evaluation.graph
    if name not in graph.names:
        raise QuestionErrors([unknown_name(path, "value", name, graph.names)])
    value = graph.names[name]
    if not evaluation.reachable[value.index] or value.kind != "real":
        kind = {"real": "an unknown value", "boolean": "booleans"}.get(value.kind, "indices")
        raise at(path, f"{name} is unknown or no number", "a real value that can be computed", kind)
    return value


def check_path(plan: Differentiation, path: tuple[str | int, ...], of: Value, wrt: str) -> None:
    """Raise QuestionErrors if given or unknown values cut every path from `wrt` to `of`."""
    index = plan.evaluation.graph.names[wrt].index
    if index in plan.cut or index in plan.unknown:
        message = f"{wrt} leads to {of.name} only through values that are given or unknown"
        received = f"{wrt}, from which every path is cut"
        raise at(path, message, "a value with a known path", received)


class _Planned(PlannedReading):
    def __init__(self, evaluation: Evaluation, pairs: Iterable[JacobianPair]) -> None:
        self._pairs = [_Pair(evaluation, place, pair) for place, pair in enumerate(pairs)]

    def predict(self, work: Work) -> Amounts:
        passes = [predict_backward_pass(pair.plan) for pair in self._pairs]
        self.held = sum(differentiation_bytes(pair.plan) for pair in self._pairs)
        entries = sum(count for _, count in self.sent())
        return Amounts(
            work=sum(
                pair.work(backward, work.forward)
                for pair, (backward, _) in zip(self._pairs, passes, strict=True)
            ),
            entries=entries,
            transient=max(held for _, held in passes),
            answer=entries,
            differentiates=True,
        )

    def sent(self) -> Iterable[tuple[str, int]]:
        for pair in self._pairs:
            yield f"the Jacobian of {pair.request.of} by {pair.request.wrt}", pair.entries

    def run(self, run: Execution) -> list[Jacobian]:
        return [pair.run(run.known, run.values) for pair in self._pairs]


class _Pair:
    """The plan of one Jacobian."""

    def __init__(self, evaluation: Evaluation, place: int, request: JacobianPair) -> None:
        self.request, self._evaluation = request, evaluation
        self.of = known_value(evaluation, ("jacobian", place, "of"), request.of)
        self.wrt = known_value(evaluation, ("jacobian", place, "wrt"), request.wrt)
        self.plan = Differentiation(evaluation, {self.of.index}, [self.wrt.index])
        check_path(self.plan, ("jacobian", place, "wrt"), self.of, request.wrt)
        self._support: Support | None = None

    @property
    def entries(self) -> int:
        """The number of entries that are returned, those of parts by path included."""
        entries = known_size(product(self.of.shape)) * known_size(product(self.wrt.shape))
        cotangent = self.plan.cotangents.get(self.wrt.index) if self.request.by_path else None
        return entries * (1 + (len(cotangent.sources) if cotangent else 0))

    def work(self, backward: int, forward: int) -> int:
        """Return the predicted work, given that of one backward pass and of one evaluation."""
        rows, columns = known_size(product(self.of.shape)), known_size(product(self.wrt.shape))
        # The backward pass for each row, and for slices of the output to tell zeros from accidents.
        slices = sum(min(size, 3 * int(size**0.5) + SUPPORTS) for size in map(known_size, self.of.shape))
        work = (rows + slices + SUPPORTS) * (backward + copy_work(self.wrt.shape)) + SUPPORTS * forward
        return work + LOOKS * rows * columns * max(1, self.of.rank)

    def run(self, known: Mapping[int, Array], values: Mapping[int, Array]) -> Jacobian:
        """Return the Jacobian for the values of a run. known: inputs and given values by index."""
        jacobian, parts = compute_jacobian(self.plan, values, self.of, self.wrt, by_path=self.request.by_path)
        present = reached = reach(jacobian, self.of.rank)
        if not all(is_full(entries) for slices in present for entries in slices):
            if self._support is None:
                self._support = Support(self._evaluation, self.of, self.wrt)
            reached = self._support.find(known, present)
        labels = self.of.axes, self.wrt.axes
        return Jacobian(
            of=self.request.of,
            wrt=self.request.wrt,
            value=jacobian,
            contributions=by_consumer(self._evaluation.graph, parts),
            zeros=find_blocks(reached, *labels),
            zero_slices=find_zero_slices(reached, *labels),
            accidental_zero_slices=find_accidental_slices(present, reached, *labels),
        )


class JacobianReading(Reading):
    """Jacobians between any two names, with the zeros that they have for all numbers."""

    field = RequestField(
        "jacobian", list[JacobianPair], [], "Jacobians to return, between any two names.", "JacobianPairs", 16
    )
    part = AnswerPart("jacobians", list[Jacobian], "The Jacobians that were asked for.")

    def names(self, request: Collection[JacobianPair]) -> Iterable[str]:
        return (name for pair in request for name in (pair.of, pair.wrt))

    def plan(self, planning: Planning, request: Collection[JacobianPair]) -> PlannedReading:
        return _Planned(planning.evaluation, request)
