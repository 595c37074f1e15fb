"""Answers of the Python client and of `answer`, with NumPy arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Answer:
    """An answer, which notebooks show as a worked solution.

    document: all its fields, with NumPy arrays for tensors of floats, and text in lists for exact numbers.
    question: the fields that were sent.
    """

    document: dict[str, Any]
    question: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The values by name; empty if the computation has none."""
        found: dict[str, Any] = self.document.get("values", {})
        return found

    @property
    def gradients(self) -> dict[str, Any]:
        """The gradients by name; empty without `upstream`."""
        found: dict[str, Any] = self.document.get("gradients", {})
        return found

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __repr__(self) -> str:
        """Return the names of values and gradients with their shapes; other answers have names of fields."""
        parts = [_describe(self.values)] if self.values else []
        if self.gradients:
            parts.append(f"gradients: {_describe(self.gradients)}")
        return f"Answer({'; '.join(parts) or ', '.join(self.document)})"

    def _repr_html_(self) -> str | None:
        """Return a worked solution for notebooks; None for answers that have no steps."""
        from service.pages import notebooks  # noqa: PLC0415 - a client that shows nothing needs no pages

        return notebooks.show_html(self.question, self.document)

    def _repr_markdown_(self) -> str | None:
        """Return a worked solution in Markdown; None for answers that have no steps."""
        from service.pages import notebooks  # noqa: PLC0415 - a client that shows nothing needs no pages

        return notebooks.show_markdown(self.question, self.document)

    if not TYPE_CHECKING:  # the types of the client list the attributes of each operation's answer

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):  # which notebooks and copy ask for
                raise AttributeError(name)
            try:
                return self.values[name]
            except KeyError:
                raise AttributeError(f"the answer has no value of the name {name}") from None


def _describe(tensors: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {np.shape(tensor)}" for name, tensor in tensors.items())
