"""Models of requests about optimizers, derived from the declarations of update rules and schedules."""

from collections.abc import Callable, Iterable
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeAlias, get_args

import numpy as np
from annotated_types import Interval
from pydantic import BaseModel, BeforeValidator, Field, PlainValidator, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from compute.optimizers.rules.declaration import OPTIMIZERS, SettingField
from compute.optimizers.rules.schedules import SCHEDULES
from compute.optimizers.run.config import CLIP_EPSILON
from service.optimizers.constraints import SolveBase, TraceBase
from service.schemas.computation import Computation
from service.schemas.deferred import Deferred
from service.schemas.naming import camel_case
from service.schemas.requests import fields_of
from service.schemas.setting_types import Constant
from service.schemas.setting_validators import MAX_INTEGER, validate_constant
from service.schemas.types import (
    INTEGRAL,
    LEFT_OUT,
    MAX_NAMES,
    Name,
    NamedTensors,
    ProgramInputs,
    Request,
)

MAX_STEPS = 1_000_000
MAX_BATCHES = 10_000
MAX_POINTS = 201
MAX_UNKNOWN = 4
MAX_OTHERS = 8
MAX_SCHEDULES = 20
MAX_GROUPS = 100
MAX_MILESTONES = 1_000
Part: TypeAlias = Literal[
    "parameters",
    "loss",
    "learning_rate",
    "gradient",
    "used_gradient",
    "state",
    "update",
    "average",
    "batch",
    "formula",
]
PARTS = get_args(Part)
PartPath = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": rf"^({'|'.join(PARTS)})\.|\["}),
]
Setting = Annotated[Any, PlainValidator(validate_constant, json_schema_input_type=Constant)]
Steps = Annotated[int, Interval(ge=1, le=MAX_STEPS), INTEGRAL]
Finite = Annotated[float, Field(allow_inf_nan=False)]
DecayForm: TypeAlias = Literal["coupled", "decoupled", "post"]


def _as_list(value: Any) -> Any:
    """Return a NumPy array, from a large body, as lists."""
    return value.tolist() if isinstance(value, np.ndarray) else value


Pair = Annotated[list[Finite], BeforeValidator(_as_list), Field(min_length=2, max_length=2)]
Row = Annotated[int, INTEGRAL, Field(json_schema_extra={"minimum": 0})]
Rows = Annotated[
    list[Annotated[list[Row], BeforeValidator(_as_list), Field(json_schema_extra={"minItems": 1})]],
    BeforeValidator(_as_list),
]


def _without_step(value: Any) -> Any:
    """Refuse the number of a step among buffers, where PyTorch has it."""
    if isinstance(value, dict) and isinstance(value.get("step"), int | float):
        expected = "buffers by parameter and name; the number of the step is sent beside them, as step"
        raise PydanticCustomError("value", "{expected}", {"expected": expected})
    return value


def _union_by_name(models: Callable[[str], type[BaseModel]], names: Iterable[str]) -> Any:
    """Return the union of the models, discriminated by `name`."""
    return Annotated[reduce(or_, map(models, names)), Field(discriminator="name")]


Optimizer = TypeAliasType(
    "Optimizer",
    Annotated[
        Any,
        Deferred(lambda: _union_by_name(optimizer_model, OPTIMIZERS)),
        Field(description="An update rule by name, with its settings."),
    ],
)
Schedule = TypeAliasType(
    "Schedule",
    Annotated[
        Any,
        Deferred(
            lambda: _union_by_name(schedule_model, SCHEDULES) | Annotated[list[Constant], Field(min_length=1)]
        ),
        Field(description="A schedule by name, or the rate of each step; the last one stays."),
    ],
)
# A schedule inside a schedule: no schema contains itself, so that its settings are left open.
NestedSchedule = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"name": {"type": "string", "enum": [*SCHEDULES]}},
                    "required": ["name"],
                },
                {
                    "type": "array",
                    "items": {"anyOf": [{"type": "number"}, {"type": "string"}]},
                    "minItems": 1,
                },
            ]
        }
    ),
]


class StopWhen(Request):
    """Conditions that stop a trace before its last step."""

    gradient_norm: Setting = Field(
        None,
        json_schema_extra={"minimum": 0},
        description="Stop as soon as the norm of all gradients together is at most this.",
    )
    loss: Setting = Field(
        None,
        description="Stop as soon as the loss is at most this; with `maximize`, at least this.",
    )


