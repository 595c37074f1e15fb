"""POST /v1/variants: fresh inputs for a question, from a seed."""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn

import numpy as np
import orjson

from compute.arithmetic.namespace import Array
from compute.errors import Path, QuestionErrors, TooLarge, at, unknown_name
from compute.grading.computations import Computation, Of
from compute.grading.graph_subject import GraphSubject
from compute.grading.rubrics import Rubric
from compute.grading.trace_setup import RATE
from compute.grading.trace_subject import TraceSubject
from compute.graph.graph import Graph
from compute.operations import CATALOGUE
from compute.optimizers.run.objective import ProgramObjective
from compute.question.limits import Limits
from compute.variants.constraints import Constraint, Kind, Wanted, list_constraints
from compute.variants.domains import Domain, rate_domain, template_domain
from compute.variants.generator import VERSION
from compute.variants.graphs import GRAPHS
from compute.variants.measures import as_fields, measure
from compute.variants.selection import REFUSED, REPEATED, Drawn, draw_variants
from compute.variants.steps import computed_names, softmax_inputs
from compute.variants.traces import TRACES
from service.grading.grading import understand_grading
from service.grading.schemas import RubricFields
from service.grading.subjects import TRACE, Named, Subject, read_kind, read_subject
from service.http.problems import describe
from service.jobs import UNKNOWN_WORK, write_body
from service.questions.programs import GRAPH
from service.questions.validation import validate
from service.variants.schemas import DomainModel, VariantsRequest

NAME = "variants"
FRIENDLY_DIGITS = 4
MAX_STEPS = 100  # of a trace; nobody computes more by hand
MAX_RUNS = 100_000  # tries of all variants, each of which takes about a millisecond
LOGARITHMS = Domain(1, 9, unit="logarithm")


@dataclass(frozen=True, slots=True)
class VariantsJob:
    """A template that was read, to be varied.

    inputs: the template's entries of the inputs that vary.
    """

    request: Mapping[str, Any]
    subject: GraphSubject | TraceSubject
    rubric: Rubric
    inputs: Mapping[str, Array]
    domains: Mapping[str, Domain]
    wanted: Wanted

    @property
    def work(self) -> int:
        """Unknown before variants are tried, so the job never runs on the event loop."""
        return UNKNOWN_WORK

    def answer(self) -> bytes:
        """Return the body of the response."""
        template = self.subject.computation
        mistakes = self.subject.explanations.mistakes
        checks = list(list_constraints(self._kind, self.wanted, template, mistakes, self.rubric))
        fields = self.request
        drawn = draw_variants(
            template, self.inputs, self.domains, checks, fields["seed"], fields["count"], fields["tries"]
        )
        body = {
            "operation": NAME,
            "generator": VERSION,
            "seed": fields["seed"],
            "domains": {name: _describe_domain(domain) for name, domain in self.domains.items()},
            "constraints": _names(checks),
            "template": self._measure(template, self.inputs),
            "variants": [self._render(number, one) for number, one in enumerate(drawn)],
        }
        return write_body(body)

    @property
    def _kind(self) -> Kind:
        return TRACES if isinstance(self.subject, TraceSubject) else GRAPHS

    def _measure(self, computation: Computation, inputs: Mapping[str, Array]) -> dict[str, Any]:
        return {
            "inputs": as_fields(measure(inputs.values())),
            "values": as_fields(measure(array for _, array in self._kind.values(computation))),
        }

    def _render(self, number: int, drawn: Drawn) -> dict[str, Any]:
        body: dict[str, Any] = {
            "variant": number,
            "found": drawn.computation is not None,
            "tries": drawn.tries,
            "failed": dict(drawn.failed),
        }
        if drawn.computation is None:
            return body
        changed = {name: self._write(name, steps) for name, steps in drawn.steps.items()}
        results = drawn.computation.results()
        gradients = {slot.name: _json(array) for slot, array in results.items() if slot.of == "gradient"}
        return {
            **body,
            "changed": changed,
            # json, unlike orjson, writes integers of any length
            "question": orjson.Fragment(json.dumps(with_inputs(self.request["question"], changed))),
            "values": {slot.name: _json(array) for slot, array in results.items() if slot.of == "value"},
            **({"gradients": gradients} if gradients else {}),
            "difficulty": self._measure(drawn.computation, drawn.arrays),
        }

    def _write(self, name: str, steps: Iterable[int]) -> Any:
        entries = np.array([self.domains[name].write(step) for step in steps], dtype=object)
        return entries.reshape(self.inputs[name].shape).tolist()


