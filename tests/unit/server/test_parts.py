"""What the server is made of: ids and logs, who is local, the API's description."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api.errors import ConfigurationError, PermissionDenied
from ragkit.api.methods import METHODS
from ragkit.api.versions import V1_METHODS
from ragkit.server import discovery, openapi
from ragkit.server.access import LocalCallers, is_loopback
from ragkit.server.logs import LogWriter, redacted, request_id
from ragkit.server.settings import Settings


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["key", "$key", "access_token", "oauth_token", "KEY", "apiKey"]),
            st.text(min_size=1).map(lambda text: f"SECRET{text}"),
        ),
        min_size=1,
    ),
    st.booleans(),
)
def test_no_secret_of_a_query_string_is_logged(pairs: list[tuple[str, str]], odd: bool) -> None:
    query = urlencode([("pageSize", "1"), *pairs], quote_via=quote)
    if odd:
        query = query.replace("k", "%6b").replace("o", "%6F")
    shown = redacted(query)
    assert "SECRET" not in shown
    assert shown.count("REDACTED") == len(pairs)
    assert shown.split("&")[0].endswith("=1")


def test_page_tokens_are_no_secret() -> None:
    assert redacted("pageToken=abc&page_size=3") == "pageToken=abc&page_size=3"


@given(st.text())
def test_an_id_is_fit_for_logs_and_headers(given_id: str) -> None:
    identifier = request_id(given_id)
    assert identifier == given_id or len(identifier) == 32
    assert identifier.isascii()
    assert identifier.isprintable()
    assert " " not in identifier


def test_log_lines_are_json_and_loggers_are_left_as_they_were() -> None:
    stream = io.StringIO()
    logger = logging.getLogger("ragkit.server")
    before = (logging.getLogger("ragkit").level, list(logging.getLogger("ragkit").handlers))
    writer = LogWriter("warning", stream)
    writer.start()
    logger.info("not this")
    try:
        raise KeyError("a reason\nof two lines")
    except KeyError:
        logger.exception("that %s", "failed")
    writer.stop()
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert told["message"] == "that failed"
    assert told["level"] == "ERROR"
    assert "a reason" in told["traceback"]
    ragkit = logging.getLogger("ragkit")
    assert (ragkit.level, list(ragkit.handlers)) == before


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_this_machine_is_local(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "no-such-name.invalid", ""])
def test_other_addresses_are_not(host: str) -> None:
    assert not is_loopback(host)


def local(**options: Any) -> LocalCallers:
    return LocalCallers(Settings(Path("data"), **options))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost"},
        {"host": "LOCALHOST:8080"},
        {"host": "127.0.0.1:1"},
        {"host": "[::1]:80"},
        {"host": "app.localhost"},
        {"host": "localhost:80", "origin": "http://localhost:80"},
        {"host": "localhost", "origin": "https://page.example.org"},
    ],
)
def test_local_callers_pass(headers: dict[str, str]) -> None:
    local(cors_origins=("https://page.example.org",)).check(headers, "http")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example.org"},
        {"host": "localhost.example.org"},
        {"host": "127.0.0.1.example.org"},
        {"host": "192.168.1.1"},
        {"host": "localhost", "origin": "null"},
        {"host": "localhost:80", "origin": "http://localhost:81"},
        {"host": "localhost", "origin": "https://page.example.org.evil.org"},
    ],
)
def test_web_pages_do_not(headers: dict[str, str]) -> None:
    with pytest.raises(PermissionDenied):
        local(cors_origins=("https://page.example.org",)).check(headers, "http")


def test_the_public_address_is_known() -> None:
    local(base_url="https://api.example.org").check({"host": "api.example.org"}, "http")


@pytest.mark.parametrize(
    "options", [{"cors_origins": ("example.org",)}, {"base_url": "example.org"}]
)
def test_what_is_no_url_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"example\.org"):
        Settings(Path("data"), **options)


def methods_in(resources: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for resource in resources.values():
        for method in resource.get("methods", {}).values():
            found[method["id"].removeprefix("generativelanguage.")] = method
        found |= methods_in(resource.get("resources", {}))
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(references(one) for one in value))
    return set()


@pytest.mark.parametrize(("version", "ids"), [("v1beta", set(METHODS)), ("v1", set(V1_METHODS))])
def test_the_discovery_document_is_whole(version: str, ids: set[str]) -> None:
    document = discovery.document(version, "http://localhost:1")
    methods = methods_in(document["resources"])
    assert set(methods) == ids
    for method_id, method in methods.items():
        assert method["path"].startswith(f"{version}/")
        assert method["httpMethod"] == METHODS[method_id].verb
        for name in method["parameterOrder"]:
            assert f"{{+{name}}}" in method["path"]
            assert method["parameters"][name]["required"] is True
    assert references(document) <= set(document["schemas"])
    for name, schema in document["schemas"].items():
        assert schema["id"] == name
        assert schema["description"], name
        assert all(not one.startswith("_") and "_" not in one for one in schema["properties"])
    json.dumps(document)


def test_query_parameters_and_bodies_are_those_of_the_protocol() -> None:
    methods = methods_in(discovery.document("v1beta", "")["resources"])
    patch = methods["corpora.patch"]
    assert patch["path"] == "v1beta/{+name}"
    assert patch["parameters"]["name"]["pattern"] == "^corpora/[^/]+$"
    assert patch["parameters"]["updateMask"] == {
        "type": "string",
        "format": "google-fieldmask",
        "location": "query",
    }
    assert patch["request"] == {"$ref": "Corpus"}
    listing = methods["corpora.documents.chunks.list"]
    assert set(listing["parameters"]) == {"parent", "pageSize", "pageToken"}
    assert "request" not in listing
    assert methods["models.batchGenerateContent"]["path"] == (
        "v1beta/{+model}:batchGenerateContent"
    )
    upload = methods["media.upload"]
    assert upload["supportsMediaUpload"] is True
    assert upload["mediaUpload"]["protocols"]["resumable"]["path"] == "/upload/v1beta/files"


def test_every_kind_of_field_has_its_format() -> None:
    schemas = discovery.all_schemas()
    file = schemas["File"]["properties"]
    assert file["sizeBytes"] == {"type": "string", "format": "int64"}
    assert file["sha256Hash"] == {"type": "string", "format": "byte"}
    assert file["createTime"] == {"type": "string", "format": "google-datetime"}
    assert file["state"]["enum"] == ["STATE_UNSPECIFIED", "PROCESSING", "ACTIVE", "FAILED"]
    assert file["error"] == {"$ref": "Status"}
    assert schemas["ContentEmbedding"]["properties"]["values"]["items"]["type"] == "number"
    assert schemas["FunctionCall"]["properties"]["args"]["additionalProperties"] == {"type": "any"}


def test_the_openapi_document_is_whole() -> None:
    document = openapi.document("v1beta", "http://localhost:1")
    operations = {
        operation["operationId"]: (path, operation)
        for path, item in document["paths"].items()
        for operation in item.values()
    }
    assert set(operations) == set(METHODS)
    assert operations["corpora.documents.chunks.get"][0] == (
        "/v1beta/corpora/{corporaId}/documents/{documentsId}/chunks/{chunksId}"
    )
    for method_id, (path, operation) in operations.items():
        in_path = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert path.count("{") == len(in_path) == METHODS[method_id].path.count("*")
        assert all(f"{{{name}}}" in path for name in in_path)
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known
