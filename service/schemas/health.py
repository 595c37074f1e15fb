"""The response schemas of GET /health/live and /health/ready."""

from pydantic import Field

from service.schemas.types import LEFT_OUT, Wire


class Fullness(Wire):
    """How full the service is for exact questions."""

    occupied: int = Field(description="Places taken by requests that are computed or wait.")
    capacity: int = Field(description="Places there are.")
    workers: int = Field(description="Processes that run.")


class Health(Wire):
    """The state of the service."""

    status: str
    occupied: int = Field(0, description="Places taken by requests that are computed or wait.")
    capacity: int = Field(0, description="Places there are.")
    exact: Fullness = Field(LEFT_OUT, description="The same of exact questions.")
