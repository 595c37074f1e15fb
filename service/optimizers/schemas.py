"""What can be asked of optimizers, derived from the declarations of update rules and schedules."""

from collections.abc import Callable, Iterable
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeAlias, get_args

import numpy as np
from annotated_types import Interval
from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, create_model
from typing_extensions import TypeAliasType

from compute.optimizers.course import CLIP_EPSILON
from compute.optimizers.declaration import OPTIMIZERS, SettingField
from compute.optimizers.schedules import SCHEDULES
from service.schemas.computation import Computation
from service.schemas.deferred import Deferred
from service.schemas.naming import camel
from service.schemas.requests import fields_of
from service.schemas.setting_validators import MAX_INTEGER, constant
from service.schemas.types import INTEGRAL, LEFT_OUT, MAX_NAMES, Constant, Name, NamedTensors, Request

MAX_STEPS = 1_000_000
MAX_BATCHES = 10_000
MAX_POINTS = 201
MAX_UNKNOWN = 4
Part: TypeAlias = Literal[
    "parameters", "loss", "learning_rate", "gradient", "used_gradient", "state", "update", "batch", "formula"
]
PARTS = get_args(Part)
Setting = Annotated[Any, PlainValidator(constant, json_schema_input_type=Constant)]
Steps = Annotated[int, Interval(ge=1, le=MAX_STEPS), INTEGRAL]
Finite = Annotated[float, Field(allow_inf_nan=False)]


def _listed(value: Any) -> Any:
    """Numbers that a large body held as an array, as lists again."""
    return value.tolist() if isinstance(value, np.ndarray) else value


Pair = Annotated[list[Finite], BeforeValidator(_listed), Field(min_length=2, max_length=2)]
Rows = Annotated[
    list[Annotated[list[Annotated[int, INTEGRAL]], BeforeValidator(_listed)]], BeforeValidator(_listed)
]


def _choice(models: Callable[[str], type[BaseModel]], names: Iterable[str]) -> Any:
    """Return the union of models that are chosen by name."""
    return Annotated[reduce(or_, map(models, names)), Field(discriminator="name")]


Optimizer = TypeAliasType(
    "Optimizer",
    Annotated[
        Any,
        Deferred(lambda: _choice(optimizer_model, OPTIMIZERS)),
        Field(description="An update rule by name, with its settings."),
    ],
)
Schedule = TypeAliasType(
    "Schedule",
    Annotated[
        Any,
        Deferred(lambda: _choice(schedule_model, SCHEDULES) | Annotated[list[Constant], Field(min_length=1)]),
        Field(description="A schedule by name, or the rate of each step, of which the last one stays."),
    ],
)


class StopWhen(Request):
    """Where a trace stops before its last step."""

    gradient_norm: Setting = Field(
        None, description="As soon as the norm of all gradients together is not above this."
    )
    loss: Setting = Field(None, description="As soon as the loss is not above this.")


class BatchList(Request):
    """Mini-batches: which rows of the data each step sees."""

    inputs: list[Name] = Field(
        max_length=MAX_NAMES,
        description="The data whose rows are chosen from, along their first axis.",
        examples=[["x", "y"]],
    )
    rows: Rows = Field(
        max_length=MAX_BATCHES,
        description="Row numbers from 0, a list for each step; from the start again where there are fewer"
        " lists than steps.",
        examples=[[[0, 1], [2, 3]]],
    )


class SurfaceAsked(Request):
    """A grid of the loss around the trace, to be drawn."""

    points: Annotated[int, Interval(ge=2, le=MAX_POINTS), INTEGRAL] = Field(
        41, description="Along each of the two axes."
    )
    over: list[Name] = Field(
        LEFT_OUT,
        min_length=2,
        max_length=2,
        description="The two entries of parameters that it runs over; not needed where there are only two."
        " The others stand at the trace's end.",
        examples=[["w[0]", "b"]],
    )
    ranges: dict[Name, Pair] = Field(
        default_factory=dict,
        max_length=2,
        description="From where to where, by entry; around the trace if not said.",
        examples=[{"w[0]": [-1, 1]}],
    )


class Traced(Request):
    """What is minimized, from where, and by what."""

    program: list[str] = Field(
        LEFT_OUT,
        min_length=1,
        description="What is minimized, in the language of /v1/graph.",
        examples=[["f = x**2 / 4"]],
    )
    loss: Name = Field(
        LEFT_OUT,
        description="The value that is minimized, one number; that of the last line if not said.",
    )
    inputs: NamedTensors = Field(default_factory=dict, description="The program's data.")
    start: NamedTensors = Field(
        description="The parameters, and where they start; of layers in the program by names such as"
        " `h.attention.w_q`.",
    )
    optimizer: Optimizer = Field(description="The update rule and its settings.")
    steps: Steps = Field(
        LEFT_OUT,
        description="How many steps to make; as many as there are gradients if not said.",
    )


