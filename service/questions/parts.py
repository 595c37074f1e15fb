"""Tensors for the submodules of an operation: in nested objects, by full names, or in a state dict.

`{"layer": [{"attention": {"w_q": ...}}]}` and `{"layer[0].attention.w_q": ...}` are equivalent.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from compute.arithmetic.namespace import Array
from compute.dimensions import Shape
from compute.errors import Path, QuestionError, QuestionErrors, unknown_name
from compute.graph.graph import scopes_of
from compute.operations.framework.declaration import Operation, Sublayer
from compute.operations.framework.state_dicts import FIELD, Piece, find_pieces, has_state_dict
from compute.operations.framework.submodules import unknown_input_error
from service.http.problems import describe

MOST_LISTED = 10_000
Groups = dict[Path, dict[str, Any]]
Sent = TypeVar("Sent")


def collect_nested(operation: Operation, document: Mapping[str, Any]) -> tuple[dict[str, Any], Groups]:
    """Return the operation's own fields, and the tensors for its submodules by their path.

    Raises QuestionErrors if a nested value is not an object, or has a field that its submodule does not take.
    """
    if not any(name in operation.parts or "." in name or name == FIELD for name in document):
        return dict(document), {}
    own: dict[str, Any] = {}
    groups: Groups = {}
    for name, sent in document.items():
        if name in operation.parts:
            _collect_part(operation.parts[name], sent, (name,), groups)
        elif "." in name and operation.find_input(name):
            groups.setdefault((), {})[name] = sent
        elif "." in name and operation.parts:
            raise QuestionErrors([unknown_input_error((name,), operation, name)])
        elif name == FIELD and has_state_dict(operation):
            groups[(FIELD,)] = _check_object(sent, (FIELD,), "an object of tensors by PyTorch's names")
        else:
            own[name] = sent
    return own, groups


def include_own(operation: Operation, groups: Groups, request: BaseModel) -> Groups:
    """Return the groups with the operation's own inputs added to those that are sent by full name."""
    sent, fields = request.__pydantic_fields_set__, request.__dict__
    own = {name: fields[name] for name in operation.inputs if name in sent}
    return {**groups, (): own | groups.get((), {})}


def flatten_document(
    operation: Operation, document: Mapping[str, Any], inputs: Mapping[str, Array]
) -> dict[str, Any]:
    """Return a document with full names only. inputs: the decoded inputs, which replace a state dict."""
    own, groups = collect_nested(operation, document)
    state_dict = groups.pop((FIELD,), None)
    sent = {full_name(path, name): raw for path, group in groups.items() for name, raw in group.items()}
    if state_dict is not None:
        sent |= {name: inputs[name] for name in inputs if name not in sent and name not in own}
    return own | sent


def full_name(path: Path, name: str | int) -> str:
    """Return the full name of a tensor or submodule at a path: `layer[0].attention.w_q`."""
    if not path:
        return str(name)
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in (*path, name))
    return text[1:]


