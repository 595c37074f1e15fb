"""Client keys, trusted proxies, and counts of requests for the clients behind them."""

import asyncio
from typing import Any

import pytest

from service.app import create_app
from service.http.watch import STATE, Watch, client_key
from service.settings import Settings


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:0:0:ffff::1", "2001:db8::"),
        ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::"),
        ("unknown", "unknown"),
        ("a:b", "a:b"),
    ],
)
def test_keys_of_clients(host: str, client: str) -> None:
    assert client_key(host) == client


@pytest.mark.parametrize(
    ("proxies", "host", "is_trusted"),
    [
        ([], "10.0.0.1", False),
        (["10.0.0.1"], "10.0.0.1", True),
        (["10.0.0.1"], "10.0.0.2", False),
        (["192.0.2.1", "10.0.0.0/8"], "10.0.0.2", True),
        (["fd00::/8"], "fd00::1", True),
        (["fd00::/8"], "10.0.0.1", False),
        (["0.0.0.0/0"], "unknown", False),
    ],
)
def test_proxies_are_trusted(proxies: list[str], host: str, is_trusted: bool) -> None:
    assert Watch(Settings(trusted_proxies=proxies)).is_trusted(host) is is_trusted


@pytest.mark.parametrize("proxies", [["*"], ["proxy.example"], ["10.0.0.1/8"], [""]])
def test_proxies_that_no_connection_comes_from_are_refused(proxies: list[str]) -> None:
    with pytest.raises(ValueError, match="expected an address"):
        Settings(trusted_proxies=proxies)


def ask(settings: dict[str, Any], *hosts: str) -> list[int]:
    """Return the statuses of concurrent requests without bodies; 0 if the application waits for one."""

    async def run() -> list[int]:
        chosen = Settings(**settings)
        app, watch = create_app(chosen), Watch(chosen)
        statuses = [0] * len(hosts)

        async def send(index: int, host: str) -> None:
            async def receive() -> Any:
                await asyncio.Event().wait()

            async def send(message: Any) -> None:
                statuses[index] = message.get("status", statuses[index])
                if message["type"] == "http.response.start" and message["status"] == 503:
                    assert {b"retry-after", b"x-request-id"} <= dict(message["headers"]).keys()

            scope = {
                "type": "http", "method": "POST", "path": "/v1/linear", "raw_path": b"/v1/linear",
                "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
                "headers": [(b"content-type", b"application/json")], "server": ("workings", 80),
                "client": (host, 1), "state": {STATE: watch},
            }  # fmt: skip
            await app(scope, receive, send)

        tasks = [asyncio.create_task(send(index, host)) for index, host in enumerate(hosts)]
        for _ in range(20):
            await asyncio.sleep(0)
        received = list(statuses)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not watch._requests
        return received

    return asyncio.run(run())


def test_requests_behind_a_proxy_are_bounded_for_each_client() -> None:
    settings: dict[str, Any] = {"max_client_connections": 2, "trusted_proxies": ["10.0.0.1"]}
    hosts = ["192.0.2.1"] * 3 + ["192.0.2.2"] + ["10.0.0.1"] * 3
    assert ask(settings, *hosts) == [0, 0, 503, 0, 0, 0, 0]
    assert ask(settings | {"trusted_proxies": []}, *hosts) == [0] * 7  # connections are counted instead
    assert ask(settings | {"max_client_connections": 0}, *hosts) == [0] * 7
