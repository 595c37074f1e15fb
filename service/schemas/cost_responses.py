"""The response schema of POST /v1/cost."""

from typing import Any

from pydantic import Field

from service.schemas.responses import Cost
from service.schemas.types import Size, Wire


class MemoryCost(Cost):
    """The cost of the forward computation, and the memory for all values."""

    bytes: Size = Field(description="The bytes of all inputs and named values in float64.")


class StepShape(Wire):
    """The shape and cost of one named value."""

    name: str
    axes: list[str]
    shape: list[Size]
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    times: Size = Field(description="The number of such values, if one layer represents all.")


class PartCost(Wire):
    """The total cost of all parts with one name, including their own parts."""

    name: str = Field(
        description="The name, with `*` for the indices of a list.", examples=["layer[*].attention"]
    )
    times: Size = Field(description="The number of such parts.")
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    parameters: Size


class CostResponse(Wire):
    """The cost of an operation, in numbers or polynomials in dimension names."""

    operation: str
    conventions: dict[str, Any]
    cost: MemoryCost
    big_o: str = Field(
        description="The growth of the multiply-adds, or of other arithmetic if there are none.",
        examples=["O(d²n + n²d)"],
    )
    parts: list[PartCost] = Field(description="The cost by part, for operations made of other operations.")
    steps: list[StepShape]
