from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ragkit.api.errors import BY_STATUS
from ragkit.api.wire import HttpRequest, HttpResponse
from ragkit.service import open_service
from ragkit.service.dispatcher import Service
from ragkit.service.registry import OWNER, Principal

Query = Mapping[str, object] | Iterable[tuple[str, str]]


class Api:
    """Sends what a client would put on the wire, and checks the form of what comes back."""

    def __init__(self, service: Service, principal: Principal = OWNER) -> None:
        self.service = service
        self.principal = principal

    def by(self, email: str, *groups: str) -> Api:
        """The same service for another principal."""
        return Api(self.service, Principal(email, frozenset(groups)))

    def send(
        self,
        verb: str,
        path: str,
        body: object = None,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        pairs = query.items() if isinstance(query, Mapping) else query
        request = HttpRequest(
            verb, f"/v1beta/{path}", [(key, str(value)) for key, value in pairs], headers or {}, raw
        )
        return self.service.dispatch(request, self.principal)

    def ok(self, verb: str, path: str, body: object = None, query: Query = ()) -> dict[str, Any]:
        reply = self.send(verb, path, body, query)
        assert reply.status == 200, reply.body.decode()
        parsed = json.loads(reply.body)
        assert isinstance(parsed, dict)
        return parsed

    def get(self, path: str, **query: object) -> dict[str, Any]:
        return self.ok("GET", path, query=query)

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        return self.ok("POST", path, {} if body is None else body)

    def patch(self, path: str, body: object, mask: str) -> dict[str, Any]:
        return self.ok("PATCH", path, body, {"updateMask": mask})

    def delete(self, path: str, **query: object) -> dict[str, Any]:
        return self.ok("DELETE", path, query=query)

    def refused(
        self, status: str, verb: str, path: str, body: object = None, query: Query = ()
    ) -> str:
        """The message of the error that the call must get, its envelope checked."""
        reply = self.send(verb, path, body, query)
        error = self.envelope(reply)
        assert error["status"] == status, error
        message = error["message"]
        assert isinstance(message, str)
        return message

    def corpus(self, corpus_id: str = "c") -> str:
        return str(self.post("corpora", {"name": f"corpora/{corpus_id}"})["name"])

    def document(self, corpus: str, document_id: str = "d", **metadata: object) -> str:
        body = {
            "name": f"{corpus}/documents/{document_id}",
            "customMetadata": self.metadata(metadata),
        }
        return str(self.post(f"{corpus}/documents", body)["name"])

    def chunk(self, document: str, chunk_id: str, text: str, **metadata: object) -> str:
        body = {
            "name": f"{document}/chunks/{chunk_id}",
            "data": {"stringValue": text},
            "customMetadata": self.metadata(metadata),
        }
        return str(self.post(f"{document}/chunks", body)["name"])

    @staticmethod
    def metadata(values: Mapping[str, object]) -> list[dict[str, object]]:
        entries: list[dict[str, object]] = []
        for key, value in values.items():
            if isinstance(value, str):
                entries.append({"key": key, "stringValue": value})
            elif isinstance(value, list):
                entries.append({"key": key, "stringListValue": {"values": value}})
            else:
                entries.append({"key": key, "numericValue": value})
        return entries

    @staticmethod
    def envelope(reply: HttpResponse) -> dict[str, Any]:
        """The error in a reply, after checking that it has the one form that errors have."""
        assert reply.status >= 400, reply.body.decode()
        assert reply.headers["content-type"].startswith("application/json")
        parsed = json.loads(reply.body)
        assert set(parsed) == {"error"}
        error = parsed["error"]
        assert (
            {"code", "message", "status"} <= set(error) <= {"code", "message", "status", "details"}
        )
        assert error["code"] == reply.status
        assert BY_STATUS[error["status"]].http_status == reply.status
        assert error["message"]
        assert "Traceback" not in error["message"]
        for detail in error.get("details", ()):
            assert detail["@type"].startswith("type.googleapis.com/google.rpc.")
        assert isinstance(error, dict)
        return error


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    service = open_service(tmp_path / "data")
    yield Api(service)
    service.close()


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One service for all tests of a module, for tests that only read or that use new names."""
    service = open_service(tmp_path_factory.mktemp("service") / "data")
    yield Api(service)
    service.close()