class BatchList(Request):
    """Mini-batches: the rows of the data that each step uses."""

    inputs: list[Name] = Field(
        max_length=MAX_NAMES,
        json_schema_extra={"minItems": 1},
        description="The data to take rows of, along their first axis.",
        examples=[["x", "y"]],
    )
    rows: Rows = Field(
        max_length=MAX_BATCHES,
        json_schema_extra={"minItems": 1},
        description="Row numbers from 0, one list for each step; the lists repeat if there are fewer than"
        " steps.",
        examples=[[[0, 1], [2, 3]]],
    )


class SurfaceAsked(Request):
    """A grid of the loss around the trace, for plots."""

    points: Annotated[int, Interval(ge=2, le=MAX_POINTS), INTEGRAL] = Field(
        41, description="The number of points along each of the two axes."
    )
    over: list[Name] = Field(
        LEFT_OUT,
        min_length=2,
        max_length=2,
        description="The two entries of parameters that vary; not needed if there are only two. The others"
        " have their values at the end of the trace.",
        examples=[["w[0]", "b"]],
    )
    ranges: dict[Name, Pair] = Field(
        default_factory=dict,
        max_length=2,
        description="The range of each entry; by default, around the trace.",
        examples=[{"w[0]": [-1, 1]}],
    )


class OptimizerFields(Request):
    """The fields of both questions: the program to minimize, its start values, and the optimizer."""

    program: list[str] = Field(
        LEFT_OUT,
        min_length=1,
        description="The program to minimize, in the language of /v1/graph.",
        examples=[["f = x**2 / 4"]],
    )
    loss: Name = Field(
        LEFT_OUT,
        description="The value to minimize, one number; by default, that of the last line.",
    )
    inputs: ProgramInputs = Field(default_factory=dict, description="The program's data.")
    start: NamedTensors = Field(
        json_schema_extra={"minProperties": 1},
        description="The parameters with their start values; those of layers have names such as"
        " `h.attention.w_q`.",
    )
    optimizer: Optimizer = Field(description="The update rule and its settings.")
    steps: Steps = Field(
        LEFT_OUT,
        description="The number of steps; by default, the number of gradients sent.",
    )
    state: Annotated[dict[Name, NamedTensors], BeforeValidator(_without_step)] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="The buffers to start from, by parameter and name: the `state` of a step of a trace. By"
        " default, those of a fresh optimizer.",
        examples=[{"x": {"first_moment": 0.05, "second_moment": 0.00025}}],
    )
    step: Annotated[int, Interval(ge=0, le=MAX_STEPS), INTEGRAL] = Field(
        0,
        description="The number of the step that `start` and `state` come from. The first step has the next"
        " number, which bias corrections and schedules use.",
    )


class TraceOnlyFields(Request):
    """The fields of a trace in addition to `OptimizerFields`."""

    gradients: list[NamedTensors] = Field(
        LEFT_OUT,
        json_schema_extra={"minItems": 1},
        max_length=MAX_STEPS,
        description="The gradients of all parameters in place of a program, one object for each step.",
        examples=[[{"x": 1}, {"x": 0.5}]],
    )
    every: Steps = Field(
        1,
        description="The interval of returned steps, 10 for every tenth; the start and the last are always"
        " returned.",
    )
    stop_when: StopWhen = Field(LEFT_OUT, description="Conditions that stop the trace before its last step.")
    batches: BatchList = Field(LEFT_OUT, description="Mini-batches; by default, all data at every step.")
    others: dict[Name, Optimizer] = Field(
        default_factory=dict,
        max_length=MAX_OTHERS,
        description="Other optimizers by a name, to compare with: each makes the same steps on the same"
        " program from the same start, and the answer has its losses.",
        examples=[{"Adam": {"name": "adam", "learning_rate": 0.1}}],
    )
    surface: SurfaceAsked = Field(LEFT_OUT, description="Asks for a grid of the loss around the trace.")
    substitute: NamedTensors = Field(
        default_factory=dict,
        description="Values to put in the place of those that would be computed, such as a student's; what"
        " follows is computed from them. Names are paths in the answer with every step shown:"
        " `trace[2].parameters.x`, `trace[2].state.x.velocity`, `trace[1].gradient.x`,"
        " `trace[1].used_gradient.x`, `trace[1].update.x`, `trace[1].learning_rate`, `trace[1].loss`,"
        " `trace[1].batch.loss`; or short forms that mean one value, such as `x[2]`, and with one parameter"
        " `velocity[2]` or `gradient[1]`.",
        examples=[{"trace[1].parameters.x": 0.8}],
    )
    given: NamedTensors = Field(
        default_factory=dict,
        description="Values to take instead of computing them, by the same names. In a trace this is what"
        " `substitute` does, since nothing is differentiated through its steps.",
    )
    select: list[Part | PartPath] = Field(
        default_factory=list,
        min_length=1,
        max_length=MAX_NAMES,
        description="The parts of each step to return, or paths of values in all steps (`state.x.velocity`)"
        " or in one (`trace[2].state.x.velocity`); by default, everything.",
        examples=[["parameters", "loss"]],
    )


