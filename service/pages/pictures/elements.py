"""Parts of SVG that pictures share: lengths, labels and rectangles."""

import unicodedata
from itertools import accumulate

from service.pages.text import escape

LETTER, LINE = 6.2, 15  # the width of a letter and the height of a line, in pixels
LONGEST_LABEL = 36  # letters


def write_rectangle(x: float, y: float, width: float, height: float) -> str:
    """Return the data of a path around a rectangle, from its upper left corner."""
    return f"M{px(x)} {px(y)}h{px(width)}v{px(height)}h-{px(width)}z"


def write_label(x: float, y: float, text: str, more: str = "") -> str:
    """Return a text at a place, cut if it is long. more: further attributes."""
    return f'<text x="{px(x)}" y="{px(y)}"{more}>{write_text(cut_label(text))}</text>'


def cut_label(text: str) -> str:
    """Return a label, cut where it is wider than the longest one."""
    if measure_text(text) <= LONGEST_LABEL * LETTER:
        return text
    widths = accumulate(map(measure_text, text))
    return f"{text[: sum(width <= (LONGEST_LABEL - 1) * LETTER for width in widths)]}…"


def measure_text(text: str) -> float:
    """Return about the width of a text in pixels."""
    if text.isascii():
        return LETTER * len(text)
    return LETTER * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def write_text(text: str) -> str:
    """Return text for an element, without letters that XML does not have."""
    return escape(text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text))


def px(number: float) -> str:
    """Return a length with one decimal, or none if that is zero."""
    text = f"{number:.1f}"
    if text.endswith(".0"):
        return "0" if text == "-0.0" else text[:-2]
    return text
