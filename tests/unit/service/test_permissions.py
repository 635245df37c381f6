"""The permissions resource: what it holds, what it refuses, how it is listed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.api.methods import METHODS

from .conftest import Api

ANN, BEN = "ann@example.org", "ben@example.org"
USER = {"granteeType": "USER", "emailAddress": BEN, "role": "READER"}
EVERYONE = {"granteeType": "EVERYONE", "role": "READER"}


@pytest.fixture
def ann(api: Api) -> Api:
    api.by(ANN).corpus("c")
    return api.by(ANN)


def roles(api: Api, resource: str = "corpora/c") -> dict[str, str]:
    """The role by grantee, of all pages."""
    found = api.get(f"{resource}/permissions", pageSize=1000)
    assert "nextPageToken" not in found
    return {
        one.get("emailAddress", one["granteeType"]): one["role"]
        for one in found.get("permissions", [])
    }


def owners_name(api: Api) -> str:
    permissions = api.get("corpora/c/permissions")["permissions"]
    return str(next(one["name"] for one in permissions if one["role"] == "OWNER"))


def test_who_creates_a_corpus_owns_it(ann: Api) -> None:
    (owner,) = ann.get("corpora/c/permissions")["permissions"]
    assert re.fullmatch(r"corpora/c/permissions/[a-z0-9]{1,40}", owner.pop("name"))
    assert owner == {"granteeType": "USER", "emailAddress": ANN, "role": "OWNER"}


def test_what_the_data_folders_owner_creates_shows_no_owner(api: Api) -> None:
    api.corpus("c")
    assert api.get("corpora/c/permissions") == {}
    api.post("corpora/c/permissions", USER)
    assert roles(api) == {BEN: "READER"}


@pytest.mark.parametrize("role", ["READER", "WRITER"])
@pytest.mark.parametrize(
    "grantee",
    [
        {"granteeType": "USER", "emailAddress": BEN},
        {"granteeType": "GROUP", "emailAddress": "team@example.org"},
        {"granteeType": "EVERYONE"},
    ],
)
def test_a_permission_is_what_was_granted(ann: Api, grantee: dict[str, str], role: str) -> None:
    created = ann.post("corpora/c/permissions", {**grantee, "role": role})
    assert created == {"name": created["name"], **grantee, "role": role}
    assert ann.get(created["name"]) == created
    assert created in ann.get("corpora/c/permissions")["permissions"]


def test_a_grantee_with_an_address_and_no_type_is_a_user(ann: Api) -> None:
    created = ann.post("corpora/c/permissions", {"emailAddress": BEN, "role": "READER"})
    assert created["granteeType"] == "USER"


def test_the_name_is_the_servers(ann: Api) -> None:
    created = ann.post("corpora/c/permissions", {**USER, "name": "corpora/c/permissions/mine"})
    assert created["name"] != "corpora/c/permissions/mine"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "permission.granteeType"),
        ({"role": "READER"}, "permission.granteeType"),
        ({"granteeType": "USER", "role": "READER"}, "permission.emailAddress"),
        ({"granteeType": "GROUP", "role": "READER"}, "permission.emailAddress"),
        ({**EVERYONE, "emailAddress": BEN}, "permission.emailAddress"),
        ({**USER, "emailAddress": "ben"}, "permission.emailAddress"),
        ({**USER, "emailAddress": "@example.org"}, "permission.emailAddress"),
        ({**USER, "emailAddress": "ben@"}, "permission.emailAddress"),
        ({**USER, "emailAddress": "b en@example.org"}, "permission.emailAddress"),
        ({**USER, "emailAddress": "ben@example.org\n"}, "permission.emailAddress"),
        ({**USER, "emailAddress": "b" * 250 + "@example.org"}, "permission.emailAddress"),
        ({"granteeType": "USER", "emailAddress": BEN}, "permission.role"),
        ({**USER, "role": "ROLE_UNSPECIFIED"}, "permission.role"),
        ({**USER, "role": "OWNER"}, "permission.role"),
        ({**USER, "role": "EDITOR"}, "role"),
        ({**USER, "granteeType": "DOMAIN"}, "granteeType"),
    ],
)
def test_a_wrong_permission_is_refused(ann: Api, body: dict[str, str], field: str) -> None:
    message = ann.refused("INVALID_ARGUMENT", "POST", "corpora/c/permissions", body)
    assert field in message
    assert roles(ann) == {ANN: "OWNER"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (USER, USER),
        (USER, {**USER, "role": "WRITER"}),
        (USER, {**USER, "emailAddress": "Ben@Example.ORG"}),
        (EVERYONE, EVERYONE),
        ({**USER, "granteeType": "GROUP"}, {**USER, "granteeType": "GROUP"}),
    ],
)
def test_a_grantee_has_one_permission(
    ann: Api, first: dict[str, str], second: dict[str, str]
) -> None:
    created = ann.post("corpora/c/permissions", first)
    message = ann.refused("ALREADY_EXISTS", "POST", "corpora/c/permissions", second)
    assert created["name"] in message
    assert ann.get(created["name"]) == created


def test_the_owner_is_a_grantee_too(ann: Api) -> None:
    body = {**USER, "emailAddress": ANN}
    ann.refused("ALREADY_EXISTS", "POST", "corpora/c/permissions", body)


def test_a_user_and_a_group_of_one_address_are_two_grantees(ann: Api) -> None:
    ann.post("corpora/c/permissions", USER)
    ann.post("corpora/c/permissions", {**USER, "granteeType": "GROUP"})
    assert len(ann.get("corpora/c/permissions")["permissions"]) == 3


def test_the_address_is_shown_as_it_was_given(ann: Api) -> None:
    created = ann.post("corpora/c/permissions", {**USER, "emailAddress": "Ben@Example.org"})
    assert created["emailAddress"] == "Ben@Example.org"
    ann.by(BEN).get("corpora/c")


def test_the_role_can_be_changed_and_nothing_else(ann: Api) -> None:
    name = ann.post("corpora/c/permissions", USER)["name"]
    body = {"role": "WRITER", "emailAddress": "eve@example.org", "granteeType": "GROUP"}
    assert ann.patch(name, body, "role") == {"name": name, **USER, "role": "WRITER"}
    for mask in ("emailAddress", "granteeType", "role,granteeType", "name", ""):
        query = {"updateMask": mask}
        ann.refused("INVALID_ARGUMENT", "PATCH", name, body, query)
    ann.refused("INVALID_ARGUMENT", "PATCH", name, body)
    assert ann.get(name)["role"] == "WRITER"


@pytest.mark.parametrize("role", ["OWNER", "ROLE_UNSPECIFIED", None])
def test_a_role_that_cannot_be_given_is_refused(ann: Api, role: str | None) -> None:
    name = ann.post("corpora/c/permissions", USER)["name"]
    body = {} if role is None else {"role": role}
    ann.refused("INVALID_ARGUMENT", "PATCH", name, body, {"updateMask": "role"})
    assert ann.get(name)["role"] == "READER"


def test_the_owners_permission_stays(ann: Api, api: Api) -> None:
    name = owners_name(ann)
    for caller in (ann, api):
        body, mask = {"role": "WRITER"}, {"updateMask": "role"}
        message = caller.refused("FAILED_PRECONDITION", "PATCH", name, body, mask)
        assert "transferOwnership" in message
        caller.refused("FAILED_PRECONDITION", "DELETE", name)
    assert roles(ann) == {ANN: "OWNER"}


def test_a_deleted_permission_is_gone(ann: Api) -> None:
    name = ann.post("corpora/c/permissions", USER)["name"]
    assert ann.delete(name) == {}
    for verb in ("GET", "DELETE"):
        assert name in ann.refused("NOT_FOUND", verb, name)
    ann.refused("NOT_FOUND", "PATCH", name, {"role": "WRITER"}, {"updateMask": "role"})
    again = ann.post("corpora/c/permissions", USER)
    assert again["name"] != name


def test_permissions_of_what_does_not_exist(api: Api) -> None:
    """Asked by the data folder's owner, for whom nothing else could hide them."""
    for parent in ("corpora/no", "tunedModels/no"):
        for verb, path, body in (
            ("POST", f"{parent}/permissions", USER),
            ("GET", f"{parent}/permissions", None),
            ("GET", f"{parent}/permissions/p", None),
            ("DELETE", f"{parent}/permissions/p", None),
        ):
            assert f"{parent} does not exist" in api.refused("NOT_FOUND", verb, path, body)
    body = {"emailAddress": BEN}
    api.refused("NOT_FOUND", "POST", "tunedModels/no:transferOwnership", body)


