"""What `changes` make of a question: the question afterwards, and what edits did along axes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import QuestionError, QuestionErrors, at
from compute.operations import CATALOGUE
from compute.question.answer import Answer
from compute.question.comparison import Order
from compute.question.limits import Limits
from compute.readings.evaluation import Evaluation
from service.questions.edits import apply_edit, is_edit, permuted_indices, removed_indices
from service.questions.operations import GraphJob, understand
from service.questions.parts import flattened, full_name


class Changed:
    """A question and its document, with changes applied to both.

    orders: in which edits put slices; removed: what each edit took out.
    """

    def __init__(self, before: GraphJob, document: dict[str, Any], changes: Mapping[str, Any]) -> None:
        self.before = before
        self.changes = changes
        self.operation = CATALOGUE[before.operation]
        self.orders: list[Order] = []
        self.removed: list[Order] = []
        self.document = flattened(self.operation, document, before.inputs)
        self.document["given"] = dict(document.get("given", {}))
        for name, change in changes.items():
            self._apply(name, change)

    def understood(self, limits: Limits) -> GraphJob:
        """The question afterwards, with faults at the changes that made them."""
        with self._faults():
            return understand(self.before.operation, self.document, limits)

    def found(self, after: GraphJob) -> Answer:
        """The answer to the question afterwards, with faults at the changes that made them."""
        with self._faults():
            return after.found()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except QuestionErrors as found:
            errors = [self._from_changes(error) for error in found.errors]
            raise QuestionErrors(errors, found.total) from None

    def _from_changes(self, error: QuestionError) -> QuestionError:
        """A fault of the changed question, at the change that made it where that can be said."""
        path = error.path[1:] if error.path[:1] == ("given",) else error.path
        if path and path[0] in self.changes:
            return type(error)(("changes", *path), error.message, error.expected, error.received)
        if path and (name := full_name(path[:-1], path[-1])) in self.changes:  # a tensor that was taken away
            return type(error)(("changes", name), error.message, error.expected, error.received)
        path, message = self.before.origins.path(error.path), f"after the changes, {error.message}"
        return type(error)(path, message, error.expected, error.received)

    def _apply(self, name: str, change: Any) -> None:
        given, path = self.document["given"], ("changes", name)
        taken = self.operation.find_input(name) is not None and name not in given
        place = self.document if taken or name in self.operation.attributes else given
        if change is None:
            if name not in place:
                raise at(path, "was left out before, so there is nothing to take away",
                         "what is to be there", "null")  # fmt: skip
            del place[name]
        elif is_edit(change) and name not in self.operation.attributes:
            place[name] = self._edited(name, self.before)
            if (order := permuted_indices(change)) is not None:
                self.orders.append(order)
            if (removed := removed_indices(change)) is not None:
                self.removed.append(removed)
        else:
            place[name] = change

    def computed(self, before: GraphJob) -> dict[str, Array]:
        """Values that are computed and then edited, by name; before: the question as it is to be computed.

        What an edit leaves alone is then the same to the last digit.
        """
        return {
            name: self._edited(name, before)
            for name, change in self.changes.items()
            if is_edit(change) and name in before.prepared.graph.names and name not in before.known
            and name not in self.operation.attributes
        }  # fmt: skip

    def _edited(self, name: str, before: GraphJob) -> Array:
        return apply_edit(self.changes[name], self._entries(name, before), ("changes", name), before.floating)

    def _entries(self, name: str, before: GraphJob) -> Array:
        """What a name stands for before the change, computed if need be."""
        known = before.known
        if name in known:
            return known[name]
        graph, path = before.prepared.graph, ("changes", name)
        if name not in graph.names:
            raise at(path, "was left out before, so there is nothing to edit", "a tensor", "an edit")
        indices = {graph.names[one].index: array for one, array in known.items()}
        evaluation = Evaluation(graph, before.floating, indices)
        index = graph.names[name].index
        if not evaluation.reachable[index]:
            raise at(path, "was unknown before, so there is nothing to edit", "a tensor", "an edit")
        evaluation.request([index])
        with np.errstate(all="ignore"):
            return evaluation.run(indices)[index]
