"""A server of the Model Context Protocol, for language models: list, describe, ask and grade.

The tools call the HTTP interface, of an application in this process or of a server elsewhere, so that limits
and errors are the same. Needs the extra `mcp`.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, TypeAlias

import httpx
import orjson
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from compute.errors import hint
from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation
from service.endpoints import ENDPOINTS, Endpoint
from service.version import VERSION

MAX_CHARACTERS = 60_000  # of one result: a model reads all of it
WAIT = 120.0  # seconds for one answer; the service itself limits the work
INSTRUCTIONS = (
    "Workings computes deep-learning questions and returns every intermediate value, gradient and step by"
    " name. Find an operation by list_operations, read its fields by describe_operation, then ask."
)
Tensors: TypeAlias = dict[str, Any]


def _search_text(endpoint: Endpoint) -> str:
    names = ""
    if endpoint.name in CATALOGUE:
        operation = CATALOGUE[endpoint.name]
        names = " ".join([*operation.inputs, *operation.attributes, *operation.values])
    return f"{endpoint.name} {endpoint.tag} {endpoint.summary} {endpoint.description} {names}".lower()


def list_operations(
    search: Annotated[str, Field(description="Words that the operation is about; empty for all.")] = "",
) -> str:
    """List what can be asked, with one line each."""
    words = search.lower().split()
    found = [each for each in ENDPOINTS.values() if all(word in _search_text(each) for word in words)]
    if not found:
        meant = next((name for word in words if (name := hint(word, ENDPOINTS))), "")
        return f"nothing is about these words{meant}; an empty search lists everything"
    found.sort(key=lambda each: not all(word in each.name for word in words))
    return "\n".join(f"{each.name}: {each.summary}" for each in found)


def describe_operation(
    name: Annotated[str, Field(description="A name that list_operations gives.")],
) -> str:
    """Describe the fields that an operation takes, and the values that it returns."""
    endpoint = _find_endpoint(name)
    lines = [f"{name}: {endpoint.summary}", endpoint.description, "", "Fields:"]
    schema = endpoint.request().model_json_schema()
    required = schema.get("required", [])
    for field, described in schema["properties"].items():
        words = _find_description(described, schema.get("$defs", {}))
        lines.append(f"- {field}{' (required)' if field in required else ''}: {words}".rstrip(": "))
    if name in CATALOGUE:
        lines += ["", "Values:", *_describe_values(CATALOGUE[name])]
    return "\n".join(lines)


def _find_description(described: Any, definitions: Any) -> str:
    """Return the description of a field, or of the types that it refers to."""
    if "description" in described:
        return str(described["description"])
    if "$ref" in described:
        return _find_description(definitions[described["$ref"].rsplit("/", 1)[1]], definitions)
    kinds = [*described.get("anyOf", ()), *described.get("allOf", ())]
    return next((words for kind in kinds if (words := _find_description(kind, definitions))), "")


def _describe_values(operation: Operation) -> list[str]:
    return [f"- {name} ({value.dims}): {value.meaning}" for name, value in operation.values.items()]


def _find_endpoint(name: str) -> Endpoint:
    if name not in ENDPOINTS:
        raise ToolError(f"there is no operation of this name{hint(name, ENDPOINTS)}; list_operations has all")
    return ENDPOINTS[name]


class Tools:
    """The tools that compute. client: sends requests to a service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(
        self,
        operation: Annotated[str, Field(description="A name that list_operations gives.")],
        fields: Annotated[
            Tensors,
            Field(
                description="Its fields: tensors as nested lists of numbers or text such as 1/3 and sqrt(2),"
                ' settings, `upstream` for gradients, `"arithmetic": "exact"` for exact results, `select`'
                " (names) to get only some values."
            ),
        ],
    ) -> str:
        """Compute an operation. Returns JSON with values, gradients, conventions and formulas by name."""
        _find_endpoint(operation)
        return await self._post(operation, fields)

    async def grade(
        self,
        question: Annotated[
            Tensors, Field(description="`operation` and its fields, as ask takes them, in one object.")
        ],
        answer: Annotated[Tensors, Field(description="Tensors of the student, by name of a value.")],
        gradients: Annotated[Tensors | None, Field(description="The same for gradients.")] = None,
        marks: Annotated[dict[str, float] | None, Field(description="Marks by name of a value.")] = None,
        feedback: Annotated[str, Field(description="none, verdict, location, hint or full.")] = "hint",
    ) -> str:
        """Grade a student's values: right, right from an earlier slip, or which known mistake gives them."""
        document = {
            "question": question,
            "answer": answer,
            "gradients": gradients or {},
            "marks": marks or {},
            "feedback": feedback,
        }
        return await self._post("grade", document)

    async def _post(self, name: str, document: Tensors) -> str:
        """Return the body of a response. Raises ToolError with the body of a problem."""
        try:
            response = await self._client.post(f"/v1/{name}", content=orjson.dumps(document))
        except httpx.TransportError as error:
            raise ToolError(f"the service cannot be reached: {type(error).__name__}") from None
        if response.is_error:
            raise ToolError(response.text)
        if len(response.text) > MAX_CHARACTERS:
            raise ToolError(
                f"expected an answer of at most {MAX_CHARACTERS} characters; it has {len(response.text)}:"
                " ask for fewer values by select, or for smaller tensors"
            )
        return response.text


@asynccontextmanager
async def connect_in_process() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an application in this process, with worker processes of its own."""
    from service.app import create_app  # noqa: PLC0415 - not needed for a server elsewhere

    app = create_app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://workings", headers=_JSON, timeout=WAIT
        ) as client,
    ):
        yield client


def connect(server: str) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """Return a client of the service at a URL; of one in this process if it is empty."""
    if not server:
        return connect_in_process()
    return httpx.AsyncClient(base_url=server.rstrip("/"), headers=_JSON, timeout=WAIT)


_JSON = {"content-type": "application/json"}


def create_server(client: httpx.AsyncClient) -> MCPServer:
    """Make the server of the protocol, with its four tools. client: sends requests to a service."""
    server = MCPServer("workings", version=VERSION, instructions=INSTRUCTIONS, log_level="WARNING")
    tools = Tools(client)
    for tool in (list_operations, describe_operation, tools.ask, tools.grade):
        server.add_tool(tool, structured_output=False)
    return server


async def serve(server: str = "") -> None:
    """Serve the protocol on standard input and output. server: URL of a service; empty for none."""
    async with connect(server) as client:
        await create_server(client).run_stdio_async()
