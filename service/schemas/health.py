"""The response schemas of GET /health/live and /health/ready."""

from pydantic import Field

from service.schemas.types import LEFT_OUT, Wire


class Fullness(Wire):
    """The load of one pool of workers."""

    occupied: int = Field(description="Requests being computed or waiting.")
    capacity: int = Field(description="The largest number of requests being computed or waiting at once.")
    workers: int = Field(description="Running worker processes.")
    cache_bytes: int = Field(description="Bytes of plans and other caches in the worker processes.")


class Bytes(Wire):
    """Memory of one kind."""

    used: int = Field(description="Bytes in use.")
    most: int = Field(description="The limit in bytes.")


class Memory(Wire):
    """Memory of the serving process."""

    bodies: Bytes = Field(description="Request bodies being read or computed.")
    answers: Bytes = Field(description="Answers waiting to be sent.")
    caches: dict[str, Bytes] = Field(description="Caches of the serving process, by name.")


class Health(Wire):
    """The state of the service."""

    status: str = Field(description="live, or ready, or unready with status 503.")
    occupied: int = Field(0, description="Requests in floats being computed or waiting.")
    capacity: int = Field(
        0, description="The largest number of requests in floats being computed or waiting at once."
    )
    workers: int = Field(0, description="Running worker processes for floats.")
    cache_bytes: int = Field(0, description="Bytes of plans and other caches in the workers for floats.")
    exact: Fullness = Field(LEFT_OUT, description="The same counts for exact questions.")
    memory: Memory = Field(LEFT_OUT, description="Memory of the serving process.")
    connections: dict[str, int] = Field(
        LEFT_OUT, description="Connections: open ones, and those refused and dropped, by reason."
    )