class TraceAlone(Request):
    """What a trace takes beside what every question about an optimizer does."""

    gradients: list[NamedTensors] = Field(
        LEFT_OUT,
        max_length=MAX_STEPS,
        description="In place of a program: the gradients of all parameters, one object for each step.",
        examples=[[{"x": 1}, {"x": 0.5}]],
    )
    every: Steps = Field(
        1,
        description="Which steps are returned, beside the start and the last one: 10 means every tenth.",
    )
    stop_when: StopWhen = Field(LEFT_OUT, description="Where to stop before the last step.")
    batches: BatchList = Field(LEFT_OUT, description="Mini-batches; all data at every step if not said.")
    surface: SurfaceAsked = Field(LEFT_OUT, description="Asks for a grid of the loss around the trace.")
    select: list[Part] = Field(
        default_factory=list,
        min_length=1,
        max_length=len(PARTS),
        description="Which parts of each step to return; all if not said.",
        examples=[["parameters", "loss"]],
    )


class SolveAlone(Request):
    """What is solved for."""

    unknown: list[Name] = Field(
        default_factory=list,
        max_length=MAX_UNKNOWN,
        description="The symbols to solve for. They stand for hyperparameters of the optimizer or in start"
        " values.",
        examples=[["eta"]],
    )
    target: NamedTensors = Field(
        default_factory=dict,
        description="Where parameters are to be after the last step; those not named may be anywhere."
        " Without it only convergence is answered.",
        examples=[{"x": 0}],
    )


def _request(title: str, words: str, own: type[BaseModel], *common: str) -> type[BaseModel]:
    shared = fields_of(Computation)
    fields: dict[str, Any] = fields_of(Traced) | fields_of(own) | {name: shared[name] for name in common}
    return create_model(title, __base__=Request, __doc__=words, **fields)


@cache
def trace_request() -> type[BaseModel]:
    """Return the model of a trace's request."""
    words = "A trace of an optimizer, step by step."
    return _request("TraceRequest", words, TraceAlone, "arithmetic", "assumptions", "encoding")


@cache
def solve_request() -> type[BaseModel]:
    """Return the model of a request to solve for hyperparameters or start values."""
    words = "Which hyperparameters or start values bring the parameters to a target."
    return _request("SolveRequest", words, SolveAlone, "assumptions")


@cache
def optimizer_model(name: str) -> type[BaseModel]:
    """The model of an optimizer in a request."""
    declared = OPTIMIZERS[name]
    fields: dict[str, Any] = {
        "name": (Literal[name], Field(description=f"{declared.summary}.")),
        "learning_rate": (Setting, Field(declared.learning_rate, description="Before any schedule.")),
    }
    fields |= {one.name: _setting(one) for one in declared.settings.values()}
    decay = "" if declared.weight_decay is None else f" If not said: {declared.weight_decay:g}."
    described = {
        "schedule": "How the learning rate changes; constant if not said.",
        "weight_decay": "How much of the parameters decays." + decay,
        "decay": "coupled: added to the gradient; decoupled: taken from the parameters times the learning"
        " rate; post: taken from what the update leaves.",
        "clip_value": "The largest entry of a gradient, before decay.",
        "clip_norm": "The largest norm of all gradients together, before decay.",
        "clip_epsilon": "What is added to the norm that is divided by.",
    }
    kinds: dict[str, tuple[Any, Any]] = {
        "schedule": (Schedule, None),
        "decay": (Literal["coupled", "decoupled", "post"], declared.decay),
        "clip_epsilon": (Setting, CLIP_EPSILON),
    }
    for field, words in described.items():
        kind, default = kinds.get(field, (Setting, None))
        fields[field] = (kind, Field(default, description=words))
    equations = "; ".join(f"${one}$" for one in declared.equations({}))
    words = f"{declared.summary}. {equations}. Source: {declared.source}"
    return create_model(camel(name) + "Optimizer", __base__=Request, __doc__=words, **fields)


@cache
def schedule_model(name: str) -> type[BaseModel]:
    """The model of a schedule in a request."""
    declared = SCHEDULES[name]
    fields: dict[str, Any] = {"name": (Literal[name], Field(description=f"{declared.summary}."))}
    fields |= {one.name: _setting(one) for one in declared.settings.values()}
    words = f"{declared.summary}." + (f" Source: {declared.source}" if declared.source else "")
    return create_model(camel(name) + "Schedule", __base__=Request, __doc__=words, **fields)


def _setting(setting: SettingField) -> tuple[Any, Any]:
    declared = setting.declared
    kind: Any = Setting
    if setting.choices:
        kind = Literal[setting.choices]
    elif setting.is_switch:
        kind = bool
    elif setting.is_whole:
        kind = Annotated[int, Interval(ge=int(declared.least or 0), le=MAX_INTEGER), INTEGRAL]
    bounds = [] if declared.least is None else [f"at least {declared.least:g}"]
    bounds += [] if declared.below is None else [f"below {declared.below:g}"]
    bounds += [f"at least {declared.not_below}"] if declared.not_below else []
    words = (f"${declared.symbol}$: " if declared.symbol else "") + declared.meaning
    words += f" {' and '.join(bounds).capitalize()}." if bounds else ""
    if declared.idle:
        name, worth = declared.idle
        words += f" Without meaning where {name} is {str(worth).lower()}."
    words += " No symbol can stand for it." if declared.decides else ""
    return kind, Field(setting.default, description=words)
