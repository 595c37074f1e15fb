"""The response schemas of GET /health/live and /health/ready."""

from pydantic import Field

from service.schemas.types import LEFT_OUT, Wire


class Fullness(Wire):
    """The load of the service by questions of one kind."""

    occupied: int = Field(description="Requests that are computed or waiting.")
    capacity: int = Field(description="Most requests that may be computed or waiting at once.")
    workers: int = Field(description="Worker processes that are running.")
    cache_bytes: int = Field(description="Bytes of plans and other caches in the worker processes.")


class Bytes(Wire):
    """Memory of one kind."""

    used: int = Field(description="Bytes that are held.")
    most: int = Field(description="Bytes that may be held.")


class Memory(Wire):
    """Memory of the serving process."""

    bodies: Bytes = Field(description="Request bodies that are read or computed.")
    answers: Bytes = Field(description="Answers that wait to be sent.")
    caches: dict[str, Bytes] = Field(description="Caches of the serving process, by name.")


class Health(Wire):
    """The state of the service."""

    status: str = Field(description="live, or ready, or unready with status 503.")
    occupied: int = Field(0, description="Requests in floats that are computed or waiting.")
    capacity: int = Field(0, description="Most requests in floats that may be computed or waiting at once.")
    workers: int = Field(0, description="Worker processes for floats that are running.")
    cache_bytes: int = Field(0, description="Bytes of plans and other caches in the workers for floats.")
    exact: Fullness = Field(LEFT_OUT, description="The same counts for exact questions.")
    memory: Memory = Field(LEFT_OUT, description="Memory of the serving process.")
    connections: dict[str, int] = Field(
        LEFT_OUT, description="Connections: open ones, and those refused and dropped, by reason."
    )
