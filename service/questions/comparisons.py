"""Comparisons: the answers to a question before and after `changes`."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from compute.arithmetic.namespace import Array
from compute.budgets.planning import Allowance, allowed
from compute.errors import LISTED, QuestionErrors, at, unknown_name
from compute.operations import CATALOGUE
from compute.question.answer import Answer, advise_fewer_names
from compute.question.comparison import Difference, comparable_names, compare_answers
from compute.question.first_order import Prediction
from compute.question.limits import Limits, check_limits, too_many_values
from compute.question.plan import prepare
from compute.readings.selection import split_selection
from service.jobs import UNKNOWN_WORK, write_body
from service.questions.changes import ChangedQuestion
from service.questions.operations import GraphJob, understand
from service.questions.parts import collect_nested
from service.questions.rendering import note_json
from service.questions.tensors import encode
from service.questions.validation import read_operation, validate
from service.schemas.requests import request_model

OWN_FIELDS = ("operation", "changes", "first_order", "select")


@dataclass(frozen=True, slots=True)
class ComparisonJob:
    """A comparison that was requested.

    before: the question before the changes.
    document: its document.
    changes: the changes, by name.
    select: the names to compare; None for all.
    first_order: whether to predict changes to first order; None if they are small.
    limits: the limits on both answers together.
    """

    before: GraphJob
    document: dict[str, Any]
    changes: dict[str, Any]
    select: list[str] | None
    first_order: bool | None
    limits: Limits

    @property
    def work(self) -> int:
        """Unknown before the changes are applied, so the job never runs on the event loop."""
        return UNKNOWN_WORK

    def answer(self) -> bytes:
        """Return the answer as the body of a response."""
        changed = ChangedQuestion(self.before, self.document, self.changes)
        with allowed(Allowance(self.limits.values, too_many_values)):
            before, after = self._selected(self.before, changed.understand(_limits_of_one_half(self.limits)))
        self._check(before, after)
        after = replace(after, given=after.given | changed.edit_computed_values(before))
        runs = _Run(before, before.compute()), _Run(after, changed.compute(after))
        return write_body(self._body(*runs, changed))

    def _selected(self, *halves: GraphJob) -> tuple[GraphJob, GraphJob]:
        """Return the two questions, each with the selected names that its graph has."""
        if self.select is None:
            return halves[0], halves[1]
        also = tuple(self.select)
        graphs = [prepare(half.question._replace(also=also)).graph for half in halves]
        selected = []
        for half, graph, names in zip(halves, graphs, split_selection(graphs, also), strict=True):
            edited = tuple(name for name in self.changes if name in graph.names)
            question = half.question._replace(select=names, also=edited)
            selected.append(replace(half, question=question, plan=prepare(question)))
        return selected[0], selected[1]

    def _check(self, before: GraphJob, after: GraphJob) -> None:
        """Raise QuestionErrors if both halves together exceed the limits."""
        both = before.plan, after.plan
        first, second = (plan.predicted for plan in both)
        total = Limits(
            work=2 * first.work + 2 * second.work,
            entries=2 * first.entries + 2 * second.entries,
            answer=2 * first.answer + 2 * second.answer,
        )
        check_limits(total, self.limits, fewer=lambda: advise_fewer_names(*both, *both))

    def _body(self, before: "_Run", after: "_Run", changed: ChangedQuestion) -> dict[str, Any]:
        earlier, later = before.job.plan, after.job.plan
        shown = dict.fromkeys(name for run in (before, after) for name in run.shown())
        in_order = [*later.selected, *earlier.selected] if self.select is None else shown
        names = list(dict.fromkeys(in_order))
        removed = changed.removed[0] if len(set(changed.removed)) == 1 else ()
        comparable = comparable_names(earlier, later, bool(changed.removed))
        values, gradients = (
            compare_answers(old, new, comparable, removed, changed.orders, before.job.floating)
            for old, new in (
                [{name: values[name] for name in names if name in shown and name in values}
                 for values in (before.values(), after.values())],
                [before.answer.gradients, after.answer.gradients],
            )
        )  # fmt: skip
        prediction = self._predict(before.job, after.job, values)
        encoding = before.job.encoding

        def render(differences: Mapping[str, Difference], predicted: Prediction | None) -> dict[str, Any]:
            texts: dict[tuple[int, tuple[str, ...]], orjson.Fragment] = {}  # aliases share a text
            rendered: dict[str, Any] = {}
            for name, difference in differences.items():
                axes = (earlier if difference.before is not None else later).graph.names[name].axes
                key = id(difference), axes
                if key not in texts:
                    document = _difference_json(difference, name, axes, encoding, predicted)
                    texts[key] = orjson.Fragment(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))
                rendered[name] = texts[key]
            return rendered

        body: dict[str, Any] = {
            "operation": before.job.operation,
            "changed": list(self.changes),
            "conventions": earlier.conventions,
            "changed_conventions": {
                name: {"before": earlier.conventions.get(name), "after": later.conventions.get(name)}
                for name in dict.fromkeys([*earlier.conventions, *later.conventions])
                if earlier.conventions.get(name) != later.conventions.get(name)
            },
            "values": render(values, prediction),
        }
        if before.job.upstream:
            body["gradients"] = render(gradients, None)
        aliases = later.graph.aliases()
        body["aliases"] = {
            alias: name for alias, name in earlier.graph.aliases().items() if aliases.get(alias) == name
        }
        body["notes"] = [
            {"run": run, **note_json(note)}
            for run, half in (("before", before), ("after", after))
            for note in half.answer.notes
        ]
        body["unknown"] = list(dict.fromkeys([*earlier.unknown, *later.unknown]))
        return body

    def _predict(
        self, before: GraphJob, after: GraphJob, compared: Mapping[str, Difference]
    ) -> Prediction | None:
        if self.first_order is False:
            return None
        prediction = Prediction(
            before.plan,
            after.plan,
            before.known,
            after.known,
            [name for name, difference in compared.items() if _is_predicted(difference)],
        )
        if self.first_order and not prediction.possible:
            message = "there is no first order where shapes, masks or settings change"
            received = f"changes of {', '.join(sorted(self.changes)[:5])}"
            raise at(("first_order",), message, "changes of entries and constants alone", received)
        wanted = prediction.possible and (prediction.small or self.first_order)
        return prediction if wanted else None


@dataclass(frozen=True, slots=True)
class _Run:
    """One half of a comparison: the question and its answer."""

    job: GraphJob
    answer: Answer

    def shown(self) -> list[str]:
        """Return the names that its answer returns, and those that are given instead of computed."""
        plan = self.job.plan
        given = {name for name in self.job.given if not plan.graph.names[name].is_input}
        return [name for name in plan.selected if name in self.answer.values or name in given]

    def values(self) -> dict[str, Array]:
        """Return every known array by all its names, aliases included."""
        known = {**self.job.known, **self.answer.values}
        named = {
            name: known.get(name, known.get(str(value.name)))
            for name, value in self.job.plan.graph.names.items()
        }
        return {name: array for name, array in named.items() if array is not None}


def understand_comparison(document: dict[str, Any], limits: Limits) -> ComparisonJob:
    """Plan the comparison of a document. Raises QuestionErrors listing everything invalid in it."""
    operation = read_operation(document)
    request = validate(
        request_model(operation, "comparison"), collect_nested(CATALOGUE[operation], document)[0]
    )
    fields = request.__dict__
    base = {name: value for name, value in document.items() if name not in OWN_FIELDS}
    before = understand(operation, base, _limits_of_one_half(limits))
    declared, graph = CATALOGUE[operation], before.plan.graph
    known = dict.fromkeys([*declared.inputs, *declared.attributes, *graph.names])
    unknown = [name for name in fields["changes"] if name not in known and not declared.find_input(name)]
    if unknown:
        kind = "input, setting or value"
        errors = [unknown_name(("changes", name), kind, name, known) for name in unknown[:LISTED]]
        raise QuestionErrors(errors, len(unknown))
    select = fields["select"] if "select" in request.__pydantic_fields_set__ else None
    return ComparisonJob(before, base, fields["changes"], select, fields["first_order"], limits)


def _limits_of_one_half(limits: Limits) -> Limits:
    """Return the limits of one half. The size of the answer is checked once both halves are planned."""
    return replace(limits, answer=sys.maxsize)


def _is_predicted(compared: Difference) -> bool:
    return compared.difference is not None and compared.difference.dtype.kind == "f"


def _difference_json(
    compared: Difference, name: str, axes: tuple[str, ...], encoding: str, prediction: Prediction | None
) -> dict[str, Any]:
    sides = {"before": compared.before, "after": compared.after}
    body: dict[str, Any] = {
        side: encode(array, encoding) for side, array in sides.items() if array is not None
    }
    if compared.difference is not None:
        body |= {
            "difference": encode(compared.difference, encoding),
            "largest_change": encode(np.array(compared.largest), "nested"),
            "at": compared.at,
        }
    if compared.permutation:
        body["permutation"] = [
            {"axis": axes[permutation.axis], "order": list(permutation.order)}
            for permutation in compared.permutation
        ]
    if prediction is not None and compared.difference is not None and _is_predicted(compared):
        predicted = prediction.of(name, compared.difference)
        with np.errstate(invalid="ignore"):
            error = np.abs(compared.difference - predicted).max()
        body["first_order"] = encode(predicted, encoding)
        body["first_order_error"] = encode(error, "nested")
    return body
