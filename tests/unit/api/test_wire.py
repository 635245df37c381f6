"""Calls written as HTTP and read back; proto3 JSON's rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.api import methods
from ragkit.api.base import format_field_mask, format_timestamp, parse_field_mask
from ragkit.api.batches import BatchGenerateContentRequest, GenerateContentBatch
from ragkit.api.chunks import Chunk, ChunkState, ListChunksResponse, UpdateChunkRequest
from ragkit.api.content import Blob, Part
from ragkit.api.corpora import Corpus, DeleteCorpusRequest, QueryCorpusRequest
from ragkit.api.errors import BY_STATUS, InvalidArgument, error_from_response
from ragkit.api.metadata import CustomMetadata, Operator, meta, plain_metadata, wrap_metadata
from ragkit.api.operations import ListOperationsRequest
from ragkit.api.scalars import to_float32
from ragkit.api.tools import Tool, UrlContext
from ragkit.api.tuned_models import CreateTunedModelRequest, TunedModel
from ragkit.api.wire import parse_response, path_regex, to_json_text

ids = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
plain_values = st.one_of(
    st.text(), st.floats(width=32, allow_nan=False, allow_infinity=False), st.lists(st.text())
)


@given(ids, st.text(), st.integers(0, 100), st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_query_survives_encoding_and_decoding(corpus, text, count, filters):
    request = QueryCorpusRequest(
        name=f"corpora/{corpus}",
        query=text,
        results_count=count,
        metadata_filters=[meta(key) == value for key, value in filters.items()],
    )
    method = methods.CORPORA_QUERY
    http = method.encode(request)
    found = path_regex(method.path).fullmatch(http.path)
    assert found is not None
    assert method.decode(found[1], http.query, http.body) == request


@given(ids, st.booleans())
def test_query_parameters_survive_encoding_and_decoding(corpus, force):
    request = DeleteCorpusRequest(name=f"corpora/{corpus}", force=force)
    http = methods.CORPORA_DELETE.encode(request)
    assert dict(http.query) == ({"force": "true"} if force else {})
    assert methods.CORPORA_DELETE.decode(f"corpora/{corpus}", http.query, b"") == request


@given(st.dictionaries(st.text(), plain_values))
def test_plain_metadata_survives_wrapping(metadata):
    entries = wrap_metadata(metadata)
    read_back = [CustomMetadata.model_validate_json(entry.to_json()) for entry in entries]
    assert read_back == entries
    assert plain_metadata(read_back).keys() == metadata.keys()
    for key, value in plain_metadata(read_back).items():
        if isinstance(value, float):
            assert to_float32(value) == metadata[key]
        else:
            assert value == metadata[key]


def test_both_cases_of_field_names_and_masks_are_read():
    camel = (
        b'{"chunk":{"customMetadata":[{"key":"k","stringValue":"v"}]},'
        b'"updateMask":"customMetadata,data"}'
    )
    snake = (
        b'{"chunk":{"custom_metadata":[{"key":"k","string_value":"v"}]},'
        b'"update_mask":"custom_metadata,data"}'
    )
    read = [UpdateChunkRequest.model_validate_json(body) for body in (camel, snake)]
    assert read[0] == read[1]
    assert read[0].update_mask == ("custom_metadata", "data")
    assert read[0].to_json() == camel


@given(st.lists(st.from_regex(r"[a-z]{2,}(_[a-z]{2,}){0,2}", fullmatch=True)))
def test_field_masks_survive_their_wire_form(paths):
    assert parse_field_mask(format_field_mask(tuple(paths))) == tuple(paths)


def test_defaults_are_left_out_and_set_oneof_members_kept():
    assert Corpus().to_json() == b"{}"
    assert json.loads(CustomMetadata(key="k", numeric_value=0).to_json()) == {
        "key": "k",
        "numericValue": 0.0,
    }


def test_a_repr_shows_what_is_there():
    assert repr(Corpus(name="corpora/c")) == "Corpus(name='corpora/c')"
    assert repr(Chunk.model_validate({"data": {"stringValue": "x"}, "novelty": 1})) == (
        "Chunk(data=ChunkData(string_value='x'), novelty=1)"
    )


def test_what_a_newer_server_sends_survives_a_round_trip():
    sent = {"name": "n", "state": "STATE_DREAMING", "novelty": {"deep": [1, {"x": None}]}}
    chunk = Chunk.model_validate_json(json.dumps(sent).encode())
    assert not chunk.state.known
    assert json.loads(chunk.to_json()) == sent
    assert json.loads(Chunk.model_validate_json(b'{"state": 77}').to_json()) == {"state": 77}


@pytest.mark.parametrize("given_as", [2, "STATE_ACTIVE", "2", ChunkState.STATE_ACTIVE])
def test_enums_are_read_by_number_and_by_name(given_as):
    assert Chunk(state=given_as).state is ChunkState.STATE_ACTIVE


@pytest.mark.parametrize(
    ("body", "mentions"),
    [
        (b'{"query": 1}', "query"),
        (b'{"quary": "x"}', "quary"),
        (b'{"metadataFilters": [{"conditions": [{"operation": "LIKE"}]}]}', "LIKE"),
        (
            b'{"metadataFilters": [{"conditions": [{"stringValue": "a", "numericValue": 1}]}]}',
            "metadataFilters[0].conditions[0]",
        ),
        (b'{"name": "corpora/other"}', "corpora/other"),
        (b"[1]", "dictionary"),
        (b'{"query": "x"', "JSON"),
        (b'{"resultsCount": 1.5}', "resultsCount"),
        (b"\xff", "JSON"),
    ],
)
def test_a_malformed_body_is_refused_and_the_place_named(body, mentions):
    with pytest.raises(InvalidArgument) as caught:
        methods.CORPORA_QUERY.decode("corpora/a", [], body)
    assert mentions in caught.value.message


def test_null_stands_for_the_default():
    body = b'{"query": "x", "metadataFilters": null, "resultsCount": null}'
    decoded = methods.CORPORA_QUERY.decode("corpora/a", [], body)
    assert decoded == QueryCorpusRequest(name="corpora/a", query="x")


def test_bytes_are_read_from_either_base64_alphabet():
    for text in ("-_8=", "+/8=", "-_8"):
        blob = Part.model_validate({"inlineData": {"mimeType": "a/b", "data": text}}).inline_data
        assert blob is not None
        assert blob.data == b"\xfb\xff"
    assert json.loads(Blob(data=b"\xfb\xff").to_json()) == {"data": "+/8="}


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 1)))
def test_timestamps_survive_their_wire_form(moment):
    text = format_timestamp(moment)
    assert text.endswith("Z")
    corpus = Corpus.model_validate({"createTime": text})
    assert corpus.create_time == moment


def test_each_error_is_read_back_from_its_own_envelope():
    for kind in BY_STATUS.values():
        error = kind("what was wrong", field="displayName")
        read = error_from_response(kind.http_status, error.to_json())
        assert type(read) is kind
        assert read.message == "what was wrong"
        assert read.field_violations == [{"field": "displayName", "description": "what was wrong"}]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "gone"}', b"\xff\xfe"])
def test_any_body_of_an_error_is_taken(body):
    assert error_from_response(404, body).status == "NOT_FOUND"
    assert error_from_response(418, body).status == "INVALID_ARGUMENT"


def test_nulls_within_values_survive_where_a_null_elsewhere_stands_for_a_default():
    body = (
        b'{"contents":[{"role":null,"parts":[{"functionCall":{"args":{"a":null}}}]}],"tools":[{'
        b'"functionDeclarations":[{"name":"f","parameters":{"properties":{"p":{"default":null,'
        b'"format":null}}}}]}]}'
    )
    request = methods.MODELS_GENERATE_CONTENT.decode("models/m", [], body)
    assert json.loads(request.to_json()) == {
        "model": "models/m",
        "contents": [{"parts": [{"functionCall": {"args": {"a": None}}}]}],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "f", "parameters": {"properties": {"p": {"default": None}}}}
                ]
            }
        ],
    }


def test_a_reply_with_nulls_is_read():
    reply = b'{"chunks":[{"name":"n","state":null,"customMetadata":null}],"nextPageToken":null}'
    read = parse_response(methods.CHUNKS_LIST, reply)
    assert read == ListChunksResponse(chunks=[Chunk(name="n")])


@pytest.mark.parametrize("reply", [b"[]", b"{", b'{"chunks": 5}', b'{"chunks": [null]}'])
def test_a_reply_of_another_shape_is_an_error(reply):
    with pytest.raises(ValueError, match="ListChunksResponse"):
        parse_response(methods.CHUNKS_LIST, reply)


def test_a_name_in_the_path_is_left_out_of_the_body():
    batch = GenerateContentBatch(model="models/m", display_name="b")
    request = BatchGenerateContentRequest(batch=batch)
    http = methods.MODELS_BATCH_GENERATE_CONTENT.encode(request)
    assert http.path == "/v1beta/models/m:batchGenerateContent"
    assert http.body == b'{"batch":{"displayName":"b"}}'
    assert methods.MODELS_BATCH_GENERATE_CONTENT.decode("models/m", [], http.body) == request
    empty = methods.MODELS_BATCH_GENERATE_CONTENT.decode("models/m", [], b"")
    assert empty.batch == GenerateContentBatch(model="models/m")
    with pytest.raises(InvalidArgument, match=r"batch\.model"):
        methods.MODELS_BATCH_GENERATE_CONTENT.decode(
            "models/m", [], b'{"batch":{"model":"models/other"}}'
        )


def test_a_path_without_a_choice_needs_no_name():
    http = methods.BATCHES_LIST.encode(ListOperationsRequest(page_size=5, filter="done = true"))
    assert http.path == "/v1beta/batches"
    assert http.query == [("filter", "done = true"), ("pageSize", "5")]
    with pytest.raises(InvalidArgument, match="name"):
        methods.BATCHES_LIST.encode(ListOperationsRequest(name="tunedModels/m"))


def test_a_query_parameter_beside_a_body():
    request = CreateTunedModelRequest(
        tuned_model_id="mine", tuned_model=TunedModel(base_model="models/m")
    )
    http = methods.TUNED_MODELS_CREATE.encode(request)
    assert http.query == [("tunedModelId", "mine")]
    assert http.body == b'{"baseModel":"models/m"}'
    assert methods.TUNED_MODELS_CREATE.decode("", http.query, http.body) == request


def test_messages_are_plain_values_in_json_text():
    assert to_json_text([Tool(url_context=UrlContext()), "ä"]) == '[{"urlContext": {}}, "ä"]'


def test_filters_are_written_as_comparisons():
    year = meta("year")
    assert (year >= 2020).conditions[0].operation is Operator.GREATER_EQUAL
    assert (meta("document.genre") != "drama").key == "document.custom_metadata.genre"
    assert [c.string_value for c in meta("tags").includes("a", "b").conditions] == ["a", "b"]
    assert [c.numeric_value for c in year.one_of(1, 2).conditions] == [1, 2]


def test_a_message_is_a_table_in_a_notebook():
    chunk = Chunk(name="corpora/a/documents/b/chunks/c", state=2)
    chunk.custom_metadata = wrap_metadata({"note": "<script>alert(1)</script>"})
    html = chunk._repr_html_()
    assert html.startswith("<table><caption>Chunk</caption>")
    assert "corpora/a/documents/b/chunks/c" in html
    assert "STATE_ACTIVE" in html
    assert "<script>" not in html
