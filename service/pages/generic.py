"""Any value as blocks, for parts of answers that have no form of their own."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from service.pages.blocks import (
    Block,
    Cell,
    Code,
    Facts,
    Inline,
    Inlines,
    Listing,
    Math,
    Paragraph,
    Program,
    Section,
    Table,
)
from service.pages.entries import as_array, show_tensor, write_entry, write_number
from service.pages.notes import join_names

MOST = 200  # items of a list that are shown
MOST_INDICES = 8  # integers of a list, such as axes, that are written as words
NAME = re.compile(r"[A-Za-z_][\w.\[\]]*")


def show_value(value: Any, caption: Inlines = ()) -> list[Block]:
    """Return the blocks of a value: facts, tables of like objects, tensors, lists or text.

    caption: the title of a table.
    """
    if isinstance(value, Mapping):
        return _show_fields(value)
    if _is_index(value):
        return [Paragraph([_write_scalar(value)])]
    array = _as_tensor(value)
    if array is not None and array.ndim:
        return show_tensor(caption, array)
    return _show_items(value, caption) if isinstance(value, list) else [Paragraph([_write_scalar(value)])]


def _show_fields(fields: Mapping[str, Any]) -> list[Block]:
    facts: list[tuple[Inline, list[Inline]]] = [
        (Code(name), [_write_scalar(item)])
        for name, item in fields.items()
        if _is_scalar(item) and not _has_lines(item)
    ]
    blocks: list[Block] = [Facts(facts)] if facts else []
    for name, item in fields.items():
        if _has_lines(item):
            blocks += [Paragraph([Code(name), ":"]), Program(item.splitlines())]
            continue
        if _is_scalar(item) or (isinstance(item, list | dict) and not item):
            continue
        array = _as_tensor(item)
        if array is not None:
            blocks += show_tensor([Code(name)], array)
        else:
            inside = show_value(item, [Code(name)])
            has_title = len(inside) == 1 and isinstance(inside[0], Table)
            blocks += inside if has_title else [Section([Code(name)], inside)]
    return blocks


def _show_items(items: list[Any], caption: Inlines) -> list[Block]:
    shown, more = items[:MOST], len(items) - MOST
    blocks: list[Block] = []
    if all(isinstance(item, Mapping) and all(map(_fits_cell, item.values())) for item in shown) and shown:
        columns = list(dict.fromkeys(name for item in shown for name in item))
        rows = [
            (str(place), [Cell(_write_scalar(item[name]) if name in item else "") for name in columns])
            for place, item in enumerate(shown)
        ]
        blocks.append(Table(caption, [name.replace("_", " ") for name in columns], rows))
    elif _are_names(shown):
        blocks.append(Paragraph(join_names(shown)))
    elif all(isinstance(item, list) and _are_names(item) for item in shown):
        blocks.append(Listing([join_names(item) for item in shown]))
    elif all(map(_is_scalar, shown)):
        blocks.append(Listing([[_write_scalar(item)] for item in shown]))
    else:
        blocks += [Section([str(place)], show_value(item)) for place, item in enumerate(shown)]
    if more > 0:
        blocks.append(Paragraph([f"and {more} more"]))
    return blocks


def _are_names(items: list[Any]) -> bool:
    return all(isinstance(item, str) and NAME.fullmatch(item) for item in items)


def _as_tensor(value: Any) -> "np.ndarray[Any, Any] | None":
    """Return a tensor of numbers, booleans or expressions as an array; None for anything else.

    Lists of names, such as the ends of edges, are none.
    """
    if _is_index(value):
        return None
    array = as_array(value)
    if array is None or array.dtype.kind in "fb":
        return array
    entries = array.ravel().tolist()
    if array.ndim == 0 or _are_names(entries):
        return None
    is_written = all(isinstance(write_entry(entry), Math) for entry in entries)
    return array if is_written else None


def _is_index(value: Any) -> bool:
    """Return whether a value is a short list of integers, such as axes or an index."""
    return (
        isinstance(value, list)
        and 0 < len(value) <= MOST_INDICES
        and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
    )


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | np.generic) or _is_index(value)


def _has_lines(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _fits_cell(value: Any) -> bool:
    return _is_scalar(value) or value == []


def _write_scalar(value: Any) -> Inline:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return write_number(value)
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})" if value else ""
    return str(value) if isinstance(value, str) else write_entry(value)