def understand_variants(document: dict[str, Any], limits: Limits) -> VariantsJob:
    """Read a template and its constraints. Raises QuestionErrors for what is wrong with it."""
    fields = validate(VariantsRequest, document).__dict__
    question = fields["question"]
    arithmetic = question.get("arithmetic", "float64")
    if arithmetic != "float64":
        raise at(("question", "arithmetic"), "has to be float64, whose digits are counted", "float64",
                 describe(arithmetic))  # fmt: skip
    subject, rubric, work = _read_subject(fields, document, limits)
    inputs = _read_inputs(fields, subject)
    domains = {name: _read_domain(name, inputs[name], fields, subject) for name in inputs}
    codes = fields["distinguishes"]
    if isinstance(codes, list):
        known = [variant.mistakes[0].code for variant in subject.explanations.mistakes]
        for place, code in enumerate(codes):
            if code not in known:
                raise QuestionErrors([unknown_name(("distinguishes", place), "mistake here", code, known)])
    _check_work(fields, work, limits)
    wanted = Wanted(
        friendly=FRIENDLY_DIGITS if fields["friendly"] else 0,
        integer_norms=tuple(name for name, model in fields["inputs"].items() if model.integer_norms),
        no_ties=fields["no_ties"],
        no_saturation=fields["no_saturation"],
        like_template=fields["difficulty"] == "template",
        distinguishes=tuple(codes) if isinstance(codes, list) else codes,
    )
    return VariantsJob(fields, subject, rubric, inputs, domains, wanted)


def _read_subject(
    fields: Mapping[str, Any], document: Mapping[str, Any], limits: Limits
) -> tuple[GraphSubject | TraceSubject, Rubric, int]:
    """Return the template, its rubric, and the predicted work of one answer."""
    _check_trace(fields["question"])
    own = {name: document[name] for name in RubricFields.model_fields if name in document}
    if any(fields[name] for name in ("answer", "gradients", "marks", "gradient_marks")):
        job = understand_grading(own, limits)
        sheet = job.sheets[0]
        return _as_template(sheet.subject), job.rubric, sheet.work
    subject, work = read_subject(fields["question"], Named([], []), fields["accept"], limits)
    template = _as_template(subject)
    wanted: list[tuple[Of, str]]
    if isinstance(template, TraceSubject):
        names = template.computation.names
        wanted = [("value", place.path) for step in names.numbers for place in names.at(step)]
    else:
        graph = template.graph
        wanted = [("value", name) for name in computed_names(graph) if name not in graph.on_request]
        if fields["question"].get("upstream"):
            wanted += [("gradient", name) for name in subject.inputs()]
    subject, work = read_subject(fields["question"], Named(wanted, []), fields["accept"], limits)
    return _as_template(subject), Rubric(), work


def _check_trace(question: Mapping[str, Any]) -> None:
    """Refuse a trace whose values do not all follow from its inputs."""
    if question.get("operation") == TRACE:
        for name in ("substitute", "given", "stop_when"):
            if question.get(name):
                raise at(("question", name), "has no meaning for variants of a trace", "nothing",
                         describe(question[name]))  # fmt: skip


def _as_template(subject: Subject) -> GraphSubject | TraceSubject:
    assert isinstance(subject, GraphSubject | TraceSubject)  # these are all
    if isinstance(subject, TraceSubject) and (steps := subject.computation.steps) > MAX_STEPS:
        raise at(("question", "steps"), "is more than a variant may have", f"at most {MAX_STEPS}", f"{steps}")
    return subject


def _read_inputs(fields: Mapping[str, Any], subject: GraphSubject | TraceSubject) -> dict[str, Array]:
    """Return the entries of the inputs that vary."""
    question = fields["question"]
    indices = _index_inputs(subject)
    known = {
        name: array
        for name, array in subject.inputs().items()
        if array.dtype.kind == "f" and array.size and name not in indices
        and not _takes_mask(question, name) and _holder(question, name) is not None
    }  # fmt: skip
    if not known:
        raise at(("question",), "has no input that can vary", "a tensor of numbers that is no mask or index",
                 "a question without one")  # fmt: skip
    mentioned: list[tuple[Path, str]] = [
        *((("vary", place), name) for place, name in enumerate(fields["vary"])),
        *((("inputs", name), name) for name in fields["inputs"]),
    ]
    for path, name in mentioned:
        if name not in known:
            raise QuestionErrors([unknown_name(path, "input that can vary", name, known)])
    chosen = fields["vary"] or list(known)
    for name in fields["inputs"]:
        if name not in chosen:
            raise at(("inputs", name), "is about an input that does not vary", "an input that is in vary",
                     "one that is not")  # fmt: skip
    return {name: known[name] for name in sorted(set(chosen))}


def _takes_mask(question: Mapping[str, Any], name: str) -> bool:
    operation = CATALOGUE.get(read_kind(question))
    return operation is not None and operation.takes_mask(name)


