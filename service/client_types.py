"""Write `workings.operations`, the types of the client's methods, from the models of requests and answers."""

import re
import textwrap
from keyword import iskeyword
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, PlainValidator
from pydantic.fields import FieldInfo
from typing_extensions import TypeAliasType

from compute.operations import CATALOGUE
from service.answers import Answer
from service.endpoints import ENDPOINTS
from service.schemas.naming import camel_case
from workings.methods import PATHS

WIDTH = 106  # characters of a line, beyond the indentation of a class
ENCODING = "encoding"  # the client chooses it, so that answers hold arrays
# Methods that are no operations, each with its path below /v1.
OTHERS = {
    name: PATHS.get(name, name)
    for name in ("graph", "compare", "cost", "moments", "solve", "grade", "check", "variants")
}
TRACE = "optimizer/trace"
TENSORS = frozenset({"Tensor", "MaskTensor", "OwnField", "OwnShape"})  # named types that arrays fit
CHOICES = re.compile(r"(\w+): [^=\n]*?(Literal\[[^]]{50,}\])")
CHOICES_PLACE = "# choices\n"
HEAD = f'''\
"""The operations as types, for editors, type checkers and `help`. Nothing else imports this module.

`python -m {__package__}.export` writes it from the catalogue. At run time every answer is an `Answer`.
"""
# ruff: noqa

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Literal, Protocol, Required, TypeAlias, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import NDArray

from {Answer.__module__} import Answer

Result = TypeVar("Result", covariant=True)
Array: TypeAlias = NDArray[Any]
TensorLike: TypeAlias = "float | str | np.generic | Array | Sequence[TensorLike] | Mapping[str, Any]"
"""A number, an expression as text, nested lists of these, an array, or packed bytes as a mapping."""
# choices
LEFT_OUT: Any = ...
"""The default of a field that is not sent."""


class AnyAnswer(Answer):
    """The answer of a program, whose values have the names of its lines."""

    def __getattr__(self, name: str) -> Any: ...
'''


def write_module() -> str:
    """Return the source of `workings.operations`."""
    models = {name: ENDPOINTS[name].request().model_fields for name in CATALOGUE}
    shared = set.intersection(*(set(fields) for fields in models.values()))
    answers = dict.fromkeys(OTHERS, "Answer") | {"graph": "AnyAnswer"}
    computation = next(iter(models.values()))
    parts = [
        HEAD,
        _typed_dict("Computation", "Fields that all operations share.", computation, shared),
        _typed_dict("Trace", "The fields of a trace.", ENDPOINTS[TRACE].request().model_fields),
    ]
    for name in CATALOGUE:
        parts += [_answer(name), _method(name, name, shared)]
        answers[name] = f"{camel_case(name)}Answer"
    parts += [_method(name, path, shared) for name, path in OTHERS.items()]
    methods = [*CATALOGUE, *OTHERS]
    for kind, wrap in (("Operations", "{}"), ("AsyncOperations", "Coroutine[Any, Any, {}]")):
        doc = f"The methods of {'the asynchronous client' if 'Async' in kind else 'the client'}."
        lines = [f"    {name}: {camel_case(name)}[{wrap.format(answers[name])}]" for name in methods]
        parts.append(f'class {kind}:\n    """{doc}"""\n\n' + "\n".join(lines) + "\n")
    return _name_choices("\n\n".join(parts))


def _name_choices(module: str) -> str:
    """Return the module with a name for each long list of choices, that of the first field that has it."""
    names: dict[str, str] = {}
    for field, choices in CHOICES.findall(module):
        name = camel_case(field) + "Choice"
        while choices not in names and name in names.values():
            name += "_"
        names.setdefault(choices, name)
    definitions = ""
    for choices, name in names.items():
        module = module.replace(choices, name)
        each = choices.removeprefix("Literal[").removesuffix("]").replace(", ", ",\n    ")
        definitions += f"{name}: TypeAlias = Literal[\n    {each},\n]\n"
    return module.replace(CHOICES_PLACE, definitions)


