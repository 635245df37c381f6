"""Spans as a program with OpenTelemetry's SDK receives them."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ragkit.api import errors
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.client import Client, RetryPolicy


class Script:
    def __init__(self, *replies: HttpResponse) -> None:
        self.replies = list(replies)

    def send(self, request: HttpRequest) -> HttpResponse:
        return self.replies.pop(0)

    def close(self) -> None:
        pass


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # The global provider can be set once in a process only.
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


def test_a_call_is_a_client_span_within_the_programs_own(exporter):
    busy = HttpResponse(503, b"{}")
    found = HttpResponse(200, json.dumps({"name": "corpora/a"}).encode())
    client = Client(Script(busy, found), "https://host.test", retry=RetryPolicy(first_wait=0.0))
    with trace.get_tracer("program").start_as_current_span("work"):
        client.corpora.get("a")
    span, work = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("corpora.get", trace.SpanKind.CLIENT)
    assert span.parent is not None
    assert span.parent.span_id == work.context.span_id
    assert span.attributes == {
        "rpc.service": "google.ai.generativelanguage.v1beta",
        "rpc.method": "corpora.get",
        "server.address": "host.test",
        "http.response.status_code": 200,
        "http.request.resend_count": 1,
    }
    assert [event.name for event in span.events] == ["retry"]
    assert span.status.status_code is trace.StatusCode.UNSET


def test_the_span_of_a_failure_tells_its_kind(exporter):
    with pytest.raises(errors.NotFound):
        Client(Script(HttpResponse(404, b"{}"))).corpora.get("a")
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] == "NotFound"
