"""OpenTelemetry: spans are named after routes, by the instrumentation and by FastAPI's own telemetry."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM
from tests.ecosystem.asking import SELF_ATTENTION, check_floats, client_of

SPANS = [
    (f"POST {SELF_ATTENTION}", SELF_ATTENTION, 200),
    (f"POST {SELF_ATTENTION}", SELF_ATTENTION, 422),
    ("GET /v1/operations/{name}", "/v1/operations/{name}", 200),
]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


def request_spans(exporter: InMemorySpanExporter) -> list[tuple[str, object, object]]:
    """Return name, route and status of the spans of whole requests."""
    found: list[tuple[str, object, object]] = []
    for span in exporter.get_finished_spans():
        if span.kind is SpanKind.SERVER:
            attributes = span.attributes or {}
            status = attributes.get("http.response.status_code", attributes.get("http.status_code"))
            found.append((span.name, attributes.get("http.route"), status))
    return found


def test_the_instrumentation_names_routes(exporter: InMemorySpanExporter, provider: TracerProvider) -> None:
    app = create_app(Settings())
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    try:
        client = client_of(app)
        check_floats(client.post(SELF_ATTENTION, json=EXAM))
        assert client.post(SELF_ATTENTION, json={}).status_code == 422
        assert client.get("/v1/operations/softmax").status_code == 200
    finally:
        FastAPIInstrumentor.uninstrument_app(app)
    assert request_spans(exporter) == SPANS


def test_fastapi_itself_names_routes(
    exporter: InMemorySpanExporter, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A provider can be set once in a process and would trace all other tests too.
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    client = client_of(create_app(Settings()))
    check_floats(client.post(SELF_ATTENTION, json=EXAM))
    assert client.post(SELF_ATTENTION, json={}).status_code == 422
    assert client.get("/v1/operations/softmax").status_code == 200
    assert request_spans(exporter) == SPANS
