"""PyTorch's names of weights, and how it keeps them, told by what operations and their parts declare."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from compute.arithmetic.namespace import Array
from compute.dimensions import Shape, ShapeError, divide, show
from compute.errors import LISTED, QuestionError, QuestionErrors, unknown_name
from compute.operations.framework.declaration import PLACE, Operation, Stored, Sublayer

FIELD = "state_dict"


@dataclass(frozen=True, slots=True)
class Piece:
    """What of a tensor of a state dict is one input.

    name: of the input, in full; source: of the tensor; at: which of those that it holds.
    """

    name: str
    source: str
    at: int
    stored: Stored

    def shape(self, shape: Shape) -> Shape:
        """The shape of the input. Raises QuestionError where the tensor cannot be cut or turned."""
        came, count, rank = shape, len(self.stored.inputs), self.stored.rank
        try:
            if rank is not None:
                if len(shape) < rank or any(size != 1 for size in shape[: len(shape) - rank]):
                    raise ShapeError(f"it has {len(shape)} axes")
                shape = shape[len(shape) - rank :]
            if count > 1:
                if not shape:
                    raise ShapeError("a single number cannot be cut")
                shape = (divide(shape[0], count), *shape[1:])
            if self.stored.turned:
                if len(shape) != 2:
                    raise ShapeError(f"it has {len(shape)} axes")
                shape = (shape[1], shape[0])
        except ShapeError as error:
            axes = "(out, in)" if self.stored.turned else "(...)"
            held = f"{axes} for each of {', '.join(self.stored.inputs)}, one below the other"
            raise QuestionError(
                (FIELD, self.source), f"the shape does not fit what is kept under this name: {error}",
                held if count > 1 else f"{axes} for {self.stored.inputs[0]}", f"shape {show(came)}",
            ) from None  # fmt: skip
        return shape

    def of(self, array: Array) -> Array:
        """The entries of the input."""
        shape = self.shape(array.shape)
        if self.stored.rank is not None:
            array = array.reshape(array.shape[array.ndim - self.stored.rank :])
        size = len(array) // len(self.stored.inputs) if array.ndim else 1
        part = array[self.at * size : (self.at + 1) * size] if len(self.stored.inputs) > 1 else array
        found: Array = part.T if self.stored.turned else part
        assert found.shape == shape
        return found


def takes_state_dict(operation: Operation | Sublayer) -> bool:
    """Whether PyTorch has names for weights of an operation."""
    return any(True for _ in _names(operation))


def pieces(operation: Operation, sources: Mapping[str, Shape], changed: Collection[str] = ()) -> list[Piece]:
    """The inputs that a state dict holds.

    changed: settings other than their defaults, which may turn inputs so that they stand as PyTorch keeps
    them. Raises QuestionErrors for names that are none of PyTorch's, and for shapes that do not fit their
    names.
    """
    found: list[Piece] = []
    errors: list[QuestionError] = []
    for source in sources:
        stored = next(_found(operation, source, ""), None)
        if stored is None:
            errors.append(unknown_name((FIELD, source), "tensor", source, dict.fromkeys(_names(operation))))
        else:
            prefix, one = stored
            if not prefix and any(operation.inputs[name].turns in changed for name in one.inputs):
                one = replace(one, turned=not one.turned)
            held = [Piece(prefix + name, source, at, one) for at, name in enumerate(one.inputs)]
            try:
                held[0].shape(sources[source])
            except QuestionError as error:
                errors.append(error)
            found += held
        if len(errors) > LISTED:
            break
    owners: dict[str, str] = {}
    twice: dict[str, str] = {}
    for piece in found:
        if owners.setdefault(piece.name, piece.source) != piece.source:
            twice.setdefault(piece.source, piece.name)
    errors += [
        QuestionError((FIELD, source), f"another tensor says {name} already", "one of them", "both")
        for source, name in twice.items()
    ]
    if errors:
        raise QuestionErrors(errors)
    return found


def _found(operation: Operation | Sublayer, name: str, prefix: str) -> Iterator[tuple[str, Stored]]:
    """Where a name of PyTorch's belongs: the scope of the part that has it, and what it holds."""
    for stored in _stored(operation):
        if stored.name == name:
            yield prefix, stored
    for part_name, part in operation.parts.items():
        for pattern in part.stored:
            expression = re.escape(pattern).replace(r"\{\}", PLACE) + (r"\." if pattern else "")
            match = re.match(expression, name, re.ASCII)
            if match:
                scope = f"{part_name}[{match[1]}]" if part.several else part_name
                yield from _found(part, name[match.end() :], f"{prefix}{scope}.")


def _stored(operation: Operation | Sublayer) -> list[Stored]:
    """The tensors of an operation, or of a part, but for those that the whole hands over."""
    if isinstance(operation, Operation):
        return list(operation.stored)
    taken = operation.inputs
    return [
        stored
        for one in operation.operations
        for stored in one.stored
        if all(name in taken for name in stored.inputs)
    ]


def _names(operation: Operation | Sublayer) -> Iterator[str]:
    """PyTorch's names, with 0 for each place in a list."""
    for stored in _stored(operation):
        yield stored.name
    for part in operation.parts.values():
        for pattern in part.stored:
            start = pattern.replace("{}", "0") + "." if pattern else ""
            for name in _names(part):
                yield start + name
