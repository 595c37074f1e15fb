"""The application under another path: mounted, or behind a proxy that takes a prefix away."""

import json
import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM
from tests.ecosystem.asking import (
    EXACT,
    PATIENT,
    SELF_ATTENTION,
    check_exact,
    check_floats,
    client_of,
    document_of,
    server_of,
)
from tests.service.servers import UVICORN, serving

HOST = "http://testserver"
PREFIX = "/workings"
LINKS = re.compile(r"""(?:href|src)="([^"]+)"|\burl: ["']([^"']+)["']""")


def mounted(app: FastAPI) -> TestClient:
    outer = FastAPI()
    outer.mount(PREFIX, app)
    return client_of(outer)


def mounted_twice(app: FastAPI) -> TestClient:
    """Under a path of two parts, in an application that has a root path itself."""
    outer, between = FastAPI(), FastAPI()
    outer.root_path = "/proxy"
    between.mount("/inner", app)
    outer.mount("/outer", between)
    return client_of(outer)


def with_root_path_of_its_own(_: FastAPI) -> TestClient:
    """As `FastAPI(root_path=...)` has it: the proxy takes the prefix away."""
    app = create_app(Settings(**PATIENT))
    app.root_path = PREFIX
    return client_of(app)


def with_root_path_of_the_server(app: FastAPI) -> TestClient:
    """As uvicorn has it: the server puts back in front the prefix that the proxy took away."""
    return client_of(app, root_path=PREFIX)


# A client, the path at which the application is asked, and that at which clients outside ask it.
PLACES: dict[str, tuple[Callable[[FastAPI], TestClient], str, str]] = {
    "root": (client_of, "", ""),
    "mounted": (mounted, PREFIX, PREFIX),
    "mounted_twice": (mounted_twice, "/proxy/outer/inner", "/proxy/outer/inner"),
    "own_root_path": (with_root_path_of_its_own, "", PREFIX),
    "servers_root_path": (with_root_path_of_the_server, PREFIX, PREFIX),
}


class Place:
    """An application as clients outside see it: paths that start with a prefix reach it."""

    def __init__(self, client: TestClient, inside: str, outside: str) -> None:
        self.client, self.inside, self.outside = client, inside, outside

    def url(self, path: str) -> str:
        """Return the address of a path of the application as seen from outside."""
        return HOST + self.outside + path

    def path(self, address: str) -> str:
        """Return the path at which an address of outside is asked for, as the proxy passes it on."""
        path = urlsplit(address).path
        assert path.startswith(f"{self.outside}/"), address
        return self.inside + path.removeprefix(self.outside)


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest, app: FastAPI) -> Place:
    make, inside, outside = PLACES[request.param]
    return Place(make(app), inside, outside)


def test_questions_are_answered(place: Place) -> None:
    path = place.inside + SELF_ATTENTION
    check_floats(place.client.post(path, json=EXAM))
    check_exact(place.client.post(path, json=EXACT))
    assert place.client.post(path, json={}).status_code == 422
    assert place.client.get(path).status_code == 405
    assert place.client.get(f"{place.inside}/v1/operations/softmax").status_code == 200
    assert place.client.post(f"{place.inside}/v1/no_such_operation", json={}).status_code == 404


@pytest.mark.parametrize("name", ["/openapi.json", "/openapi-3.0.json"])
def test_the_documents_server_is_where_the_document_is(place: Place, name: str) -> None:
    document = document_of(place.client, place.path(place.url(name)))
    assert not urlsplit(document["servers"][0]["url"]).netloc
    server = server_of(document, place.url(name))
    assert server == HOST + place.outside
    check_floats(place.client.post(place.path(server + SELF_ATTENTION), json=EXAM))


def test_the_pages_links_resolve(place: Place) -> None:
    response = place.client.get(place.inside + "/docs")
    assert response.status_code == 200
    links = [unescape(link) for pair in LINKS.findall(response.text) for link in pair if link]
    assert any("openapi" in link for link in links)
    assert any(link.endswith(".js") for link in links)
    for link in links:
        path = place.path(urljoin(place.url("/docs"), link))
        assert place.client.get(path).status_code == 200, link


def test_links_of_the_explorer_resolve(place: Place) -> None:
    page = place.client.get(place.inside + "/", follow_redirects=False)
    assert page.status_code == 200
    links = [link for found in LINKS.findall(page.text) for link in found if link]
    assert {"docs", "explorer/explorer.js", "explorer/explorer.css"} <= set(links)
    for link in links:
        path = place.path(urljoin(place.url("/"), link))
        assert place.client.get(path).status_code == 200, link


def test_the_type_of_a_problem_resolves(place: Place) -> None:
    problem = place.client.post(place.inside + SELF_ATTENTION, json={}).json()
    path = place.path(urljoin(place.url(SELF_ATTENTION), problem["type"]))
    explained = place.client.get(path)
    assert explained.status_code == 200
    assert explained.headers["content-type"].startswith("text/html")


def test_links_of_the_document_resolve(place: Place) -> None:
    address = place.url("/openapi.json")
    document = document_of(place.client, place.path(address))
    links = set(re.findall(r"\]\(([^)\s]+)\)", json.dumps(document)))
    inside = [link for link in links if not urlsplit(link).netloc]
    for link in inside:
        assert place.client.get(place.path(urljoin(address, link))).status_code == 200, link


def test_uvicorns_root_path() -> None:
    """The proxy takes the prefix away, uvicorn puts it back: both ends as they are."""
    with serving((*UVICORN, "--root-path", PREFIX)) as port:
        here = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=here, trust_env=False, timeout=600) as client:
            answer = client.post(SELF_ATTENTION, json=EXAM)
            assert answer.status_code == 200
            assert answer.json()["operation"] == "self_attention"
            document = client.get("/openapi.json").json()
            assert "explorer/explorer.js" in client.get("/", follow_redirects=False).text
    assert server_of(document, f"https://example.org{PREFIX}/openapi.json") == f"https://example.org{PREFIX}"