def _index_inputs(subject: GraphSubject | TraceSubject) -> set[str]:
    """Return the inputs that are masks or that steps take as indices."""
    if isinstance(subject, GraphSubject):
        return _index_names(subject.graph)
    objective = subject.computation.setup.objective
    names = _index_names(objective.graph) if isinstance(objective, ProgramObjective) else set()
    return {f"{group}.{name}" for name in names for group in ("start", "inputs")}


def _index_names(graph: Graph) -> set[str]:
    found: set[int] = set()
    for value in graph.values:
        if value.primitive is None:
            continue
        kinds = value.primitive.operand_kinds
        for operand, name in zip(value.inputs, value.primitive.operands, strict=False):
            if {"index", "boolean"} & set(kinds.get(name, ())):
                found.add(operand.index)
    return {name for name, value in graph.names.items() if value.index in found} | set(graph.masks)


def _read_domain(
    name: str, entries: Array, fields: Mapping[str, Any], subject: GraphSubject | TraceSubject
) -> Domain:
    model: DomainModel = fields["inputs"].get(name) or DomainModel.model_validate({})
    low, high = model.from_, model.to
    if (low is None) != (high is None):
        missing = "from" if low is None else "to"
        raise at(("inputs", name, missing), "is required beside the other end", "an integer", "nothing")
    if low is None or high is None:
        if model.decimals:
            raise at(("inputs", name, "decimals"), "has no use without from and to", "from and to too",
                     describe(model.decimals))  # fmt: skip
        is_score = isinstance(subject, GraphSubject) and name in softmax_inputs(subject.graph)
        if model.logarithms or (fields["friendly"] and is_score):
            return replace(LOGARITHMS, low=2) if model.nonzero else LOGARITHMS
        if name == RATE and isinstance(subject, TraceSubject):
            return rate_domain(float(entries))
        usual = template_domain(entries)
        if not model.nonzero or 0 not in (usual.signs or ()):
            return usual
        domain = replace(usual, signs=None, nonzero=True)
    elif model.logarithms:
        if low < 1 or model.decimals:
            raise at(("inputs", name, "from"), "has to be at least 1 for logarithms, without decimals",
                     "an integer of at least 1", describe(low))  # fmt: skip
        domain = Domain(max(low, 2) if model.nonzero else low, high, unit="logarithm")
    else:
        scale = 10**model.decimals
        domain = Domain(low * scale, high * scale, model.decimals, nonzero=model.nonzero)
    if domain.is_empty:
        _refuse_empty(name)
    rooted = model.integer_norms and entries.ndim > 0
    return replace(domain, whole_rows=entries.shape[-1]) if rooted else domain


def _refuse_empty(name: str) -> NoReturn:
    raise at(("inputs", name), "leaves no entry to draw", "from at most to, and not 0 alone with nonzero",
             "an empty range")  # fmt: skip


def _check_work(fields: Mapping[str, Any], work: int, limits: Limits) -> None:
    """Refuse more work than one question may take, if every try were needed."""
    runs = fields["count"] * fields["tries"]
    most = min(MAX_RUNS, limits.work // max(1, work))
    if runs > most:
        raise QuestionErrors([TooLarge(("count",), "asks for more tries than one request may make",
                                       f"count times tries of at most {most}", f"{runs}")])  # fmt: skip


def _holder(question: Mapping[str, Any], name: str) -> Any:
    """Return the object of a question that holds an input, and its key there; None if none does."""
    place: Any = question.get("inputs") if question.get("operation") == GRAPH else question
    key = name
    if question.get("operation") == TRACE and name.startswith("gradients["):
        step, _, key = name.removeprefix("gradients[").partition("].")
        return question["gradients"][int(step)], key
    while isinstance(place, Mapping):
        if key in place:
            return place, key
        head, dot, key = key.partition(".")
        if not dot:
            return None
        place = place.get(head)
    return None


def with_inputs(question: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question with other entries of some inputs."""
    copy = deepcopy(dict(question))
    for name, tensor in changed.items():
        place, key = _holder(copy, name)
        place[key] = tensor
    return copy


def _names(checks: Iterable[Constraint]) -> list[str]:
    return [REPEATED, REFUSED, *(check.name for check in checks)]


def _describe_domain(domain: Domain) -> dict[str, Any]:
    fields = asdict(domain)
    del fields["whole_rows"]  # which is a constraint
    return {**fields, "signs": "free" if domain.signs is None else "template"}


def _json(array: Array) -> Any:
    """Return an array as nested lists, with text for numbers that JSON cannot hold."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
        return np.vectorize(lambda entry: words.get(str(entry), entry), otypes=[object])(array).tolist()
    return array.tolist()
