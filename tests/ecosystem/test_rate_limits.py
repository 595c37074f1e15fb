"""slowapi: a limit for every route counts the questions, each route by itself."""

from collections.abc import Callable

import pytest
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from slowapi.util import get_remote_address

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM
from tests.ecosystem.asking import SELF_ATTENTION, SOFTMAX, check_floats, client_of


@pytest.mark.parametrize("middleware", [SlowAPIMiddleware, SlowAPIASGIMiddleware])
def test_a_limit_counts_questions_and_refuses_more(middleware: Callable[..., object]) -> None:
    app = create_app(Settings())
    # A period that does not end while the test runs.
    app.state.limiter = Limiter(key_func=get_remote_address, default_limits=["2/year"], headers_enabled=True)
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]
    app.add_middleware(middleware)  # type: ignore[arg-type]
    client = client_of(app)
    for left in ("1", "0"):
        response = client.post(SELF_ATTENTION, json=EXAM)
        check_floats(response)
        assert response.headers["x-ratelimit-remaining"] == left
    assert client.post(SELF_ATTENTION, json=EXAM).status_code == 429
    assert client.post(SOFTMAX, json={"x": [1, 2]}).status_code == 200
    assert client.get("/v1/operations").status_code == 200