class SolveOnlyFields(Request):
    """The fields of a question to solve in addition to `OptimizerFields`."""

    unknown: list[Name] = Field(
        default_factory=list,
        max_length=MAX_UNKNOWN,
        description="The symbols to solve for. They appear in hyperparameters of the optimizer or in start"
        " values.",
        examples=[["eta"]],
    )
    target: NamedTensors = Field(
        default_factory=dict,
        description="The values of parameters after the last step; those not named may have any. Without a"
        " target, the answer is about convergence alone.",
        examples=[{"x": 0}],
    )


def _request(
    title: str, words: str, base: type[BaseModel], own: type[BaseModel], *common: str
) -> type[BaseModel]:
    shared = fields_of(Computation)
    fields: dict[str, Any] = (
        fields_of(OptimizerFields) | fields_of(own) | {name: shared[name] for name in common}
    )
    return create_model(title, __base__=base, __doc__=words, **fields)


@cache
def trace_request() -> type[BaseModel]:
    """Return the model of a trace's request."""
    words = "A trace of an optimizer, step by step."
    return _request(
        "TraceRequest", words, TraceBase, TraceOnlyFields, "arithmetic", "assumptions", "encoding"
    )


@cache
def solve_request() -> type[BaseModel]:
    """Return the model of a request to solve for hyperparameters or start values."""
    words = "A search for hyperparameters or start values with which the parameters reach a target."
    return _request("SolveRequest", words, SolveBase, SolveOnlyFields, "assumptions")


@cache
def optimizer_model(name: str) -> type[BaseModel]:
    """Return the model of an optimizer in a request."""
    declared = OPTIMIZERS[name]
    fields: dict[str, Any] = {
        "name": (Literal[(name, *declared.aliases)], Field(description=f"{declared.summary}.")),
        "learning_rate": (
            Setting,
            Field(
                declared.learning_rate,
                description="The rate before any schedule.",
                json_schema_extra={"minimum": 0},
            ),
        ),
    }
    fields |= {setting.name: _setting(setting) for setting in declared.settings.values()}
    decay = "" if declared.weight_decay is None else f" By default: {declared.weight_decay:g}."
    described = {
        "schedule": "The schedule of the learning rate; by default, it is constant.",
        "weight_decay": "The coefficient of the weight decay." + decay,
        "decay": "coupled: added to the gradient; decoupled: multiplied by the learning rate and subtracted"
        " from the parameters; post: subtracted from the updated parameters.",
        "clip_value": "The largest absolute value of an entry of a gradient; applied before decay.",
        "clip_norm": "The largest norm of all gradients together; applied before decay.",
        "clip_epsilon": "The number added to the norm in the denominator of `clip_norm`.",
        "maximize": "Whether the loss is maximized: its gradient is negated, before decay.",
        "ema_decay": "The decay of a running average of the parameters, returned as `average`.",
        "ema_bias_correction": "Whether that average starts at 0 and is divided by 1 - decay^t; by default,"
        " it starts at the parameters.",
        "groups": "Parameters with settings of their own.",
    }
    kinds: dict[str, tuple[Any, Any]] = {
        "schedule": (Schedule, None),
        "decay": (DecayForm, declared.decay),
        "clip_epsilon": (Setting, CLIP_EPSILON),
        "maximize": (bool, False),
        "ema_bias_correction": (bool, False),
        "groups": (Annotated[list[group_model(name)], Field(max_length=MAX_GROUPS)], []),  # type: ignore[misc]
    }
    for field, words in described.items():
        kind, default = kinds.get(field, (Setting, None))
        least: Any = {"minimum": 0} if kind is Setting else None
        if field == "ema_decay":
            least["exclusiveMaximum"] = 1
        fields[field] = (kind, Field(default, description=words, json_schema_extra=least))
    equations = "; ".join(f"${equation}$" for equation in declared.equations({}))
    words = f"{declared.summary}. {equations}. Source: {declared.source}"
    return create_model(camel_case(name) + "Optimizer", __base__=Request, __doc__=words, **fields)