def _nested_path(name: str) -> Path:
    """Return the path of a tensor of a part in nested objects: `layer`, 0, `w_q` of `layer[0].w_q`."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", name))


@dataclass(frozen=True, slots=True)
class Origins:
    """Paths in a document by full name.

    names: the paths of tensors.
    scopes: the paths of submodules.
    """

    names: Mapping[str, Path] = field(default_factory=dict)
    scopes: Mapping[str, Path] = field(default_factory=dict)

    def resolve(self, path: Path) -> Path:
        """Return the path in the document. Missing tensors have the path at which they could be sent."""
        if not path:
            return path
        name, rest = str(path[0]), path[1:]
        if name in self.names:
            return (*self.names[name], *rest)
        scope, _, last = name.rpartition(".")
        if scope in self.scopes:
            return (*self.scopes[scope], last, *rest)
        return (*_nested_path(name), *rest) if "." in name else path

    def relocate(self, error: QuestionErrors) -> QuestionErrors:
        """Return the errors with their paths in the document."""
        errors = [
            type(item)(self.resolve(item.path), item.message, item.expected, item.received)
            for item in error.errors
        ]
        return QuestionErrors(errors, error.total)


def resolve_names(
    operation: Operation,
    groups: Mapping[Path, Mapping[str, Sent]],
    shape_of: Callable[[Sent], Shape],
    part_of: Callable[[Piece, Sent], Sent],
    given: Iterable[str] = (),
    changed: Collection[str] = (),
) -> tuple[dict[str, Sent], Origins]:
    """Return the tensors of all groups by full name, and their origins.

    shape_of: returns the shape of a sent tensor.
    part_of: returns the part of a tensor in a state dict that is one input.
    given: names of given values.
    changed: as for `find_pieces`.

    Raises QuestionErrors if a tensor is sent twice, or a state dict does not fit.
    """
    origins: dict[str, Path] = {name: ("given", name) for name in given}
    if groups.keys() == {()}:  # nothing for submodules: names are full names already
        return dict(groups[()]), Origins({name: (name,) for name in groups[()] if "." in name} | origins)
    tensors: dict[str, Sent] = {}
    for path, group in groups.items():
        each: list[tuple[str, Path, Sent]]
        if path == (FIELD,):
            pieces = find_pieces(operation, {name: shape_of(raw) for name, raw in group.items()}, changed)
            each = [
                (piece.name, (FIELD, piece.source), part_of(piece, group[piece.source])) for piece in pieces
            ]
        else:
            each = [(full_name(path, name), (*path, name), raw) for name, raw in group.items()]
        for full, origin, tensor in each:
            if full in tensors:
                raise QuestionErrors(
                    [
                        QuestionError(
                            origin, f"{full} is sent twice", "one tensor for each name", "two tensors"
                        )
                    ]
                )
            tensors[full], origins[full] = tensor, origin
    scopes = {full_name(path[:-1], path[-1]): path for path in groups if path and path != (FIELD,)}
    _check_list_ends(scopes, groups, (*tensors, *origins))
    return tensors, Origins(origins, scopes)


def _check_list_ends(scopes: Mapping[str, Path], groups: Collection[Path], names: Collection[str]) -> None:
    """Raise QuestionErrors if a list ends with empty objects, which would not be counted.

    names: the full names of all tensors.
    """
    scope_at = {path: scope for scope, path in scopes.items()}
    filled = {scope for name in names for scope in scopes_of(name)}

    def is_empty(path: Path) -> bool:
        return path in scope_at and f"{scope_at[path]}." not in filled

    errors = []
    for *outer, last in scope_at:
        if isinstance(last, int) and last > 0 and (*outer, last + 1) not in groups:
            first = last + 1
            while is_empty((*outer, first - 1)):
                first -= 1
            for at in range(first, last + 1):
                path = (*outer, at)
                message = f"{scope_at[path]} holds nothing"
                errors.append(QuestionError(path, message, "weights, or a shorter list", "an empty object"))
    if errors:
        raise QuestionErrors(errors)


def _collect_part(part: Sublayer, sent: Any, path: Path, groups: Groups) -> None:
    """Collect the tensors that are sent for a submodule and its own submodules, by path."""
    if part.is_list:
        if not isinstance(sent, list) or len(sent) > MOST_LISTED:
            raise _not_an_object(path, f"a list of objects, one for each, {MOST_LISTED} at most", sent)
        for at, item in enumerate(sent):
            _collect_object(part, item, (*path, at), groups)
    else:
        _collect_object(part, sent, path, groups)


def _collect_object(part: Sublayer, sent: Any, path: Path, groups: Groups) -> None:
    inputs, parts = part.inputs, part.parts
    known = [*inputs, *parts]
    groups.setdefault(path, {})
    for name, value in _check_object(sent, path, f"an object with: {', '.join(known)}").items():
        if name in inputs:
            groups[path][name] = value
        elif name in parts:
            _collect_part(parts[name], value, (*path, name), groups)
        else:
            raise QuestionErrors([unknown_name((*path, name), "input of this part", name, known)])


def _check_object(sent: Any, path: Path, expected: str) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise _not_an_object(path, expected, sent)
    return sent


def _not_an_object(path: Path, expected: str, sent: Any) -> QuestionErrors:
    return QuestionErrors([QuestionError(path, f"has to be {expected}", expected, describe(sent))])
