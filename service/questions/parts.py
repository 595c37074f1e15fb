"""What a document holds for the parts of an operation: nested, by full names, or as a state dict.

`{"layer": [{"attention": {"w_q": ...}}]}` and `{"layer[0].attention.w_q": ...}` say the same.
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
Found = TypeVar("Found")


def collect_nested(operation: Operation, document: Mapping[str, Any]) -> tuple[dict[str, Any], Groups]:
    """The fields of the operation itself, and tensors for its parts by the path that they stand at.

    Raises QuestionErrors where what is nested is no object, or has what no part takes.
    """
    if not any(name in operation.parts or "." in name or name == FIELD for name in document):
        return dict(document), {}
    own: dict[str, Any] = {}
    groups: Groups = {}
    for name, sent in document.items():
        if name in operation.parts:
            _gather(operation.parts[name], sent, (name,), groups)
        elif "." in name and operation.find_input(name):
            groups.setdefault((), {})[name] = sent
        elif "." in name and operation.parts:
            raise QuestionErrors([unknown_input_error((name,), operation, name)])
        elif name == FIELD and has_state_dict(operation):
            groups[(FIELD,)] = _object(sent, (FIELD,), "an object of tensors by PyTorch's names")
        else:
            own[name] = sent
    return own, groups


def include_own(operation: Operation, groups: Groups, request: BaseModel) -> Groups:
    """The same groups, with the operation's own inputs among those that stand under their names."""
    said, fields = request.__pydantic_fields_set__, request.__dict__
    own = {name: fields[name] for name in operation.inputs if name in said}
    return {**groups, (): own | groups.get((), {})}


def flattened(
    operation: Operation, document: Mapping[str, Any], inputs: Mapping[str, Array]
) -> dict[str, Any]:
    """A document with full names alone. inputs: what it was understood as, for what was in a state dict."""
    own, groups = collect_nested(operation, document)
    held = groups.pop((FIELD,), None)
    sent = {full_name(path, name): one for path, group in groups.items() for name, one in group.items()}
    if held is not None:
        sent |= {name: inputs[name] for name in inputs if name not in sent and name not in own}
    return own | sent


def full_name(path: Path, name: str | int) -> str:
    """The name of what stands at a path: `layer[0].attention.w_q`."""
    if not path:
        return str(name)
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in (*path, name))
    return text[1:]


def _nested(name: str) -> Path:
    """Return the path of a tensor of a part in nested objects: `layer`, 0, `w_q` of `layer[0].w_q`."""
    return tuple(int(one) if one.isdigit() else one for one in re.findall(r"[^.\[\]]+", name))


@dataclass(frozen=True, slots=True)
class Origins:
    """Paths in a document of tensors and parts by full name. names: of tensors; scopes: of parts.

    What does not stand there is missed where nested objects would have it.
    """

    names: Mapping[str, Path] = field(default_factory=dict)
    scopes: Mapping[str, Path] = field(default_factory=dict)

    def path(self, path: Path) -> Path:
        """Where in the document something is; what is not there stands beside what its part has there."""
        if not path:
            return path
        name, rest = str(path[0]), path[1:]
        if name in self.names:
            return (*self.names[name], *rest)
        scope, _, last = name.rpartition(".")
        if scope in self.scopes:
            return (*self.scopes[scope], last, *rest)
        return (*_nested(name), *rest) if "." in name else path

    def located(self, error: QuestionErrors) -> QuestionErrors:
        """Faults at the places that things stand at."""
        errors = [
            type(one)(self.path(one.path), one.message, one.expected, one.received) for one in error.errors
        ]
        return QuestionErrors(errors, error.total)


def resolve_names(
    operation: Operation,
    groups: Mapping[Path, Mapping[str, Found]],
    shape_of: Callable[[Found], Shape],
    part_of: Callable[[Piece, Found], Found],
    given: Iterable[str] = (),
    changed: Collection[str] = (),
) -> tuple[dict[str, Found], Origins]:
    """What parts take, by full name, and where each of it stands.

    shape_of, part_of: the shape of what came, and what of it one input is; given: names of what is given;
    changed: as for `pieces`. Raises QuestionErrors where something comes twice, or a state dict does not fit.
    """
    origins: dict[str, Path] = {name: ("given", name) for name in given}
    if groups.keys() == {()}:  # nothing for parts: names are what they are
        return dict(groups[()]), Origins({name: (name,) for name in groups[()] if "." in name} | origins)
    found: dict[str, Found] = {}
    for path, group in groups.items():
        each: list[tuple[str, Path, Found]]
        if path == (FIELD,):
            cut = find_pieces(operation, {name: shape_of(one) for name, one in group.items()}, changed)
            each = [(one.name, (FIELD, one.source), part_of(one, group[one.source])) for one in cut]
        else:
            each = [(full_name(path, name), (*path, name), one) for name, one in group.items()]
        for full, origin, one in each:
            if full in found:
                raise QuestionErrors(
                    [
                        QuestionError(
                            origin, f"{full} is sent twice", "one tensor for each name", "two tensors"
                        )
                    ]
                )
            found[full], origins[full] = one, origin
    scopes = {full_name(path[:-1], path[-1]): path for path in groups if path and path != (FIELD,)}
    _check_last(scopes, groups, (*found, *origins))
    return found, Origins(origins, scopes)


def _check_last(scopes: Mapping[str, Path], groups: Collection[Path], names: Collection[str]) -> None:
    """Refuse empty objects at the end of lists, which would not be counted. names: of all that came."""
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


def _gather(part: Sublayer, sent: Any, path: Path, groups: Groups) -> None:
    """Put what is sent for one part, and for those inside it, by its path."""
    if part.is_list:
        if not isinstance(sent, list) or len(sent) > MOST_LISTED:
            raise _no_group(path, f"a list of objects, one for each, {MOST_LISTED} at most", sent)
        for at, one in enumerate(sent):
            _gather_one(part, one, (*path, at), groups)
    else:
        _gather_one(part, sent, path, groups)


def _gather_one(part: Sublayer, sent: Any, path: Path, groups: Groups) -> None:
    inputs, parts = part.inputs, part.parts
    known = [*inputs, *parts]
    groups.setdefault(path, {})
    for name, one in _object(sent, path, f"an object with: {', '.join(known)}").items():
        if name in inputs:
            groups[path][name] = one
        elif name in parts:
            _gather(parts[name], one, (*path, name), groups)
        else:
            raise QuestionErrors([unknown_name((*path, name), "input of this part", name, known)])


def _object(sent: Any, path: Path, expected: str) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise _no_group(path, expected, sent)
    return sent


def _no_group(path: Path, expected: str, sent: Any) -> QuestionErrors:
    return QuestionErrors([QuestionError(path, f"has to be {expected}", expected, describe(sent))])
