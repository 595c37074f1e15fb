"""The question how two answers of one operation differ: `changes` made to a question, and both answered."""

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
from compute.question.answer import Answer, fewer_names
from compute.question.comparison import Difference, comparable_names, differences
from compute.question.first_order import Prediction
from compute.question.limits import Limits, check_limits, too_many_values
from compute.question.plan import prepare
from compute.readings.selection import split_selection
from service.questions.changes import Changed
from service.questions.operations import GraphJob, understand
from service.questions.parts import collect_nested
from service.questions.rendering import note_json
from service.questions.tensors import encode
from service.questions.validation import chosen_operation, validate
from service.schemas.requests import request_model

OWN_FIELDS = ("operation", "changes", "first_order", "select")


@dataclass(frozen=True, slots=True)
class ComparisonJob:
    """A question, what is changed in it, the names to compare (None: all), and whether the first order is
    asked for (None: where it is apt).
    """

    before: GraphJob
    document: dict[str, Any]
    changes: dict[str, Any]
    select: list[str] | None
    first_order: bool | None
    limits: Limits

    @property
    def work(self) -> int:
        """Not known before the changes are made, so never done where it stands."""
        return sys.maxsize

    def answer(self) -> bytes:
        """The answer as the body of a response."""
        changed = Changed(self.before, self.document, self.changes)
        with allowed(Allowance(self.limits.values, too_many_values)):
            before, after = self._selected(self.before, changed.understood(_of_one_half(self.limits)))
        self._check(before, after)
        after = replace(after, given=after.given | changed.computed(before))
        runs = _Run(before, before.found()), _Run(after, changed.found(after))
        return orjson.dumps(self._body(*runs, changed), option=orjson.OPT_SERIALIZE_NUMPY)

    def _selected(self, *halves: GraphJob) -> tuple[GraphJob, GraphJob]:
        """The two questions, each asking for those of the selected names that it has."""
        if self.select is None:
            return halves[0], halves[1]
        also = tuple(self.select)
        graphs = [prepare(half.asked._replace(also=also)).graph for half in halves]
        found = []
        for half, graph, there in zip(halves, graphs, split_selection(graphs, also), strict=True):
            edited = tuple(name for name in self.changes if name in graph.names)
            asked = half.asked._replace(select=there, also=edited)
            found.append(replace(half, asked=asked, prepared=prepare(asked)))
        return found[0], found[1]

    def _check(self, before: GraphJob, after: GraphJob) -> None:
        """Refuse what is too much together, though each half may be allowed."""
        both = before.prepared, after.prepared
        one, other = (half.predicted for half in both)
        together = Limits(
            work=2 * one.work + 2 * other.work,
            entries=2 * one.entries + 2 * other.entries,
            answer=2 * one.answer + 2 * other.answer,
        )
        check_limits(together, self.limits, fewer=lambda: fewer_names(*both, *both))

    def _body(self, before: "_Run", after: "_Run", changed: Changed) -> dict[str, Any]:
        prepared, later = before.question.prepared, after.question.prepared
        shown = dict.fromkeys(name for run in (before, after) for name in run.shown())
        in_order = [*later.selected, *prepared.selected] if self.select is None else shown
        names = list(dict.fromkeys(in_order))
        removed = changed.removed[0] if len(set(changed.removed)) == 1 else ()
        comparable = comparable_names(prepared, later, bool(changed.removed))
        values, gradients = (
            differences(one, other, comparable, removed, changed.orders, before.question.floating)
            for one, other in (
                [{name: all_[name] for name in names if name in shown and name in all_}
                 for all_ in (before.values(), after.values())],
                [before.found.gradients, after.found.gradients],
            )
        )  # fmt: skip
        prediction = self._predict(before.question, after.question, values)
        encoding = before.question.encoding

        def rendered(all_: Mapping[str, Difference], predicted: Prediction | None) -> dict[str, Any]:
            texts: dict[tuple[int, tuple[str, ...]], orjson.Fragment] = {}  # names of one value share a text
            found: dict[str, Any] = {}
            for name, one in all_.items():
                axes = (prepared if one.before is not None else later).graph.names[name].axes
                if (id(one), axes) not in texts:
                    difference = _difference_json(one, name, axes, encoding, predicted)
                    text = orjson.dumps(difference, option=orjson.OPT_SERIALIZE_NUMPY)
                    texts[id(one), axes] = orjson.Fragment(text)
                found[name] = texts[id(one), axes]
            return found

        body: dict[str, Any] = {
            "operation": before.question.operation,
            "changed": list(self.changes),
            "conventions": prepared.conventions,
            "changed_conventions": {
                name: {"before": prepared.conventions.get(name), "after": later.conventions.get(name)}
                for name in dict.fromkeys([*prepared.conventions, *later.conventions])
                if prepared.conventions.get(name) != later.conventions.get(name)
            },
            "values": rendered(values, prediction),
        }
        if before.question.upstream:
            body["gradients"] = rendered(gradients, None)
        aliases = later.graph.aliases()
        body["aliases"] = {
            name: one for name, one in prepared.graph.aliases().items() if aliases.get(name) == one
        }
        body["notes"] = [
            {"run": run, **note_json(note)}
            for run, one in (("before", before), ("after", after))
            for note in one.found.notes
        ]
        body["unknown"] = list(dict.fromkeys([*prepared.unknown, *later.unknown]))
        return body

    def _predict(
        self, before: GraphJob, after: GraphJob, compared: Mapping[str, Difference]
    ) -> Prediction | None:
        if self.first_order is False:
            return None
        prediction = Prediction(
            before.prepared,
            after.prepared,
            before.known,
            after.known,
            [name for name, one in compared.items() if _is_predicted(one)],
        )
        if self.first_order and not prediction.possible:
            message = "there is no first order where shapes, masks or settings change"
            received = f"changes of {', '.join(sorted(self.changes)[:5])}"
            raise at(("first_order",), message, "changes of entries and constants alone", received)
        wanted = prediction.possible and (prediction.small or self.first_order)
        return prediction if wanted else None


