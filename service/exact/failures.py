"""Failures of the libraries behind exact arithmetic, told apart from defects of our own."""

import traceback
from collections.abc import Iterator

from compute.arithmetic.exact.bounds import beyond
from service.http.problems import Problem, from_question

LIBRARIES = {"sympy": "SymPy", "mpmath": "mpmath"}
OURS = {"compute", "service"}
# What was being done, by the innermost of our modules that says so.
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
    """Return the refusal of a question on which a library failed; None for a defect of our own.

    The innermost frame that is a library's or ours decides whose failure it is.
    """
    modules = list(_module_names(error))
    packages = (name.partition(".")[0] for name in modules)
    library = next((LIBRARIES.get(one, "") for one in packages if one in LIBRARIES or one in OURS), "")
    if not library:
        return None
    where = "".join(f" ({note})" for note in getattr(error, "__notes__", [])[:1])
    what = f"could not be computed: {library} failed while {_stage(modules)}{where}"
    expected = f"numbers and symbols that {library} can work with"
    return from_question(beyond(what, expected, received=f"a failure of the kind {type(error).__name__}"))


def _module_names(error: Exception) -> Iterator[str]:
    """The module of each frame, from the innermost out."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        yield str(frame.f_globals.get("__name__", ""))


def _stage(modules: list[str]) -> str:
    for name in modules:
        for module, stage in STAGES.items():
            if name == module or name.startswith(f"{module}."):
                return stage
    return "computing"