def test_an_id_that_cannot_be_one(api: Api) -> None:
    for path in ("corpora/-/permissions", "corpora/c/permissions/Ä", "tunedModels/-x/permissions"):
        api.refused("INVALID_ARGUMENT", "GET", path)


def test_permissions_go_with_their_corpus(ann: Api) -> None:
    name = ann.post("corpora/c/permissions", USER)["name"]
    ann.delete("corpora/c")
    ann.by(BEN).corpus("c")
    assert roles(ann.by(BEN)) == {BEN: "OWNER"}
    ann.refused("NOT_FOUND", "GET", name)


def test_a_delete_that_is_refused_keeps_permissions(ann: Api) -> None:
    ann.document("corpora/c")
    ann.post("corpora/c/permissions", USER)
    ann.refused("FAILED_PRECONDITION", "DELETE", "corpora/c")
    assert roles(ann) == {ANN: "OWNER", BEN: "READER"}


def test_permissions_of_two_corpora_do_not_mix(ann: Api) -> None:
    ann.corpus("d")
    name = ann.post("corpora/c/permissions", USER)["name"]
    elsewhere = name.replace("corpora/c", "corpora/d")
    for verb in ("GET", "DELETE"):
        ann.refused("NOT_FOUND", verb, elsewhere)
    assert roles(ann, "corpora/d") == {ANN: "OWNER"}


