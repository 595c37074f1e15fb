"""The response schemas of GET /health/live and /health/ready."""

from pydantic import Field

from service.schemas.types import LEFT_OUT, Wire


class Fullness(Wire):
    """The load of the service by exact questions."""

    occupied: int = Field(description="Requests that are computed or waiting.")
    capacity: int = Field(description="Most requests that may be computed or waiting at once.")
    workers: int = Field(description="Worker processes that are running.")


class Health(Wire):
    """The state of the service."""

    status: str
    occupied: int = Field(0, description="Requests that are computed or waiting.")
    capacity: int = Field(0, description="Most requests that may be computed or waiting at once.")
    exact: Fullness = Field(LEFT_OUT, description="The same counts for exact questions.")
