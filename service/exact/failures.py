"""Distinguish failures of the libraries behind exact arithmetic from defects of the service."""

import traceback
from collections.abc import Iterator
from types import ModuleType

import compute
import service
from compute import solving
from compute.arithmetic.exact import orders, readable
from compute.arithmetic.exact.bounds import beyond
from compute.readings import closed_forms, verification
from service.exact import answers, entries
from service.http.problems import Problem, from_question

LIBRARIES = {"sympy": "SymPy", "mpmath": "mpmath"}
# The activity for the message of a refusal, by the innermost module of ours that is listed here.
STAGES = {
    readable: "simplifying",
    orders: "comparing numbers",
    verification: "verifying",
    solving: "solving equations",
    closed_forms: "writing numbers",
    answers: "writing numbers",
    entries: "reading numbers",
}


def refusal(error: Exception) -> Problem | None:
    """Return the problem for a failure inside a library; None for a defect of the service.

    The innermost frame that belongs to a library or to the service decides.
    """
    modules = list(_module_names(error))
    deciding = next((name for name in modules if _package(name) in LIBRARIES or _is_ours(name)), "")
    library = LIBRARIES.get(_package(deciding), "")
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


def _package(name: str) -> str:
    return name.partition(".")[0]


def _is_ours(name: str) -> bool:
    return _is_within(name, compute) or _is_within(name, service)


def _is_within(name: str, module: ModuleType) -> bool:
    return name == module.__name__ or name.startswith(f"{module.__name__}.")


def _stage(modules: list[str]) -> str:
    for name in modules:
        for module, stage in STAGES.items():
            if _is_within(name, module):
                return stage
    return "computing"
