"""Costs of operations and programs, from shapes alone."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from compute.dimensions import Polynomial, Shape, ShapeError, Size, big_o, shape_to_json, total, write_size
from compute.errors import Path, QuestionError, QuestionErrors, at
from compute.graph.graph import Value
from compute.graph.spec import Tensor
from compute.operations import CATALOGUE
from compute.operations.framework.state_dicts import Piece
from compute.question.limits import Limits
from compute.question.network_costs import LineCost, NetworkCost, cost_of_operation, cost_of_program
from compute.readings.cost import PartCost
from service.jobs import write_body
from service.questions.parts import collect_nested, include_own, resolve_names
from service.questions.programs import GRAPH
from service.questions.rendering import cost_json
from service.questions.tensors import decode_shape
from service.questions.validation import read_operation, sent_attributes, validate
from service.schemas.requests import CostOptions, ProgramCost, request_model

MAX_SUMS = 4


@dataclass(frozen=True, slots=True)
class CostJob:
    """A cost, already computed.

    bytes_per_number: the bytes of a number in memory.
    """

    operation: str
    found: NetworkCost
    bytes_per_number: int
    work: int = 0

    def answer(self) -> bytes:
        """Return the answer as the body of a response."""
        found, spent = self.found, self.found.total
        body: dict[str, Any] = {
            "operation": self.operation,
            "conventions": found.conventions,
            "output": write_output(found.output),
            "cost": {
                **cost_json(spent),
                "bytes": self._bytes(spent.entries),
                "activations": write_size(found.activations),
            },
            "big_o": big_o(spent.multiply_adds or spent.elementwise),
            "training": {
                "forward": write_size(spent.multiply_adds),
                "backward": write_size(found.backward_multiply_adds),
                "total": write_size(spent.multiply_adds + found.backward_multiply_adds),
            },
            "sequential_depth": {"steps": write_size(found.depth), "big_o": big_o(found.depth)},
        }
        if found.caches:
            body["kv_cache"] = {
                "bytes": self._bytes(total(cache.numbers for cache in found.caches)),
                "layers": [self._cache(cache._asdict()) for cache in found.caches],
            }
        if found.receptive_fields is not None:
            body["receptive_fields"] = [
                {
                    "name": name,
                    "fields": [
                        {
                            "axis": axis,
                            "size": write_size(field.size),
                            "stride": write_size(field.stride),
                            "start": write_size(field.start),
                            **({"everything": True} if field.everything else {}),
                        }
                        for axis, field in fields.items()
                    ],
                }
                for name, fields in found.receptive_fields
            ]
        if found.lines:
            body["lines"] = [_line(row) for row in found.lines]
        else:
            body["parts"] = [_counts(part) for part in spent.parts]
            body["steps"] = list(self._steps())
        return write_body(body)

    def _bytes(self, numbers: Size) -> int | str:
        return write_size(numbers * self.bytes_per_number)

    def _cache(self, cache: dict[str, Any]) -> dict[str, Any]:
        name, numbers = cache.pop("name") or self.operation, cache.pop("numbers")
        sizes = {key: write_size(size) for key, size in cache.items()}
        return {"name": name, **sizes, "bytes": self._bytes(numbers)}

    def _steps(self) -> Iterator[dict[str, Any]]:
        shapes = {step.name: {"axes": step.axes, "shape": step.shape} for step in self.found.steps}
        for step in self.found.total.steps:
            yield {
                "name": step.name,
                **shapes[step.name],
                "multiply_adds": write_size(step.multiply_adds),
                "elementwise": write_size(step.elementwise),
                "comparisons": write_size(step.comparisons),
                "times": write_size(step.times),
            }


def write_output(output: Value) -> dict[str, Any]:
    """Return the name, the axes and the shape of the output."""
    return {"name": output.name, "axes": list(output.axes), "shape": shape_to_json(output.shape)}


def _line(row: LineCost) -> dict[str, Any]:
    counts = {
        name: write_size(count)
        for name, count in row._asdict().items()
        if name not in ("line", "name", "shape", "parts")
    }
    parts = {"parts": [_counts(part) for part in row.parts]} if row.parts else {}
    return {"line": row.line, "name": row.name, "shape": shape_to_json(row.shape), **counts, **parts}


def _counts(part: PartCost) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str) else write_size(value) for name, value in part._asdict().items()
    }


def understand_cost(document: dict[str, Any], _: Limits) -> CostJob:
    """Return the cost that a document asks for. Raises QuestionErrors listing everything invalid in it."""
    if "program" in document and "operation" in document:
        raise at(("program",), "takes the place of an operation", "a program or an operation", "both")
    with refuse_unordered_sizes():
        return (_understand_program if "program" in document else _understand_operation)(document)


@contextmanager
def refuse_unordered_sizes() -> Iterator[None]:
    """Raise QuestionErrors for sizes in letters that cannot be compared, of different lines or branches."""
    try:
        yield
    except ShapeError as error:
        raise at((), str(error), "numbers for the sizes of a long question in letters", "letters") from None


def _understand_program(document: dict[str, Any]) -> CostJob:
    request = validate(ProgramCost, document)
    sent, fields = request.__pydantic_fields_set__, request.__dict__
    found = cost_of_program(
        tuple(fields["program"]),
        decode_inputs(fields["inputs"]),
        tuple(fields["parameters"]) if "parameters" in sent else None,
        tuple(fields["data"]),
        fields["receptive_field"],
    )
    return CostJob(GRAPH, found, fields["bytes_per_number"])


def _understand_operation(document: dict[str, Any]) -> CostJob:
    operation = read_operation(document)
    declared = CATALOGUE[operation]
    options = validate(
        CostOptions, {name: document[name] for name in CostOptions.model_fields if name in document}
    ).__dict__
    document = {name: raw for name, raw in document.items() if name not in CostOptions.model_fields}
    own, groups = collect_nested(declared, document)
    request = validate(request_model(operation, "cost"), own)
    shapes = _decode_shapes(include_own(declared, groups, request))
    attributes = sent_attributes(declared, request)
    changed = declared.changed_settings(attributes)
    inputs, origins = resolve_names(declared, shapes, lambda shape: shape, Piece.shape, changed=changed)
    _check_sums(
        [
            *(size for shape in inputs.values() for size in shape),
            *(size for setting in attributes.values() for size in _sizes_of_setting(setting)),
        ]
    )
    tensors = {name: Tensor(shape) for name, shape in inputs.items()}
    try:
        found = cost_of_operation(operation, tensors, attributes, options["receptive_field"])
    except QuestionErrors as error:
        raise origins.relocate(error) from None
    return CostJob(operation, found, options["bytes_per_number"])


def decode_inputs(inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """Decode the shapes of a program's inputs. Raises QuestionErrors listing all that are invalid."""
    shapes = _decode_shapes({("inputs",): inputs})[("inputs",)]
    _check_sums(size for shape in shapes.values() for size in shape)
    return {name: Tensor(shape) for name, shape in shapes.items()}


def _decode_shapes(groups: Mapping[Path, Mapping[str, Any]]) -> dict[Path, dict[str, Shape]]:
    """Decode the shapes of all groups. Raises QuestionErrors listing all that are invalid."""
    errors: list[QuestionError] = []
    shapes: dict[Path, dict[str, Shape]] = {}
    for path, group in groups.items():
        shapes[path] = {}
        for name, raw in group.items():
            try:
                shapes[path][name] = decode_shape(raw, (*path, name))
            except QuestionErrors as error:
                errors.extend(error.errors)
    if errors:
        raise QuestionErrors(errors)
    return shapes


def _check_sums(sizes: Iterable[Any]) -> None:
    """Raise QuestionErrors if too many different sizes are sums, whose products would be long."""
    sums = {size for size in sizes if isinstance(size, Polynomial) and len(size.terms) > 1}
    if len(sums) > MAX_SUMS:
        expected = f"at most {MAX_SUMS} different sizes that are sums, such as n+1"
        raise at((), "has too many sums to multiply out", expected, f"{len(sums)} of them")


def _sizes_of_setting(setting: Any) -> tuple[Any, ...]:
    return setting if isinstance(setting, tuple) else (setting,)
