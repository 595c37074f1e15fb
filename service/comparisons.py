"""The question how two answers of one operation differ: `changes` made to a question, and both answered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson

from compute.answers import Answer, Limits, Prepared, check_limits
from compute.arithmetic.namespace import Array
from compute.comparison import Difference, Order, Prediction, differences
from compute.errors import QuestionError, QuestionErrors, unknown_name
from compute.evaluation import Evaluation
from compute.operations import CATALOGUE
from compute.questions import ARITHMETICS
from service.edits import apply_edit, is_edit, permuted_indices, removed_indices
from service.problems import at
from service.questions import Question, understand
from service.schemas import chosen_operation, request_model, validate
from service.tensors import encode

OWN_FIELDS = ("operation", "changes", "first_order")
COPIES = 4  # before, after, their difference, and what the first order predicts


@dataclass(frozen=True, slots=True)
class ComparisonQuestion:
    """A question, what is changed in it, and whether the first order is asked for (None: where it is apt)."""

    before: Question
    document: dict[str, Any]
    changes: dict[str, Any]
    first_order: bool | None
    limits: Limits

    @property
    def work(self) -> int:
        """Predicted elementary operations: the answer twice, its linearization, and what is written."""
        return COPIES * self.before.work

    def answer(self) -> bytes:
        """The answer as the body of a response."""
        changed = _Changed(self)
        after = changed.understood()
        self._check(after)
        answers = [one.prepared.answer(one.inputs, one.given, one.upstream) for one in (self.before, after)]
        return orjson.dumps(self._body(after, answers, changed), option=orjson.OPT_SERIALIZE_NUMPY)

    def _check(self, after: Question) -> None:
        """Refuse what is too much together, though each half may be allowed."""
        one, other = self.before.prepared.predicted, after.prepared.predicted
        together = Limits(
            work=2 * one.work + 2 * other.work,
            entries=2 * one.entries + 2 * other.entries,
            answer=2 * one.answer + 2 * other.answer,
        )
        check_limits(together, self.limits)

    def _body(self, after: Question, answers: list[Answer], changed: "_Changed") -> dict[str, Any]:
        before, encoding = self.before, self.before.encoding
        arithmetic = before.prepared.evaluation.arithmetic.name
        values = [_values(one, found) for one, found in zip((before, after), answers, strict=True)]
        gradients = [found.gradients for found in answers]
        compared = [
            differences(one, other, changed.removed, changed.orders, arithmetic)
            for one, other in (values, gradients)
        ]
        prediction = self._predict(after, compared[0])
        conventions = [one.prepared.conventions for one in (before, after)]
        body: dict[str, Any] = {
            "operation": before.operation,
            "changed": list(self.changes),
            "conventions": conventions[0],
            "changed_conventions": {
                name: {"before": conventions[0].get(name), "after": conventions[1].get(name)}
                for name in dict.fromkeys([*conventions[0], *conventions[1]])
                if conventions[0].get(name) != conventions[1].get(name)
            },
            "values": {
                name: _difference_json(one, before.prepared, name, encoding, prediction)
                for name, one in compared[0].items()
            },
        }
        if before.upstream:
            body["gradients"] = {
                name: _difference_json(one, before.prepared, name, encoding, None)
                for name, one in compared[1].items()
            }
        body["aliases"] = before.prepared.graph.aliases()
        body["notes"] = [
            {"run": run, **asdict(note)}
            for run, found in zip(("before", "after"), answers, strict=True)
            for note in found.notes
        ]
        body["unknown"] = list(dict.fromkeys([*before.prepared.unknown, *after.prepared.unknown]))
        return body

    def _predict(self, after: Question, compared: Mapping[str, Difference]) -> Prediction | None:
        if self.first_order is False:
            return None
        names = [
            name
            for name, one in compared.items()
            if one.difference is not None and one.before.dtype.kind == "f"
        ]
        before = self.before
        prediction = Prediction(
            before.prepared,
            after.prepared,
            {**before.inputs, **before.given},
            {**after.inputs, **after.given},
            names,
        )
        if self.first_order and not prediction.possible:
            message = "there is no first order where shapes, masks or settings change"
            raise at(("first_order",), message, "changes of entries and constants alone", "other changes")
        wanted = prediction.possible and (prediction.small or self.first_order)
        return prediction if wanted else None


class _Changed:
    """The question after its changes, and what the edits did along axes."""

    def __init__(self, question: ComparisonQuestion) -> None:
        self.question = question
        self.operation = CATALOGUE[question.before.operation]
        self.orders: list[Order] = []
        self.removed: Order = ()
        self.document = dict(question.document)
        self.document["given"] = dict(question.document.get("given", {}))
        for name, change in question.changes.items():
            self._apply(name, change)

    def understood(self) -> Question:
        """The changed question, with faults at the changes that made them."""
        before, changes = self.question.before, self.question.changes
        try:
            return understand(before.operation, self.document, self.question.limits)
        except QuestionErrors as found:
            errors = [_from_changes(error, changes) for error in found.errors]
            raise QuestionErrors(errors, found.total) from None

    def _apply(self, name: str, change: Any) -> None:
        given, path = self.document["given"], ("changes", name)
        if name in self.operation.attributes:
            place = self.document
        elif name in self.operation.inputs:
            place = given if name in given else self.document
        else:
            place = given
        if change is None:
            if place is given and name not in given:
                raise at(path, "is not given, so there is nothing to take away",
                         "a tensor or an edit", "null")  # fmt: skip
            place.pop(name, None)
        elif is_edit(change) and name not in self.operation.attributes:
            arithmetic = ARITHMETICS[self.question.before.prepared.evaluation.arithmetic.name]
            place[name] = apply_edit(change, self._entries(name), path, arithmetic)
            if (order := permuted_indices(change)) is not None:
                self.orders.append(order)
            if (removed := removed_indices(change)) is not None:
                self.removed = removed
        else:
            place[name] = change

    def _entries(self, name: str) -> Array:
        """What a name stands for before the change, computed if need be."""
        before = self.question.before
        known = {**before.inputs, **before.given}
        if name in known:
            return known[name]
        graph = before.prepared.graph
        if name not in graph.names:
            raise at(("changes", name), "is left out, so there is nothing to edit", "a tensor", "an edit")
        indices = {graph.names[one].index: array for one, array in known.items()}
        evaluation = Evaluation(graph, before.prepared.evaluation.arithmetic, indices)
        index = graph.names[name].index
        if not evaluation.reachable[index]:
            raise at(("changes", name), "is unknown before the change", "a tensor", "an edit")
        evaluation.want([index])
        with np.errstate(all="ignore"):
            return evaluation.run(indices)[index]


def understand_comparison(document: dict[str, Any], limits: Limits) -> ComparisonQuestion:
    """The comparison that a document asks for. Raises QuestionErrors for all that is wrong with it."""
    operation = chosen_operation(document)
    fields = validate(request_model(operation, "comparison"), document).__dict__
    base = {name: one for name, one in document.items() if name not in OWN_FIELDS}
    before = understand(operation, base, limits)
    declared, graph = CATALOGUE[operation], before.prepared.graph
    known = dict.fromkeys([*declared.inputs, *declared.attributes, *graph.names])
    errors = [unknown_name(("changes", name), "input, setting or value", name, known)
              for name in fields["changes"] if name not in known]  # fmt: skip
    if errors:
        raise QuestionErrors(errors)
    return ComparisonQuestion(before, base, fields["changes"], fields["first_order"], limits)


def _from_changes(error: QuestionError, changes: Mapping[str, Any]) -> QuestionError:
    """A fault of the changed question, at the change that made it where that can be said."""
    path = error.path[1:] if error.path[:1] == ("given",) else error.path
    if path and path[0] in changes:
        return type(error)(("changes", *path), error.message, error.expected, error.received)
    message = f"after the changes, {error.message}"
    return type(error)(error.path, message, error.expected, error.received)


def _values(question: Question, found: Answer) -> dict[str, Array]:
    """What was computed, and what was given in place of it."""
    values = question.prepared.graph.names
    known = {name: array for name, array in question.given.items() if not values[name].is_input}
    together = {**found.values, **known}
    return {name: together[name] for name in values if name in together}


def _difference_json(
    one: Difference, prepared: Prepared, name: str, encoding: str, prediction: Prediction | None
) -> dict[str, Any]:
    body: dict[str, Any] = {"before": encode(one.before, encoding), "after": encode(one.after, encoding)}
    if one.difference is not None:
        body |= {
            "difference": encode(one.difference, encoding),
            "largest_change": encode(np.array(one.largest), "nested"),
            "at": one.at,
        }
    if one.permutation is not None:
        axes = prepared.graph.names[name].axes
        body["permutation"] = {
            "order": list(one.permutation.order),
            "axes": [axes[axis] for axis in one.permutation.axes],
        }
    if prediction is not None and one.difference is not None and one.before.dtype.kind == "f":
        predicted = prediction.of(name, one.difference)
        with np.errstate(invalid="ignore"):
            error = np.abs(one.difference - predicted).max()
        body["first_order"] = encode(predicted, encoding)
        body["first_order_error"] = encode(error, "nested")
    return body
