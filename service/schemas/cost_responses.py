"""What a question of cost is answered with."""

from typing import Any

from pydantic import Field

from service.schemas.responses import Cost
from service.schemas.types import Size, Wire


class MemoryCost(Cost):
    """What computing the values takes, forward, and the memory for all of them."""

    bytes: Size = Field(description="Of all inputs and named values in float64.")


class StepShape(Wire):
    """What one named value costs."""

    name: str
    axes: list[str]
    shape: list[Size]
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    times: Size = Field(description="How many values there are like it, where one layer stands for all.")


class PartCost(Wire):
    """What the parts of one name cost together, what is inside them included."""

    name: str = Field(description="With `*` for the places in a list.", examples=["layer[*].attention"])
    times: Size = Field(description="How many there are.")
    multiply_adds: Size
    elementwise: Size
    comparisons: Size
    parameters: Size


class CostResponse(Wire):
    """What an operation costs, in numbers or polynomials in the dimension names."""

    operation: str
    conventions: dict[str, Any]
    cost: MemoryCost
    big_o: str = Field(
        description="The growth of the multiply-adds, or of the other arithmetic where there are none.",
        examples=["O(d²n + n²d)"],
    )
    parts: list[PartCost] = Field(description="Of what is made of other operations: by part.")
    steps: list[StepShape]
