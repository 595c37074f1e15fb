"""Which of a program's names need one another."""

from compute.programs.language import Assignment


def circle(assignments: list[Assignment], name: str, most: int = 8) -> list[str]:
    """The members of the circle that a name stands in, so many of them at most; none if it stands in none."""
    edges = _edges(assignments)
    back: dict[str, set[str]] = {one: set() for one in edges}
    for one, behind in edges.items():
        for other in behind:
            back[other].add(one)
    members = sorted(_reached(edges, name) & _reached(back, name))
    return members if len(members) <= most else [*members[:most], "others"]


def _edges(assignments: list[Assignment]) -> dict[str, set[str]]:
    """What each assigned name is made of, as far as it is assigned too."""
    names = {one.name for one in assignments}
    return {one.name: one.value.names() & names for one in assignments}


def _reached(edges: dict[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    pending = [name]
    while pending:
        for one in edges.get(pending.pop(), ()):
            if one not in found:
                found.add(one)
                pending.append(one)
    return found
