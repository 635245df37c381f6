"""What operations carry, and the errors in them."""

from __future__ import annotations

import json

import pytest

from ragkit.api.batches import BatchState, BatchStats, GenerateContentBatch
from ragkit.api.errors import BY_STATUS, NotFound, Unknown
from ragkit.api.operations import Operation, Status, pack_any
from ragkit.api.tuned_models import CreateTunedModelMetadata, TunedModel

PREFIX = "type.googleapis.com/google.ai.generativelanguage.v1beta."
BATCH = GenerateContentBatch(
    model="models/m",
    display_name="b",
    state=BatchState.BATCH_STATE_RUNNING,
    batch_stats=BatchStats(request_count=3),
)


def test_a_message_survives_in_an_operation():
    operation = Operation(name="batches/b", metadata=pack_any(BATCH))
    wire = json.loads(operation.to_json())
    assert wire["metadata"]["@type"] == f"{PREFIX}GenerateContentBatch"
    assert wire["metadata"]["batchStats"] == {"requestCount": "3"}
    read = Operation.model_validate_json(operation.to_json())
    assert read.metadata_as(GenerateContentBatch) == BATCH
    assert read.typed_metadata == BATCH
    assert read.response_as(TunedModel) is None
    assert read.typed_response is None


def test_a_response_is_read_as_what_it_is():
    model = TunedModel(name="tunedModels/m")
    operation = Operation(done=True, response=pack_any(model))
    assert operation.response_as(TunedModel) == model
    assert operation.typed_response == model
    with pytest.raises(ValueError, match="CreateTunedModelMetadata"):
        operation.response_as(CreateTunedModelMetadata)


def test_a_type_that_is_not_known_stays_as_it_is():
    packed = {"@type": f"{PREFIX}Novelty", "depth": 3}
    operation = Operation.model_validate({"metadata": packed})
    assert operation.typed_metadata is None
    assert operation.to_wire() == {"metadata": packed}


def test_metadata_without_a_type_is_read_as_asked():
    assert Operation(metadata={"model": "models/m"}).metadata_as(
        GenerateContentBatch
    ) == GenerateContentBatch(model="models/m")


@pytest.mark.parametrize("kind", BY_STATUS.values(), ids=BY_STATUS)
def test_each_error_survives_as_a_status(kind):
    error = Status.of(kind("what was wrong", field="displayName")).to_error("batches.get")
    assert type(error) is kind
    assert str(error) == "what was wrong [batches.get]"
    assert error.field_violations == [{"field": "displayName", "description": "what was wrong"}]


def test_a_status_without_a_message_names_itself():
    assert Status(code=5).to_error().message == NotFound.status
    assert type(Status(code=99).to_error()) is Unknown


def test_states_that_are_final():
    final = {state for state in BatchState if state.final}
    assert {state.name for state in final} == {
        f"BATCH_STATE_{name}" for name in ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")
    }
    assert not BatchState.parse("BATCH_STATE_DREAMING").final
