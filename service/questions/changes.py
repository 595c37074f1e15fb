"""Applying `changes` to a question: the changed question, and the permutations and removals along axes."""

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
from service.questions.parts import flatten_document, full_name


class ChangedQuestion:
    """A question whose document has changes applied to it.

    document: the changed document.
    orders: the permutations that edits apply.
    removed: the indices that each edit removes.
    """

    def __init__(self, before: GraphJob, document: dict[str, Any], changes: Mapping[str, Any]) -> None:
        self.before = before
        self.changes = changes
        self.operation = CATALOGUE[before.operation]
        self.orders: list[Order] = []
        self.removed: list[Order] = []
        self.document = flatten_document(self.operation, document, before.inputs)
        self.document["given"] = dict(document.get("given", {}))
        for name, change in changes.items():
            self._apply(name, change)

    def understand(self, limits: Limits) -> GraphJob:
        """Return the changed question. Errors point to the changes that caused them."""
        with self._errors_at_changes():
            return understand(self.before.operation, self.document, limits)

    def compute(self, after: GraphJob) -> Answer:
        """Compute the answer to the changed question. Errors point to the changes that caused them."""
        with self._errors_at_changes():
            return after.compute()

    @contextmanager
    def _errors_at_changes(self) -> Iterator[None]:
        try:
            yield
        except QuestionErrors as raised:
            errors = [self._at_change(error) for error in raised.errors]
            raise QuestionErrors(errors, raised.total) from None

    def _at_change(self, error: QuestionError) -> QuestionError:
        """Point an error of the changed question to the change that caused it, if it is known."""
        path = error.path[1:] if error.path[:1] == ("given",) else error.path
        if path and path[0] in self.changes:
            return type(error)(("changes", *path), error.message, error.expected, error.received)
        if path and (name := full_name(path[:-1], path[-1])) in self.changes:  # a tensor that was removed
            return type(error)(("changes", name), error.message, error.expected, error.received)
        path, message = self.before.origins.resolve(error.path), f"after the changes, {error.message}"
        return type(error)(path, message, error.expected, error.received)

    def _apply(self, name: str, change: Any) -> None:
        given, path = self.document["given"], ("changes", name)
        is_input = self.operation.find_input(name) is not None and name not in given
        fields = self.document if is_input or name in self.operation.attributes else given
        if change is None:
            if name not in fields:
                raise at(path, "was left out before, so there is nothing to take away",
                         "what is to be there", "null")  # fmt: skip
            del fields[name]
        elif is_edit(change) and name not in self.operation.attributes:
            fields[name] = self._edit(name, self.before)
            if (order := permuted_indices(change)) is not None:
                self.orders.append(order)
            if (removed := removed_indices(change)) is not None:
                self.removed.append(removed)
        else:
            fields[name] = change

    def edit_computed_values(self, before: GraphJob) -> dict[str, Array]:
        """Return the computed values that edits change, by name, as they are after the edit.

        They are edited here so that entries which an edit leaves alone stay the same to the last digit.
        before: the question with the names that it is to compute.
        """
        return {
            name: self._edit(name, before)
            for name, change in self.changes.items()
            if is_edit(change) and name in before.plan.graph.names and name not in before.known
            and name not in self.operation.attributes
        }  # fmt: skip

    def _edit(self, name: str, before: GraphJob) -> Array:
        return apply_edit(
            self.changes[name], self._entries_before(name, before), ("changes", name), before.floating
        )

    def _entries_before(self, name: str, before: GraphJob) -> Array:
        """Return the tensor of a name before the change, computed if necessary."""
        known = before.known
        if name in known:
            return known[name]
        graph, path = before.plan.graph, ("changes", name)
        if name not in graph.names:
            raise at(path, "was left out before, so there is nothing to edit", "a tensor", "an edit")
        by_index = {graph.names[known_name].index: array for known_name, array in known.items()}
        evaluation = Evaluation(graph, before.floating, by_index)
        index = graph.names[name].index
        if not evaluation.reachable[index]:
            raise at(path, "was unknown before, so there is nothing to edit", "a tensor", "an edit")
        evaluation.request([index])
        with np.errstate(all="ignore"):
            return evaluation.run(by_index)[index]
