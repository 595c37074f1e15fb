"""Attacks, their measurements, and the bounds of these."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.attacks.server import Server


@dataclass(frozen=True)
class Figure:
    """One measurement. `most` and `least` are its bounds.

    by_clock: whether a busy machine alone can break the bound, as it can a latency.
    """

    name: str
    value: float
    unit: str
    most: float | None
    least: float | None
    by_clock: bool

    @property
    def is_kept(self) -> bool:
        """Whether the number is within its bounds."""
        return (self.most is None or self.value <= self.most) and (
            self.least is None or self.value >= self.least
        )

    @property
    def bound(self) -> str:
        """The bounds as text, empty if there are none."""
        words = [] if self.least is None else [f"at least {self.least:g}"]
        words += [] if self.most is None else [f"at most {self.most:g}"]
        return ", ".join(words)


@dataclass
class Report:
    """The measurements of one attack, in order."""

    figures: list[Figure] = field(default_factory=list)

    def add(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        most: float | None = None,
        least: float | None = None,
        by_clock: bool = False,
    ) -> None:
        """Record a measurement and its bounds."""
        self.figures.append(Figure(name, value, unit, most, least, by_clock))

    def note(self, name: str, holds: bool) -> None:
        """Record whether a condition holds, as 1 or 0."""
        self.add(name, int(holds), least=1)


Run: TypeAlias = Callable[[Server, Report], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Attack:
    """An attack on a server that is started for it.

    is_cheap: whether it takes about a second, disturbs no later attack on the same server, and has the
    default settings, so that the test suite includes it.
    ends_server: whether the server is meant to end.
    settings: of the server. megabytes: limit of the address space of each process of the server.
    """

    name: str
    meaning: str
    run: Run
    is_cheap: bool
    ends_server: bool
    settings: Mapping[str, object]
    megabytes: int


ATTACKS: dict[str, Attack] = {}


def attack(
    *, is_cheap: bool = False, ends_server: bool = False, megabytes: int = 8192, **settings: object
) -> Callable[[Run], Run]:
    """Register a function as an attack; its docstring describes the attack."""

    def register(run: Run) -> Run:
        name = run.__name__
        ATTACKS[name] = Attack(
            name, (run.__doc__ or "").strip(), run, is_cheap, ends_server, settings, megabytes
        )
        return run

    return register
