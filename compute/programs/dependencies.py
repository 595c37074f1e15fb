"""Dependencies between the names of a program."""

from compute.programs.language import Assignment


def find_cycle(assignments: list[Assignment], name: str, most: int = 8) -> list[str]:
    """Return the names of the cycle that a name belongs to, at most `most`; empty if there is none."""
    dependencies = _dependencies(assignments)
    dependents: dict[str, set[str]] = {name: set() for name in dependencies}
    for dependent, needed in dependencies.items():
        for dependency in needed:
            dependents[dependency].add(dependent)
    members = sorted(_reachable(dependencies, name) & _reachable(dependents, name))
    return members if len(members) <= most else [*members[:most], "others"]


def _dependencies(assignments: list[Assignment]) -> dict[str, set[str]]:
    """Return for each assigned name the assigned names in its expression."""
    names = {assignment.name for assignment in assignments}
    return {assignment.name: assignment.value.names() & names for assignment in assignments}


def _reachable(edges: dict[str, set[str]], name: str) -> set[str]:
    reached: set[str] = set()
    pending = [name]
    while pending:
        for neighbour in edges.get(pending.pop(), ()):
            if neighbour not in reached:
                reached.add(neighbour)
                pending.append(neighbour)
    return reached
