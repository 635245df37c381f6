"""Who may do what with tuned models; and giving them away."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.engine.access import Role
from ragkit.service.access import RULES

from .attempts import (
    ANN,
    ANNS,
    BEN,
    EVE,
    GRANTEES,
    NUMBERS,
    TEAM,
    grant,
    make_tuned_model,
    send,
    tuned_attempts,
)
from .conftest import Api


def test_every_method_on_a_tuned_model_is_tried_here() -> None:
    expected = {
        name for name, rule in RULES.items() if rule.role and name.startswith("tunedModels.")
    }
    named = {"tunedModels.create", "models.countTokens", "models.batchGenerateContent"}
    named |= {"cachedContents.create", "models.asyncBatchEmbedContent"}
    assert {one.method for one in tuned_attempts()} == expected | named


@settings(max_examples=12, deadline=None)
@given(
    grants=st.lists(
        st.tuples(st.sampled_from(GRANTEES), st.sampled_from([Role.READER, Role.WRITER])),
        max_size=3,
        unique_by=lambda one: json.dumps(one[0]),
    )
)
def test_tuned_models_answer_by_the_callers_role(
    shared_api: Api, grants: list[tuple[dict[str, str], Role]]
) -> None:
    ben, ann = shared_api.by(BEN), shared_api.by(ANN, TEAM)
    number = next(NUMBERS)
    model, absent = f"tunedModels/t{number:08}", f"tunedModels/x{number:08}"
    operation = make_tuned_model(ben, f"t{number:08}").rpartition("/")[2]
    someone = {"granteeType": "USER", "emailAddress": "someone@example.org"}
    permission = grant(ben, model, someone, Role.READER).rpartition("/")[2]
    for grantee, role in grants:
        grant(ben, model, grantee, role)
    held = min((role for grantee, role in grants if grantee in ANNS), default=None)
    for one in tuned_attempts():
        filled = json.loads(json.dumps(one.body).replace("OPERATION", operation))
        asked = replace(one, path=one.path.replace("OPERATION", operation), body=filled)
        status, reply = send(ann, asked, model, permission)
        error = reply.get("error", {}) if isinstance(reply, dict) else {}
        if held is None:
            assert (status, reply) == send(ann, asked, absent, permission), one
            assert status == 404, one
        elif not held.includes(one.role):
            assert (status, error["status"]) == (403, "PERMISSION_DENIED"), one
        else:
            assert status != 403, one
            assert status != 404 or "CORPUS does not exist" not in error["message"], one
    if held is None:
        assert roles_on(ben, model) == {
            BEN: "OWNER",
            "someone@example.org": "READER",
            **{one.get("emailAddress", "EVERYONE"): role.name for one, role in grants},
        }
    ben.delete(model)


def roles_on(api: Api, resource: str) -> dict[str, str]:
    found = api.get(f"{resource}/permissions", pageSize=1000)["permissions"]
    return {one.get("emailAddress", one["granteeType"]): one["role"] for one in found}


def test_ownership_is_transferred(api: Api) -> None:
    ben = api.by(BEN)
    make_tuned_model(ben, "mine")
    ann = api.by(ANN)
    grant(ben, "tunedModels/mine", {"granteeType": "USER", "emailAddress": ANN}, Role.WRITER)
    path = "tunedModels/mine:transferOwnership"
    ann.refused("PERMISSION_DENIED", "POST", path, {"emailAddress": ANN})
    for body in ({}, {"emailAddress": ""}, {"emailAddress": "ann"}):
        assert "emailAddress" in ben.refused("INVALID_ARGUMENT", "POST", path, body)
    assert ben.post(path, {"emailAddress": "Ann@Example.org"}) == {}
    assert roles_on(api, "tunedModels/mine") == {BEN: "WRITER", ANN: "OWNER"}
    ben.refused("PERMISSION_DENIED", "DELETE", "tunedModels/mine")
    # To whom it belongs already: nothing changes.
    ann.post(path, {"emailAddress": ANN})
    # To somebody who had no permission, as it is for a model of the data folder's owner.
    ann.post(path, {"emailAddress": EVE})
    assert roles_on(api, "tunedModels/mine") == {BEN: "WRITER", ANN: "WRITER", EVE: "OWNER"}
    api.by(EVE).delete("tunedModels/mine")


def test_the_data_folders_owner_gives_a_tuned_model_away(api: Api) -> None:
    make_tuned_model(api, "ours")
    assert api.get("tunedModels/ours/permissions") == {}
    api.post("tunedModels/ours:transferOwnership", {"emailAddress": BEN})
    assert roles_on(api, "tunedModels/ours") == {BEN: "OWNER"}


def test_permissions_go_with_their_tuned_model(api: Api) -> None:
    for maker in (api.by(BEN), api.by(EVE)):
        make_tuned_model(maker, "mine")
        name = grant(
            maker, "tunedModels/mine", {"granteeType": "USER", "emailAddress": ANN}, Role.READER
        )
        maker.delete("tunedModels/mine")
        assert "tunedModels/mine does not exist" in api.refused("NOT_FOUND", "GET", name)
    make_tuned_model(api, "mine")
    assert api.get("tunedModels/mine/permissions") == {}
