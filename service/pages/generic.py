"""Any value as blocks, for parts of answers that have no form of their own."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from service.pages.blocks import Block, Cell, Code, Facts, Inline, Listing, Paragraph, Section, Table
from service.pages.entries import as_array, show_tensor, write_entry, write_number

MOST = 200  # items of a list that are shown


def show_value(value: Any) -> list[Block]:
    """Return the blocks of a value: facts, tables of like objects, tensors, lists or text."""
    if isinstance(value, Mapping):
        return _show_fields(value)
    array = _as_tensor(value)
    if array is not None and array.ndim:
        return show_tensor([], array)
    return _show_items(value) if isinstance(value, list) else [Paragraph([_write_scalar(value)])]


def _show_fields(fields: Mapping[str, Any]) -> list[Block]:
    facts = [(Code(name), [_write_scalar(item)]) for name, item in fields.items() if _is_scalar(item)]
    blocks: list[Block] = [Facts(facts)] if facts else []
    for name, item in fields.items():
        if _is_scalar(item) or (isinstance(item, list | dict) and not item):
            continue
        array = _as_tensor(item)
        if array is not None:
            blocks += show_tensor([Code(name)], array)
        else:
            inside = _show_items(item) if isinstance(item, list) else show_value(item)
            blocks.append(Section([Code(name)], inside))
    return blocks


def _show_items(items: list[Any]) -> list[Block]:
    shown, more = items[:MOST], len(items) - MOST
    blocks: list[Block] = []
    if all(isinstance(item, Mapping) and all(map(_is_scalar, item.values())) for item in shown) and shown:
        columns = list(dict.fromkeys(name for item in shown for name in item))
        rows = [
            (str(place), [Cell(_write_scalar(item[name]) if name in item else "") for name in columns])
            for place, item in enumerate(shown)
        ]
        blocks.append(Table([], [Code(name) for name in columns], rows))
    elif all(map(_is_scalar, shown)):
        blocks.append(Listing([[_write_scalar(item)] for item in shown]))
    else:
        blocks += [Section([str(place)], show_value(item)) for place, item in enumerate(shown)]
    if more > 0:
        blocks.append(Paragraph([f"and {more} more"]))
    return blocks


def _as_tensor(value: Any) -> "np.ndarray[Any, Any] | None":
    """Return a tensor of numbers or booleans as an array; None for anything else."""
    array = as_array(value)
    return array if array is not None and array.dtype.kind in "fb" else None


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | np.generic)


def _write_scalar(value: Any) -> Inline:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return write_number(value)
    return str(value) if isinstance(value, str) else write_entry(value)
