"""PyTorch state dicts: which inputs of an operation and its sublayers their tensors hold."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from compute.arithmetic.namespace import Array
from compute.dimensions import Shape, ShapeError, divide, show
from compute.errors import LISTED, QuestionError, QuestionErrors, unknown_name
from compute.operations.framework.declaration import PLACE, Operation, StoredTensor, Sublayer

FIELD = "state_dict"


@dataclass(frozen=True, slots=True)
class Piece:
    """The slice of a state dict's tensor that is one input.

    name: the full name of the input.
    source: the name of the tensor.
    index: the number of the slice, from 0.
    stored: the declaration of the tensor.
    """

    name: str
    source: str
    index: int
    stored: StoredTensor

    def shape(self, shape: Shape) -> Shape:
        """Return the shape of the input. Raises QuestionError if the tensor cannot be cut or transposed."""
        sent, count, rank = shape, len(self.stored.inputs), self.stored.rank
        try:
            if rank is not None:
                if len(shape) < rank or any(size != 1 for size in shape[: len(shape) - rank]):
                    raise ShapeError(f"it has {len(shape)} axes")
                shape = shape[len(shape) - rank :]
            if count > 1:
                if not shape:
                    raise ShapeError("a single number cannot be cut")
                shape = (divide(shape[0], count), *shape[1:])
            if self.stored.transposed:
                if len(shape) != 2:
                    raise ShapeError(f"it has {len(shape)} axes")
                shape = (shape[1], shape[0])
        except ShapeError as error:
            axes = "(out, in)" if self.stored.transposed else "(...)"
            held = f"{axes} for each of {', '.join(self.stored.inputs)}, one below the other"
            raise QuestionError(
                (FIELD, self.source), f"the shape does not fit what is kept under this name: {error}",
                held if count > 1 else f"{axes} for {self.stored.inputs[0]}", f"shape {show(sent)}",
            ) from None  # fmt: skip
        return shape

    def extract(self, array: Array) -> Array:
        """Return the entries of the input."""
        shape = self.shape(array.shape)
        if self.stored.rank is not None:
            array = array.reshape(array.shape[array.ndim - self.stored.rank :])
        size = len(array) // len(self.stored.inputs) if array.ndim else 1
        rows = array[self.index * size : (self.index + 1) * size] if len(self.stored.inputs) > 1 else array
        result: Array = rows.T if self.stored.transposed else rows
        assert result.shape == shape
        return result


def has_state_dict(operation: Operation | Sublayer) -> bool:
    """Return whether an operation or its sublayers have weights that PyTorch names."""
    return any(True for _ in _tensor_names(operation))


def find_pieces(
    operation: Operation, sources: Mapping[str, Shape], changed: Collection[str] = ()
) -> list[Piece]:
    """Return the inputs that a state dict holds.

    sources: the shapes of its tensors, by name.
    changed: settings that are not at their defaults; they may transpose inputs into PyTorch's layout.

    Raises QuestionErrors for unknown names, for shapes that do not fit their names, and for two tensors that
    hold the same input.
    """
    pieces: list[Piece] = []
    errors: list[QuestionError] = []
    for source in sources:
        match = next(_find_tensor(operation, source, ""), None)
        if match is None:
            known = dict.fromkeys(_tensor_names(operation))
            errors.append(unknown_name((FIELD, source), "tensor", source, known))
        else:
            prefix, stored = match
            if not prefix and any(operation.inputs[name].transposed_by in changed for name in stored.inputs):
                stored = replace(stored, transposed=not stored.transposed)
            held = [Piece(prefix + name, source, index, stored) for index, name in enumerate(stored.inputs)]
            try:
                held[0].shape(sources[source])
            except QuestionError as error:
                errors.append(error)
            pieces += held
        if len(errors) > LISTED:
            break
    owners: dict[str, str] = {}
    duplicates: dict[str, str] = {}
    for piece in pieces:
        if owners.setdefault(piece.name, piece.source) != piece.source:
            duplicates.setdefault(piece.source, piece.name)
    errors += [
        QuestionError((FIELD, source), f"{name} is in another tensor as well", "one of them", "both")
        for source, name in duplicates.items()
    ]
    if errors:
        raise QuestionErrors(errors)
    return pieces


def _find_tensor(
    operation: Operation | Sublayer, name: str, prefix: str
) -> Iterator[tuple[str, StoredTensor]]:
    """Yield the scope and the declaration of each tensor that has this name in PyTorch."""
    for stored in _stored_tensors(operation):
        if stored.name == name:
            yield prefix, stored
    for part_name, part in operation.parts.items():
        for pattern in part.stored:
            expression = re.escape(pattern).replace(r"\{\}", PLACE) + (r"\." if pattern else "")
            match = re.match(expression, name, re.ASCII)
            if match:
                scope = f"{part_name}[{match[1]}]" if part.is_list else part_name
                yield from _find_tensor(part, name[match.end() :], f"{prefix}{scope}.")


def _stored_tensors(operation: Operation | Sublayer) -> list[StoredTensor]:
    """Return the tensors of an operation or sublayer, without those that the outer operation provides."""
    if isinstance(operation, Operation):
        return list(operation.stored)
    inputs = operation.inputs
    return [
        stored
        for choice in operation.operations
        for stored in choice.stored
        if all(name in inputs for name in stored.inputs)
    ]


def _tensor_names(operation: Operation | Sublayer) -> Iterator[str]:
    """Yield the names of all tensors in PyTorch, with 0 for each index of a list."""
    for stored in _stored_tensors(operation):
        yield stored.name
    for part in operation.parts.values():
        for pattern in part.stored:
            start = pattern.replace("{}", "0") + "." if pattern else ""
            for name in _tensor_names(part):
                yield start + name
