"""Which names a program's lines are made of."""

from compute.programs.language import Assignment, Node

NAMED_NUMBERS = ("pi",)


def names_in(node: Node) -> set[str]:
    """Every name that an expression uses."""
    found = {node.text} if node.head == "name" and node.text not in NAMED_NUMBERS else set()
    pieces = [*node.operands, *(one for _, one in node.keywords if isinstance(one, Node))]
    return found.union(*(names_in(one) for one in pieces))


def _behind(assignments: list[Assignment], name: str) -> set[str]:
    """The assigned names that a name is made of, directly or not."""
    lines = {one.name: names_in(one.value) for one in assignments}
    found: set[str] = set()
    pending = [name]
    while pending:
        for one in lines.get(pending.pop(), ()):
            if one in lines and one not in found:
                found.add(one)
                pending.append(one)
    return found


def in_cycle(assignments: list[Assignment], name: str) -> bool:
    return name in _behind(assignments, name)


def circle(assignments: list[Assignment], name: str) -> list[str]:
    """The others of the circle that a name stands in."""
    return sorted(one for one in _behind(assignments, name) if name in _behind(assignments, one))
