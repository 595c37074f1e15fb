"""Distinguish failures of the libraries behind exact arithmetic from defects of the service."""

import traceback
from collections.abc import Iterator

from compute.arithmetic.exact.bounds import beyond
from service.http.problems import Problem, from_question

LIBRARIES = {"sympy": "SymPy", "mpmath": "mpmath"}
OURS = {"compute", "service"}
# The activity for the message of a refusal, by the innermost module of ours that is listed here.
STAGES = {
    "compute.arithmetic.exact.readable": "simplifying",
    "compute.arithmetic.exact.orders": "comparing numbers",
    "compute.readings.verification": "verifying",
    "compute.solving": "solving equations",
    "compute.readings.closed_forms": "writing numbers",
    "service.exact.answers": "writing numbers",
    "service.exact.entries": "reading numbers",
}


def refusal(error: Exception) -> Problem | None:
    """Return the problem for a failure inside a library; None for a defect of the service.

    The innermost frame that belongs to a library or to the service decides.
    """
    modules = list(_module_names(error))
    packages = (name.partition(".")[0] for name in modules)
    library = next(
        (LIBRARIES.get(package, "") for package in packages if package in LIBRARIES or package in OURS), ""
    )
    if not library:
        return None
    where = "".join(f" ({note})" for note in getattr(error, "__notes__", [])[:1])
    message = f"could not be computed: {library} failed while {_stage(modules)}{where}"
    expected = f"numbers and symbols that {library} can work with"
    return from_question(beyond(message, expected, received=f"a failure of the kind {type(error).__name__}"))


def _module_names(error: Exception) -> Iterator[str]:
    """Yield the name of each frame's module, from the innermost out."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        yield str(frame.f_globals.get("__name__", ""))


def _stage(modules: list[str]) -> str:
    for name in modules:
        for module, stage in STAGES.items():
            if name == module or name.startswith(f"{module}."):
                return stage
    return "computing"
