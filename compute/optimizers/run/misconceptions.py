"""Known mistakes around update rules, and the catalogue of all mistakes in optimizers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial

from compute.optimizers.rules import adaptive_misconceptions, misconceptions
from compute.optimizers.rules.declaration import OPTIMIZERS
from compute.optimizers.rules.mistakes import COURSES, MISTAKEN_RULES, Mistake, MistakenRule
from compute.optimizers.run.gradients import Clipping
from compute.optimizers.run.objective import ProgramObjective
from compute.optimizers.run.trace import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class MistakenRun(Mistake):
    """A mistake outside the rule. build: returns the mistaken run; None where it has no meaning."""

    build: Callable[[Run], Run | None]


class _NoClipping(Clipping):
    """The step of clipping, which leaves gradients as they are."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


DECLARING = (misconceptions, adaptive_misconceptions)  # importing them declares mistaken rules
MISTAKES: dict[str, Mistake] = {**MISTAKEN_RULES}


def mistaken_run(
    code: str,
    *,
    of: Collection[str] = frozenset(OPTIMIZERS),
    touched: Collection[str],
    message: str,
    note: str,
    source: str,
) -> Callable[[Callable[[Run], Run | None]], Callable[[Run], Run | None]]:
    """Declare a function that builds a mistaken run. of: the optimizers that it belongs to."""

    def declare(build: Callable[[Run], Run | None]) -> Callable[[Run], Run | None]:
        MISTAKES[code] = MistakenRun(
            code=code,
            optimizers=frozenset(of),
            message=message,
            note=note,
            source=source,
            touched=frozenset(touched),
            build=build,
        )
        return build

    return declare


def with_mistake(run: Run, code: str) -> Run | None:
    """Return a run that makes a mistake; None where the mistake has no meaning."""
    mistake = MISTAKES[code]
    if run.optimizer.name not in mistake.optimizers:
        return None
    mistaken = _with_mistake(run, mistake)
    found = {name: _with_mistake(own, mistake) for name, own in run.groups.items()}
    if mistaken is None and not any(found.values()):
        return None
    groups = {name: found[name] or own for name, own in run.groups.items()}
    return replace(mistaken or run, groups=groups)


def _with_mistake(run: Run, mistake: Mistake) -> Run | None:
    if isinstance(mistake, MistakenRun):
        return mistake.build(run)
    assert isinstance(mistake, MistakenRule)
    rule = partial(mistake.rule, run.optimizer.rule)
    return replace(run, optimizer=replace(run.optimizer, rule=rule))


@mistaken_run(
    "optimizer.gradient_not_renewed",
    touched=["gradient"],
    message="Every step needs the gradient where it starts: look at the parameters that it was taken at.",
    note="the gradient of the first step was used at every step",
    source=COURSES,
)
def gradient_not_renewed(run: Run) -> Run | None:
    """Use the gradient of the first step at every step."""
    return replace(run, renews_gradient=False) if isinstance(run.objective, ProgramObjective) else None


@mistaken_run(
    "optimizer.decay_order",
    touched=["update"],
    message="The decay belongs to the parameters at one moment of the step: look at whether that is before or"
    " after the update.",
    note="decoupled decay was taken of the updated parameters, or post decay of those before the step",
    source="torchani#261",
)
def decay_order(run: Run) -> Run | None:
    """Decay the parameters on the other side of the update."""
    other = {"decoupled": "decoupled_post", "post": "without_rate"}.get(run.decay_form)
    return replace(run, decay_form=other) if run.decay is not None and other is not None else None


@mistaken_run(
    "optimizer.decay_without_rate",
    touched=["update"],
    message="Decoupled decay is part of the step: look at what it is multiplied by.",
    note="decoupled decay was not multiplied by the learning rate",
    source=COURSES,
)
def decay_without_rate(run: Run) -> Run | None:
    """Leave the learning rate out of decoupled decay."""
    is_decoupled = run.decay is not None and run.decay_form == "decoupled"
    return replace(run, decay_form="without_rate") if is_decoupled else None


@mistaken_run(
    "optimizer.decay_left_out",
    touched=["used_gradient", "state", "update"],
    message="Parameters decay, too: look at where the weight decay enters the step.",
    note="weight decay was left out",
    source=COURSES,
)
def decay_left_out(run: Run) -> Run | None:
    """Leave weight decay out."""
    return None if run.decay is None else replace(run, decay=0 * run.decay)


@mistaken_run(
    "optimizer.decay_doubled",
    touched=["used_gradient"],
    message="Weight decay is the derivative of a penalty: look at the factor that comes with it.",
    note="twice the weight decay was added to the gradient, as for a penalty without the factor 1/2",
    source=COURSES,
)
def decay_doubled(run: Run) -> Run | None:
    """Add the derivative of a penalty without the factor 1/2."""
    if run.decay is None or run.decay_form != "coupled":
        return None
    return replace(run, decay=2 * run.decay)


@mistaken_run(
    "optimizer.clipping_left_out",
    touched=["used_gradient", "state", "update"],
    message="Large gradients are cut before the rule sees them: look at whether the bound applies.",
    note="the gradient was not clipped",
    source=COURSES,
)
def clipping_left_out(run: Run) -> Run | None:
    """Leave clipping out."""
    return replace(run, clipping=_NoClipping()) if run.clipping else None


@mistaken_run(
    "optimizer.gradient_not_negated",
    touched=["used_gradient", "state", "update"],
    message="The loss is to be maximized: look at the direction of the step.",
    note="the loss was minimized, not maximized",
    source="the setting maximize of PyTorch's optimizers",
)
def gradient_not_negated(run: Run) -> Run | None:
    """Minimize where the question maximizes."""
    return replace(run, maximize=False) if run.maximize else None


@mistaken_run(
    "schedule.counts_one_more",
    touched=["learning_rate"],
    message="The learning rate depends on the number of the step: look at which number the first step has.",
    note="each step had the learning rate of the next one",
    source=COURSES,
)
def counts_one_more(run: Run) -> Run | None:
    """Use the learning rate of the next step."""
    return replace(run, rate=lambda step: run.rate(step + 1))


@mistaken_run(
    "nesterov.gradient_not_ahead",
    of=["nesterov_lookahead"],
    touched=["gradient"],
    message="This form of Nesterov's momentum looks ahead before it takes the gradient: look at where it was"
    " taken.",
    note="the gradient was taken at the parameters, not ahead of them along the velocity",
    source="pytorch#5920; pylearn2#1030",
)
def gradient_not_ahead(run: Run) -> Run | None:
    """Take the gradient at the parameters."""
    return replace(run, optimizer=replace(run.optimizer, looks_ahead=False))
