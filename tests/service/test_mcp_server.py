import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from service import mcp_server
from service.endpoints import ENDPOINTS
from service.mcp_server import create_server, describe_operation

Result = TypeVar("Result")
TOKEN = 3  # characters, at the least, in English and JSON


@asynccontextmanager
async def connected(http: httpx.AsyncClient) -> AsyncIterator[Client]:
    async with Client(create_server(http)) as client:
        yield client


def run(use: Callable[[Client], Awaitable[Result]]) -> Result:
    """Return what `use` makes of a client of the tools, over an application in this process."""

    async def main() -> Result:
        async with mcp_server.connect("") as http, connected(http) as client:
            return await use(client)

    return asyncio.run(main())


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def call(client: Client, tool: str, **arguments: Any) -> tuple[bool, str]:
    result = await client.call_tool(tool, arguments)
    return bool(result.is_error), text_of(result)


def call_once(tool: str, **arguments: Any) -> tuple[bool, str]:
    return run(lambda client: call(client, tool, **arguments))


def test_descriptions_of_the_tools_are_short() -> None:
    async def use(client: Client) -> Any:
        return (await client.list_tools()).tools

    tools = run(use)
    assert [tool.name for tool in tools] == ["list_operations", "describe_operation", "ask", "grade"]
    text = json.dumps([tool.model_dump(exclude_none=True) for tool in tools])
    assert len(text) / TOKEN < 2_000


def test_everything_is_listed_and_described() -> None:
    _, text = call_once("list_operations")
    assert [line.split(": ")[0] for line in text.splitlines()] == list(ENDPOINTS)
    for name in ENDPOINTS:
        text = describe_operation(name)
        assert text.startswith(f"{name}: ") and "\n- " in text
    text = describe_operation("softmax")
    assert "- x: The scores." in text and "- output (...): A distribution" in text
    assert "- question" in describe_operation("grade")


@pytest.mark.parametrize(
    ("search", "first"),
    [("self attention", "self_attention"), ("SOFTMAX", "softmax"), ("epsilon norm", "layer_norm")],
)
def test_a_search_finds_names_first(search: str, first: str) -> None:
    _, text = call_once("list_operations", search=search)
    assert text.startswith(f"{first}: ") and len(text.splitlines()) < len(ENDPOINTS)


def test_a_search_without_results_suggests_a_name() -> None:
    is_error, text = call_once("list_operations", search="sofmax")
    assert not is_error and "did you mean softmax?" in text


def test_answers_are_those_of_the_service() -> None:
    async def use(client: Client) -> tuple[Any, Any]:
        numbers = await call(client, "ask", operation="softmax", fields={"x": [0, 0], "select": ["output"]})
        exact = {"x": ["log(1)", "log(3)"], "arithmetic": "exact"}
        return json.loads(numbers[1]), json.loads(
            (await call(client, "ask", operation="softmax", fields=exact))[1]
        )

    numbers, exact = run(use)
    assert numbers["values"] == {"output": [0.5, 0.5]}
    assert exact["values"]["output"] == ["1/4", "3/4"]


def test_grades_name_mistakes() -> None:
    question = {"operation": "attention", "query": [[1, 2]], "key": [[1, 0], [0, 1]], "value": [[1], [2]]}
    _, text = call_once(
        "grade", question=question, answer={"scaled_scores": [[0.5, 1]]}, marks={"scaled_scores": 2}
    )
    answer = json.loads(text)
    assert answer["score"] == 0 and answer["max_score"] == 2
    assert answer["items"][0]["misconceptions"][0]["code"] == "attention.scale_by_d"


@pytest.mark.parametrize(
    ("tool", "arguments", "part"),
    [
        ("describe_operation", {"name": "softmx"}, "did you mean softmax?"),
        ("ask", {"operation": "softmx", "fields": {}}, "did you mean softmax?"),
        ("ask", {"operation": "softmax", "fields": {}}, '"pointer":"/x"'),
        ("ask", {"operation": "softmax", "fields": {"x": [1, 2], "axes": 0}}, "did you mean axis?"),
        ("ask", {"operation": "linear", "fields": {"x": [[1] * 99] * 99, "w": [[1] * 99] * 99}}, "by select"),
        ("grade", {"question": {"operation": "none"}, "answer": {}}, '"pointer":"/question/operation"'),
    ],
)
def test_errors_say_what_to_change(tool: str, arguments: dict[str, Any], part: str) -> None:
    is_error, text = call_once(tool, **arguments)
    assert is_error and part in text


def test_a_server_elsewhere_is_asked() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if len(asked) > 1:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"values": {}})

    async def main() -> list[tuple[bool, str]]:
        transport = httpx.MockTransport(answer)
        async with (
            httpx.AsyncClient(transport=transport, base_url="https://workings.example") as http,
            connected(http) as client,
        ):
            return [await call(client, "ask", operation="softmax", fields={"x": [1]}) for _ in range(2)]

    (first, second) = asyncio.run(main())
    assert first == (False, '{"values":{}}')
    assert second[0] and "cannot be reached" in second[1]
    assert asked[0] == "https://workings.example/v1/softmax"


def test_a_url_makes_a_client_of_that_service() -> None:
    client = mcp_server.connect("https://workings.example/base/")
    assert isinstance(client, httpx.AsyncClient)
    assert str(client.base_url) == "https://workings.example/base/"