@dataclass(frozen=True, slots=True)
class _Run:
    """One half of a comparison: the question and what was found."""

    question: GraphJob
    found: Answer

    def shown(self) -> list[str]:
        """The names that its own answer would show, and those that were given in place of being computed."""
        prepared = self.question.prepared
        taken = {name for name in self.question.given if not prepared.graph.names[name].is_input}
        return [name for name in prepared.selected if name in self.found.values or name in taken]

    def values(self) -> dict[str, Array]:
        """Everything known by every name, aliases included."""
        known = {**self.question.known, **self.found.values}
        named = {
            name: known.get(name, known.get(str(value.name)))
            for name, value in self.question.prepared.graph.names.items()
        }
        return {name: array for name, array in named.items() if array is not None}


def understand_comparison(document: dict[str, Any], limits: Limits) -> ComparisonJob:
    """The comparison that a document asks for. Raises QuestionErrors for all that is wrong with it."""
    operation = chosen_operation(document)
    request = validate(
        request_model(operation, "comparison"), collect_nested(CATALOGUE[operation], document)[0]
    )
    fields = request.__dict__
    base = {name: one for name, one in document.items() if name not in OWN_FIELDS}
    before = understand(operation, base, _of_one_half(limits))
    declared, graph = CATALOGUE[operation], before.prepared.graph
    known = dict.fromkeys([*declared.inputs, *declared.attributes, *graph.names])
    unknown = [name for name in fields["changes"] if name not in known and not declared.find_input(name)]
    if unknown:
        kind = "input, setting or value"
        errors = [unknown_name(("changes", name), kind, name, known) for name in unknown[:LISTED]]
        raise QuestionErrors(errors, len(unknown))
    select = fields["select"] if "select" in request.__pydantic_fields_set__ else None
    return ComparisonJob(before, base, fields["changes"], select, fields["first_order"], limits)


def _of_one_half(limits: Limits) -> Limits:
    """What one half may take: names are selected, and what is sent back counted, once both are there."""
    return replace(limits, answer=sys.maxsize)


def _is_predicted(one: Difference) -> bool:
    return one.difference is not None and one.difference.dtype.kind == "f"


def _difference_json(
    one: Difference, name: str, axes: tuple[str, ...], encoding: str, prediction: Prediction | None
) -> dict[str, Any]:
    sides = {"before": one.before, "after": one.after}
    body: dict[str, Any] = {
        side: encode(array, encoding) for side, array in sides.items() if array is not None
    }
    if one.difference is not None:
        body |= {
            "difference": encode(one.difference, encoding),
            "largest_change": encode(np.array(one.largest), "nested"),
            "at": one.at,
        }
    if one.permutation:
        body["permutation"] = [
            {"axis": axes[moved.axis], "order": list(moved.order)} for moved in one.permutation
        ]
    if prediction is not None and one.difference is not None and _is_predicted(one):
        predicted = prediction.of(name, one.difference)
        with np.errstate(invalid="ignore"):
            error = np.abs(one.difference - predicted).max()
        body["first_order"] = encode(predicted, encoding)
        body["first_order_error"] = encode(error, "nested")
    return body
