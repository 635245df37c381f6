"""Who may do what: two and more principals against every method."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.api.methods import METHODS
from ragkit.engine.access import Role
from ragkit.service.access import LISTED, RULES, Rule

from .attempts import (
    ANN,
    ANNS,
    ATTEMPTS,
    BEN,
    EVE,
    GRANTEES,
    NUMBERS,
    QUERY,
    RETRIEVED,
    TEAM,
    TEXT,
    grant,
    make_corpus,
    send,
)
from .conftest import Api


@pytest.fixture
def ben(api: Api) -> Api:
    return api.by(BEN)


def test_every_method_has_a_rule() -> None:
    assert set(RULES) == set(METHODS)


def test_every_method_on_what_is_shared_takes_a_role() -> None:
    for method in METHODS.values():
        shared = "=corpora/*" in method.path or "=tunedModels/*" in method.path
        assert (RULES[method.id].role is not None) == shared, method.id
        if shared:
            reads = method.verb == "GET" or ":query" in method.path or ":generate" in method.path
            reads = reads or ":streamGenerate" in method.path
            assert (RULES[method.id].role is Role.READER) == reads, method.id
        if not method.variable and method.verb == "GET" and method.id != "models.list":
            assert RULES[method.id] is LISTED, method.id


def test_every_method_on_a_corpus_is_tried_here() -> None:
    expected = {name for name, rule in RULES.items() if rule.role and name.startswith("corpora.")}
    assert {one.method for one in ATTEMPTS} == expected | {"models.generateAnswer"}
    for one in ATTEMPTS:
        rule = RULES[one.method]
        assert rule.role == one.role or (rule.role is None and rule.reads is not Rule().reads)


@settings(max_examples=25, deadline=None)
@given(
    grants=st.lists(
        st.tuples(st.sampled_from(GRANTEES), st.sampled_from([Role.READER, Role.WRITER])),
        max_size=4,
        unique_by=lambda one: json.dumps(one[0]),
    )
)
def test_every_method_answers_by_the_callers_role(
    shared_api: Api, grants: list[tuple[dict[str, str], Role]]
) -> None:
    """Without a role as if there were nothing, with too weak a one 403, else as to the owner."""
    ben, ann = shared_api.by(BEN), shared_api.by(ANN, TEAM)
    corpus, absent = make_corpus(ben), f"corpora/x{next(NUMBERS):08}"
    someone = {"granteeType": "USER", "emailAddress": "someone@example.org"}
    permission = grant(ben, corpus, someone, Role.READER).rpartition("/")[2]
    for grantee, role in grants:
        grant(ben, corpus, grantee, role)
    held = min((role for grantee, role in grants if grantee in ANNS), default=None)
    for one in ATTEMPTS:
        status, reply = send(ann, one, corpus, permission)
        if held is None:
            assert (status, reply) == send(ann, one, absent, permission), one
            assert status == 404, one
        elif not held.includes(one.role):
            assert (status, reply["error"]["status"]) == (403, "PERMISSION_DENIED"), one
            assert corpus not in reply["error"]["message"].replace("CORPUS", "")
        else:
            assert status != 403, one
            assert status != 404 or "CORPUS does not exist" not in reply["error"]["message"], one
    kept = [one["emailAddress"] for one in ben.get(f"{corpus}/permissions")["permissions"][:1]]
    assert kept == [BEN]
    if held is None or held is Role.READER:
        ben.get(f"{corpus}/documents/d/chunks/k")


def test_the_owner_may_do_all(ben: Api) -> None:
    corpus = make_corpus(ben)
    someone = {"granteeType": "USER", "emailAddress": "someone@example.org"}
    permission = grant(ben, corpus, someone, Role.READER).rpartition("/")[2]
    for one in ATTEMPTS:
        status, _ = send(ben, one, corpus, permission)
        assert status != 403, one


def test_the_data_folders_owner_may_do_all(api: Api, ben: Api) -> None:
    corpus = make_corpus(ben)
    api.get(corpus)
    grant(api, corpus, {"granteeType": "USER", "emailAddress": EVE}, Role.READER)
    assert [one["name"] for one in api.get("corpora")["corpora"]] == [corpus]
    api.delete(corpus, force=True)


def test_what_the_data_folders_owner_made_is_closed_until_it_is_shared(api: Api, ben: Api) -> None:
    corpus = make_corpus(api)
    assert ben.get("corpora") == {}
    ben.refused("NOT_FOUND", "GET", corpus)
    grant(api, corpus, {"granteeType": "EVERYONE"}, Role.READER)
    ben.get(corpus)
    assert "READER" in ben.refused("PERMISSION_DENIED", "DELETE", corpus)


def test_the_strongest_role_counts(api: Api, ben: Api) -> None:
    corpus = make_corpus(ben)
    grant(ben, corpus, {"granteeType": "EVERYONE"}, Role.READER)
    grant(ben, corpus, {"granteeType": "GROUP", "emailAddress": TEAM}, Role.WRITER)
    api.by(ANN, TEAM).post(f"{corpus}/documents")
    api.by(ANN).refused("PERMISSION_DENIED", "POST", f"{corpus}/documents", {})


def test_a_permission_taken_back_is_gone_at_once(api: Api, ben: Api) -> None:
    corpus = make_corpus(ben)
    name = grant(ben, corpus, {"granteeType": "USER", "emailAddress": ANN}, Role.WRITER)
    ann = api.by(ANN)
    ann.get(corpus)
    ben.patch(name, {"role": "READER"}, "role")
    ann.refused("PERMISSION_DENIED", "POST", f"{corpus}/documents", {})
    ben.delete(name)
    ann.refused("NOT_FOUND", "GET", corpus)
    assert ann.get("corpora") == {}


def test_a_writer_shares(api: Api, ben: Api) -> None:
    corpus = make_corpus(ben)
    grant(ben, corpus, {"granteeType": "USER", "emailAddress": ANN}, Role.WRITER)
    name = grant(api.by(ANN), corpus, {"granteeType": "USER", "emailAddress": EVE}, Role.WRITER)
    api.by(EVE).get(name)
    api.by(EVE).delete(name)
    api.by(EVE).refused("NOT_FOUND", "GET", name)


def test_roles_do_not_outlive_their_corpus(api: Api, ben: Api) -> None:
    corpus = make_corpus(ben)
    grant(ben, corpus, {"granteeType": "USER", "emailAddress": ANN}, Role.WRITER)
    ben.delete(corpus, force=True)
    api.by(EVE).post("corpora", {"name": corpus})
    for caller in (ben, api.by(ANN)):
        caller.refused("NOT_FOUND", "GET", corpus)


def test_a_taken_name_is_refused_alike_whoever_took_it(api: Api, ben: Api) -> None:
    corpus = make_corpus(ben)
    bodies = {
        caller.send("POST", "corpora", {"name": corpus}).body for caller in (ben, api.by(ANN))
    }
    assert len(bodies) == 1
    assert b"ALREADY_EXISTS" in bodies.pop()


def test_names_from_elsewhere_open_nothing(api: Api, ben: Api) -> None:
    """In a corpus of one's own, the body names another's: the same refusal as for an absent one."""
    ann = api.by(ANN)
    theirs, own = make_corpus(ben), make_corpus(ann)
    absent = theirs[:-1] + "x"
    for path, body in (
        (f"{own}/documents", {"name": "CORPUS/documents/new"}),
        (f"{own}/documents/d/chunks", {"name": "CORPUS/documents/d/chunks/new", **TEXT}),
        (
            f"{own}/documents/d/chunks:batchCreate",
            {"requests": [{"parent": "CORPUS/documents/d", "chunk": TEXT}]},
        ),
        (
            f"{own}/documents/d/chunks:batchDelete",
            {"requests": [{"name": "CORPUS/documents/d/chunks/k"}]},
        ),
    ):
        replies = set()
        for corpus in (theirs, absent):
            sent = json.loads(json.dumps(body).replace("CORPUS", corpus))
            reply = ann.send("POST", path, sent)
            replies.add((reply.status, reply.body.decode().replace(corpus, "CORPUS")))
        assert len(replies) == 1
        assert replies.pop()[0] == 400
    ben.get(f"{theirs}/documents/d/chunks/k")


@pytest.mark.parametrize("source", ["", "corpora", "corpora/", "files/x", "corpora/-", "../x"])
def test_a_source_that_is_none_is_refused(api: Api, source: str) -> None:
    body = {**RETRIEVED, "semanticRetriever": {"source": source, "query": QUERY}}
    for caller in (api, api.by(ANN)):
        message = caller.refused("INVALID_ARGUMENT", "POST", "models/aqa:generateAnswer", body)
        assert "semanticRetriever.source" in message


@settings(max_examples=30, deadline=None)
@given(
    corpora=st.lists(
        st.tuples(
            st.sampled_from([ANN, BEN, ""]),
            st.none() | st.tuples(st.sampled_from(GRANTEES), st.sampled_from(list(Role)[1:])),
        ),
        max_size=8,
    ),
    size=st.integers(1, 5),
)
def test_lists_hold_what_the_caller_may_read(
    shared_api: Api,
    corpora: list[tuple[str, tuple[dict[str, str], Role] | None]],
    size: int,
) -> None:
    """On whole pages, in the order of creation; what is not to be seen makes no gap."""
    # A principal of this example alone, so that what others left does not show but EVERYONE's.
    mark = next(NUMBERS)
    me, team = f"me{mark}@example.org", f"team{mark}@example.org"
    caller = shared_api.by(me, team)
    before = listed(caller, 20)
    readable = []
    for owner, shared in corpora:
        maker = {ANN: caller, BEN: shared_api.by(BEN), "": shared_api}[owner]
        corpus = str(maker.post("corpora")["name"])
        visible = owner == ANN
        if shared is not None:
            grantee = dict(shared[0])
            if grantee in ANNS:
                visible = True
                mine = {ANN: me, TEAM: team}
                if "emailAddress" in grantee:
                    grantee["emailAddress"] = mine[grantee["emailAddress"]]
            if not (owner == ANN and grantee.get("emailAddress") == me):
                grant(shared_api, corpus, grantee, shared[1])
        if visible:
            readable.append(corpus)
    assert listed(caller, size) == before + readable


def listed(api: Api, size: int) -> list[str]:
    names: list[str] = []
    token = ""
    while True:
        found = api.get("corpora", pageSize=size, pageToken=token)
        page = [one["name"] for one in found.get("corpora", [])]
        names += page
        token = found.get("nextPageToken", "")
        if not token:
            return names
        assert len(page) == size
