"""The content of a document, without its form: the writers of HTML, Markdown and TeX take these blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from service.pages.pictures.charts import Chart


@dataclass(frozen=True, slots=True)
class Code:
    """A name or other text as it is sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Math:
    """A formula in LaTeX."""

    latex: str


Inline: TypeAlias = "str | Code | Math"
Inlines: TypeAlias = Sequence[Inline]
NUMBERS = ("NaN", "true", "false")  # that are written with letters


@dataclass(frozen=True, slots=True)
class Source:
    """The part of an answer that a block shows, so that programs find it in a page.

    kind: whether it is a value or a gradient.
    index: of the matrix that is shown, in the axes before its own.
    is_vector: whether the one row that is shown is the whole tensor.
    """

    kind: Literal["value", "gradient"]
    name: str
    index: Sequence[int] = ()
    is_vector: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of text. source: the number that it shows, if it is one of an answer."""

    content: Inlines
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """A displayed formula in LaTeX; each further line continues it, such as `= 3`."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Program:
    """Lines of a program as they are sent."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Cell:
    """An entry of a table.

    shade: its level from -8 to 8, or 0 for none.
    title: all digits, if they are cut.
    """

    content: Inline
    shade: int = 0
    title: str = ""


def _is_text(content: Inline) -> bool:
    """Return whether the content of a cell is words rather than a number, a truth or a formula."""
    if isinstance(content, Code):
        return True
    return isinstance(content, str) and content not in NUMBERS and (content[:1].isalpha() or " " in content)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with headers for its columns and, in each row, first of all for the row.

    caption: its title. corner: the header above those of the rows.
    source: the matrix that it shows, if it is one of an answer.
    """

    caption: Inlines
    columns: Sequence[Inline]
    rows: Sequence[tuple[Inline, Sequence[Cell]]]
    corner: Inline = ""
    source: Source | None = None

    @property
    def has_names(self) -> bool:
        """Whether rows have headers."""
        return any(name for name, _ in self.rows)

    @property
    def width(self) -> int:
        """The number of columns without that of the headers."""
        return max([len(self.columns), *(len(cells) for _, cells in self.rows)])

    @property
    def words(self) -> set[int]:
        """The columns, counted without that of the headers, that hold text and no numbers."""
        return {
            place
            for place in range(self.width)
            if all(_is_text(cells[place].content) for _, cells in self.rows if place < len(cells))
        }

    @property
    def head(self) -> list[Inline]:
        """The headers of all columns, with the corner if rows have headers."""
        return [self.corner, *self.columns] if self.has_names else [*self.columns]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values or meanings."""

    items: Sequence[tuple[Inline, Inlines]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of items."""

    items: Sequence[Inlines]


def list_sentences(sentences: Sequence[Inlines]) -> "list[Block]":
    """Return sentences as a list; a single one is a paragraph."""
    if len(sentences) > 1:
        return [Listing(sentences)]
    return [Paragraph(sentence) for sentence in sentences]


@dataclass(frozen=True, slots=True)
class Callout:
    """A remark in its place. kind: how it is marked; the word is written before the text."""

    kind: Literal["warning", "note", "right", "wrong"]
    word: str
    content: Inlines


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart, which writers show as a picture, as the text that stands for it, or as a specification."""

    chart: Chart


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading. is_folded: whether a page may show the heading alone at first."""

    title: Inlines
    blocks: "list[Block]" = field(default_factory=list)
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """Blocks that stand side by side where there is room for them, and below each other elsewhere."""

    blocks: "Sequence[Block]"


Block: TypeAlias = (
    "Paragraph | Equation | Program | Table | Facts | Listing | Callout | Picture | Section | Beside"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A document."""

    title: str
    blocks: "list[Block]" = field(default_factory=list)