def _typed_dict(name: str, doc: str, fields: dict[str, FieldInfo], only: set[str] | None = None) -> str:
    lines = []
    for field, info in fields.items():
        if (only is None or field in only) and field != ENCODING:
            kind = _type(info)
            lines.append(f"    {field}: {f'Required[{kind}]' if info.is_required() else kind}")
            lines += _docstring(_meaning(info)) if _meaning(info) else []
    return f'class {name}(TypedDict, total=False):\n    """{doc}"""\n\n' + "\n".join(lines) + "\n"


def _answer(operation: str) -> str:
    values = CATALOGUE[operation].values
    lines = [f"class {camel_case(operation)}Answer(Answer):", f'    """The answer of {operation}."""', ""]
    for name, value in values.items():
        if name.isidentifier() and not iskeyword(name):
            lines += [
                f"    {name}: Array",
                *_docstring(f"{value.meaning} Axes: {', '.join(value.axes.split())}."),
            ]
    return "\n".join(lines) + "\n"


def _method(name: str, path: str, shared: set[str]) -> str:
    """Return the protocol of a method; it is generic, because one client awaits what the other returns."""
    endpoint, model = ENDPOINTS[path], ENDPOINTS[path].request()
    fields: dict[str, FieldInfo] = model.model_fields
    has_shared = shared <= set(fields)
    own = {
        one: info for one, info in fields.items() if one != ENCODING and not (has_shared and one in shared)
    }
    lines = [
        f"class {camel_case(name)}(Protocol[Result]):",
        "    def __call__(",
        "        self,",
        "        *,",
    ]
    lines += [f"        {one}: {_type(info)}{_default(info)}," for one, info in own.items()]
    if has_shared:
        lines.append("        **further: Unpack[Computation],")
    elif model.model_config.get("extra") == "allow":
        lines.append("        **fields: Any,")
    words = [f"{endpoint.summary.rstrip('.')}.", ""]
    words += [f"{one}: {_meaning(info)}" for one, info in own.items() if _meaning(info)]
    lines += ["    ) -> Result:", *_docstring("\n".join(words), 8, "    ")]
    return "\n".join(lines) + "\n"


def _docstring(text: str, indent: int = 4, hanging: str = "") -> list[str]:
    """Return the lines of a docstring. hanging: the further indentation of a wrapped line."""
    space = " " * indent
    rows: list[str] = []
    for row in text.strip().replace("\\", "\\\\").splitlines():
        first = space + '"""' if not rows else space
        rows += textwrap.wrap(row, WIDTH, initial_indent=first, subsequent_indent=space + hanging) or [""]
    if len(rows) == 1 and len(rows[0]) + 3 <= WIDTH + 4:
        return [rows[0] + '"""']
    return [*rows, space + '"""']


def _type(info: FieldInfo) -> str:
    for extra in info.metadata:
        if isinstance(extra, PlainValidator):
            return _render(extra.json_schema_input_type)
    return _render(info.annotation)


def _render(kind: Any) -> str:
    """Return an annotation of a model as what a caller may send."""
    if isinstance(kind, TypeAliasType):
        return "TensorLike" if kind.__name__ in TENSORS else _render(kind.__value__)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _render(arguments[0])
    if origin in (Union, UnionType):
        kinds = dict.fromkeys(_render(each) for each in arguments if each is not NoneType)
        return "Any" if "Any" in kinds else " | ".join(kinds)
    if origin is Literal:
        return f"Literal[{', '.join(_quote(each) for each in arguments)}]"
    if origin is dict:
        return f"Mapping[str, {_render(arguments[1])}]"
    if origin is list:
        return f"Sequence[{_render(arguments[0])}]"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "Mapping[str, Any]"
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(kind, "Any")


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return ""
    is_shown = isinstance(info.default, bool | int | float | str)
    return f" = {_quote(info.default)}" if is_shown else " = LEFT_OUT"


def _quote(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _meaning(info: FieldInfo) -> str:
    """Return the description of a field, or else that of its named type."""
    kind, words = info.annotation, info.description
    if not words and isinstance(kind, TypeAliasType) and get_origin(kind.__value__) is Annotated:
        words = next(
            (each.description for each in get_args(kind.__value__) if isinstance(each, FieldInfo)), ""
        )
    return re.sub(r"\s+", " ", words or "")
