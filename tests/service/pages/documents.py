"""Reading of the pages that tests look at."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Outline(HTMLParser):
    """The tags of a page, checked for balance, with the text of its tables and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.tables: list[list[list[str]]] = []
        self.headings: list[tuple[int, str]] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag == "td":
            self.tables[-1][-1].append("")
        elif tag[0] == "h" and tag[1:].isdigit():
            self.headings.append((int(tag[1:]), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "td" in self.open and "math" not in self.open:
            self.tables[-1][-1][-1] += data
        level = next((int(tag[1:]) for tag in self.open if tag[0] == "h" and tag[1:].isdigit()), 0)
        if level:
            self.headings[-1] = (level, self.headings[-1][1] + data)

    def numbers(self) -> list[list[list[float]]]:
        """Return the tables that hold numbers alone."""
        found = []
        for table in self.tables:
            rows = [[cell.replace("−", "-") for cell in row] for row in table if any(row)]
            try:
                found.append([[float(cell) for cell in row if cell] for row in rows])
            except ValueError:
                continue
        return found