def test_page_sizes(ann: Api) -> None:
    for number in range(12):
        ann.post("corpora/c/permissions", {**USER, "emailAddress": f"u{number}@example.org"})
    assert len(ann.get("corpora/c/permissions")["permissions"]) == 10
    assert len(ann.get("corpora/c/permissions", pageSize=5000)["permissions"]) == 13
    ann.refused("INVALID_ARGUMENT", "GET", "corpora/c/permissions", query={"pageSize": -1})


def test_a_page_token_belongs_to_its_list(ann: Api) -> None:
    ann.corpus("d")
    ann.post("corpora/c/permissions", USER)
    token = ann.get("corpora/c/permissions", pageSize=1)["nextPageToken"]
    for path in ("corpora/d/permissions", "corpora/c/documents", "corpora"):
        ann.refused("INVALID_ARGUMENT", "GET", path, query={"pageToken": token})


@settings(max_examples=50, deadline=None)
@given(
    size=st.integers(1, 4),
    writes=st.lists(st.tuples(st.sampled_from(["grant", "revoke"]), st.integers(0, 9))),
)
def test_pages_survive_writes(shared_api: Api, size: int, writes: list[tuple[str, int]]) -> None:
    """What is there from first to last page comes exactly once, in the order of creation."""
    owner = shared_api.by(ANN)
    corpus = str(owner.post("corpora")["name"])
    names = [
        owner.post(f"{corpus}/permissions", {**USER, "emailAddress": f"u{number}@example.org"})[
            "name"
        ]
        for number in range(6)
    ]
    first = owner.get(f"{corpus}/permissions", pageSize=size)
    seen, token = [one["name"] for one in first["permissions"]], first.get("nextPageToken")
    stay = set(names)
    for number, (write, value) in enumerate(writes):
        if write == "grant":
            body = {**USER, "emailAddress": f"new{number}@example.org"}
            owner.post(f"{corpus}/permissions", body)
        elif value < 6 and names[value] in stay:
            stay.remove(names[value])
            owner.delete(names[value])
    while token:
        found = owner.get(f"{corpus}/permissions", pageSize=size, pageToken=token)
        seen += [one["name"] for one in found.get("permissions", [])]
        token = found.get("nextPageToken")
    assert len(seen) == len(set(seen))
    assert [name for name in seen if name in stay] == [name for name in names if name in stay]


def test_both_parents_have_all_methods() -> None:
    for parent in ("corpora", "tunedModels"):
        for name in ("create", "get", "list", "patch", "delete"):
            assert f"{parent}.permissions.{name}" in METHODS
