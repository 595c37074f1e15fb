"""The request and the response of POST /v1/moments."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, GetJsonSchemaHandler, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from compute.question.network_moments import MODES, PARAMETERS
from compute.readings.moments.distributions import INITIALIZERS
from service.schemas.cost_responses import OutputShape
from service.schemas.requests import ProgramShape
from service.schemas.setting_types import Constant
from service.schemas.setting_validators import validate_constant
from service.schemas.types import LEFT_OUT, MAX_NAMES, Name, Request, Size, Wire

Initializer: TypeAlias = Literal[INITIALIZERS]  # type: ignore[valid-type]  # the names of a table
NAMES = tuple(name for name in PARAMETERS if name != "unknown")
Named: TypeAlias = Literal[NAMES]  # type: ignore[valid-type]  # the names of a table
Mode: TypeAlias = Literal[MODES]  # type: ignore[valid-type]  # the names of a table
Number = Annotated[Any, PlainValidator(validate_constant, json_schema_input_type=Constant)]


def _list_fields(name: str) -> list[str]:
    """Return the fields that a distribution may have."""
    if name in INITIALIZERS:
        return ["gain", "mode"]
    required, optional = PARAMETERS[name]
    return [*required, *optional, *(["std"] if "variance" in optional else [])]


class DistributionOfEntries(Request):
    """The distribution of the entries of one tensor, which are independent of one another.

    Without a name only mean and variance are known. Numbers may be in letters.
    """

    distribution: Named = Field(LEFT_OUT, description="Its name, or that of an initializer.")
    mean: Number = Field(LEFT_OUT, description="By default 0.")
    variance: Number = Field(LEFT_OUT, description="By default 1.")
    std: Number = Field(LEFT_OUT, description="The standard deviation, in place of the variance.")
    low: Number = Field(LEFT_OUT, description="The least value of uniform entries.")
    high: Number = Field(LEFT_OUT, description="The largest value of uniform entries.")
    value: Number = Field(LEFT_OUT, description="The value of constant entries.")
    probability: Number = Field(LEFT_OUT, description="The probability of 1; other entries are 0.")
    gain: Number = Field(
        LEFT_OUT, description="The factor of an initializer's standard deviation; by default sqrt(2) of He."
    )
    mode: Mode = Field(
        LEFT_OUT,
        description="The fan that the variance is divided by; by default the average of both for Xavier.",
    )

    @model_validator(mode="after")
    def _check_fields(self) -> "DistributionOfEntries":
        """Refuse fields of other distributions, and missing ones."""
        sent = self.__pydantic_fields_set__ - {"distribution"}
        name = self.distribution or "unknown"
        allowed = _list_fields(name)
        required = PARAMETERS[name][0]
        if sent - {*allowed} or not {*required} <= sent or {"variance", "std"} <= sent:
            listed = " or ".join(required) if required else ", ".join(allowed)
            words = f"the fields of this distribution: {listed}" + (
                ", and not both variance and std" if "std" in allowed else ""
            )
            raise PydanticCustomError("value", "{expected}", {"expected": words})
        return self

    @classmethod
    def constraints_between_fields(cls, _: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Allow each distribution its own fields alone."""
        rules: list[dict[str, Any]] = []
        for name in PARAMETERS:
            required = list(PARAMETERS[name][0])
            then: dict[str, Any] = {"propertyNames": {"enum": ["distribution", *_list_fields(name)]}}
            if required:
                then["required"] = required
            if name == "unknown":
                rules.append({"if": {"not": {"required": ["distribution"]}}, "then": then})
            elif name not in INITIALIZERS:
                rules.append(_when([name], then))
        rules.append(
            _when(
                list(INITIALIZERS),
                {"propertyNames": {"enum": ["distribution", *_list_fields(INITIALIZERS[0])]}},
            )
        )
        rules.append({"not": {"required": ["variance", "std"]}})
        return rules


def _when(names: list[str], then: dict[str, Any]) -> dict[str, Any]:
    return {
        "if": {"required": ["distribution"], "properties": {"distribution": {"enum": names}}},
        "then": then,
    }


class MomentsRequest(Request):
    """A program, the shapes of its inputs, and their distributions."""

    program: list[str] = Field(min_length=1, description="The lines of a program, as in `/v1/graph`.")
    inputs: dict[str, ProgramShape] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="The shapes of the program's inputs, in numbers or letters.",
    )
    random: dict[Name, Initializer | DistributionOfEntries] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="The distribution of each input, weights of submodules included: the name of an"
        " initializer, or an object.",
    )
    upstream: DistributionOfEntries = Field(
        LEFT_OUT,
        description="The distribution of the gradient of the last line. By default 1 for a single number, and"
        " otherwise normal with mean 0 and variance 1.",
    )
    linearize: bool = Field(
        False,
        description="Whether smooth activations are replaced by their tangents at 0, as Glorot and Bengio do."
        " They have moments in letters then.",
    )


MomentNumber = Annotated[
    float | str,
    Field(description="A number, or an expression such as 2*d/(d + m), whose letters are positive."),
]


class MomentsRow(Wire):
    """The moments of every entry of a value, or of its gradient."""

    line: int = Field(LEFT_OUT, description="The number of the line, from 1; inputs have none.")
    name: str
    shape: list[Size]
    expectation: MomentNumber
    variance: MomentNumber
    second_moment: MomentNumber
    rules: list[str] = Field(description="The rules that they follow from, in the order of computing.")
    assumptions: list[str] = Field(description="What these rules need beyond what is certain.")


class MomentsResponse(Wire):
    """Expectations and variances, forward and backward."""

    output: OutputShape
    values: list[MomentsRow] = Field(description="Inputs, then lines in the order of computing.")
    gradients: list[MomentsRow] = Field(
        description="The gradients, from that of the last line back to those of the inputs."
    )