@cache
def group_model(name: str) -> type[BaseModel]:
    """Return the model of a group of parameters in a request. Its fields are those of the optimizer."""
    declared = OPTIMIZERS[name]
    least: Any = {"minimum": 0}
    fields: dict[str, Any] = {
        "parameters": (
            Annotated[list[Name], Field(max_length=MAX_NAMES)],
            Field(json_schema_extra={"minItems": 1}),
        ),
        "learning_rate": (Setting, Field(None, json_schema_extra=least)),
    }
    for setting in declared.settings.values():
        kind, _ = _setting(setting)
        fields[setting.name] = (kind, Field(None, json_schema_extra=_bounds(setting) or None))
    fields |= {
        "weight_decay": (Setting, Field(None, json_schema_extra=least)),
        "decay": (DecayForm, None),
        "maximize": (bool, None),
    }
    return create_model(camel_case(name) + "Group", __base__=Request, **fields)


@cache
def schedule_model(name: str) -> type[BaseModel]:
    """Return the model of a schedule in a request."""
    declared = SCHEDULES[name]
    fields: dict[str, Any] = {"name": (Literal[name], Field(description=f"{declared.summary}."))}
    fields |= {setting.name: _setting(setting) for setting in declared.settings.values()}
    words = f"{declared.summary}. ${declared.formula}$." + (
        f" Source: {declared.source}" if declared.source else ""
    )
    return create_model(camel_case(name) + "Schedule", __base__=Request, __doc__=words, **fields)


def _setting(setting: SettingField) -> tuple[Any, Any]:
    declared = setting.declared
    kind: Any = Setting
    if setting.choices:
        kind = Literal[setting.choices]
    elif setting.is_switch:
        kind = bool
    elif setting.is_whole:
        kind = Annotated[int, Interval(ge=int(declared.least or 0), le=MAX_INTEGER), INTEGRAL]
    elif setting.is_schedule:
        kind = NestedSchedule
    if setting.is_list:
        longest = MAX_SCHEDULES if setting.is_schedule else MAX_MILESTONES if setting.is_whole else MAX_STEPS
        shortest = 0 if setting.is_whole else 1
        kind = Annotated[
            list[kind], BeforeValidator(_as_list), Field(min_length=shortest, max_length=longest)
        ]
    bounds = [] if declared.least is None else [f"at least {declared.least:g}"]
    bounds += [] if declared.below is None else [f"below {declared.below:g}"]
    bounds += [f"at least {declared.not_below}"] if declared.not_below else []
    words = (f"${declared.symbol}$: " if declared.symbol else "") + declared.meaning
    words += f" {' and '.join(bounds).capitalize()}." if bounds else ""
    if declared.unused_when:
        name, worth = declared.unused_when
        words += f" Ignored if {name} is {str(worth).lower()}."
    words += " It cannot be a symbol." if declared.decides else ""
    # These bounds apply to numbers only. Text is checked later, when its value is known.
    default = ... if setting.is_required else setting.default
    default = [*default] if isinstance(default, tuple) else default
    return kind, Field(default, description=words, json_schema_extra=_bounds(setting) or None)


def _bounds(setting: SettingField) -> dict[str, Any]:
    """Return the bounds of a number as JSON schema."""
    declared = setting.declared
    if not setting.is_number or setting.is_list:
        return {}
    bounds = {"minimum": declared.least, "exclusiveMaximum": declared.below}
    return {name: bound for name, bound in bounds.items() if bound is not None}
