"""Authentication: from the credentials of a request to the principal who makes it.

A key is taken from `x-goog-api-key`, from `?key=`, or as a bearer token from `Authorization` or
`?access_token=`, in this order: the first that is given counts.

What a key stands for is remembered for `FRESH_SECONDS`, so that a busy server does not ask the
store for each request; a revocation by any process takes effect within that time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from ragkit.api.errors import InvalidArgument, PermissionDenied, Unauthenticated
from ragkit.api.methods import MEDIA_UPLOAD
from ragkit.api.wire import HttpRequest
from ragkit.engine.access import KeyRecord
from ragkit.engine.engine import Engine
from ragkit.engine.records import EngineError, RowNotFoundError
from ragkit.service.errors import LOGGER
from ragkit.service.keys import is_key, key_digest
from ragkit.service.registry import OWNER, Principal

FRESH_SECONDS: Final = 0.5
"""How long what is known of a key is taken to be so still."""

_USED_MICROSECONDS = 60_000_000
"""How old `last_used_time` may be before it is written again: a write is a sync of the disk."""


@dataclass(slots=True)
class _Memory:
    """What is known of an engine's keys: when it was read, and the record. Known keys only."""

    keys: dict[bytes, tuple[float, KeyRecord]] = field(default_factory=dict)
    any_keys: tuple[float, bool] = (float("-inf"), False)


_memories: WeakKeyDictionary[Engine, _Memory] = WeakKeyDictionary()


def authenticate(engine: Engine, request: HttpRequest, *, keys_required: bool) -> Principal:
    """The principal who makes a request.

    Without `keys_required` (a server on the loopback address), a request without a key is the data
    folder's owner's. So is one with a text that cannot be one of ragkit's keys, as long as no key
    was made: clients of Google's API insist on sending some key. A key of ragkit's form is taken
    at its word always: a revoked key must not open more than it did.

    Arguments:
        engine: where the keys are kept.
        request: as it came.
        keys_required: whether a key must be given.

    Returns:
        The principal.

    Raises:
        InvalidArgument: the API key is not valid (ErrorInfo reason API_KEY_INVALID).
        Unauthenticated: the bearer token is not valid.
        PermissionDenied: there is no key where one is required.
        DataFolderError: the data folder cannot be used.
        StoreUnavailableError: the store cannot be read now.
    """
    key, is_token = _credential(request)
    if not key:
        if not keys_required:
            return OWNER
        begun = _upload_beginner(engine, request)
        if begun is not None:
            return begun
        raise PermissionDenied(
            "this service takes no requests without an API key: send one as the header "
            "x-goog-api-key; 'ragkit keys create' makes one",
            details=[_error_info("CREDENTIALS_MISSING")],
        )
    record = _find(engine, key)
    if record is not None and record.revoke_time is None:
        return Principal(record.email or None, frozenset(record.groups), record.is_owner)
    if not keys_required and not is_key(key) and not _any_keys(engine):
        return OWNER
    if is_token:
        raise Unauthenticated(
            "the access token is not valid: this service takes its own API keys as tokens",
            details=[_error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
        )
    raise InvalidArgument(
        "API key not valid. Please pass a valid API key.",
        details=[_error_info("API_KEY_INVALID")],
    )


def principal_of(engine: Engine, owner: str) -> Principal:
    """The principal to act as in work done later for the creator of something.

    Arguments:
        engine: where the keys are kept.
        owner: what `ragkit.service.access.owner_of` was for the creator.

    Returns:
        The data folder's owner for "", else the principal of the address, with the groups that its
        valid keys give it.
    """
    return Principal(owner, engine.store.keys.groups_of(owner)) if owner else OWNER


def _credential(request: HttpRequest) -> tuple[str, bool]:
    """The first credential that is given, "" if there is none, and whether it is a token."""
    headers = {name.lower(): value.strip() for name, value in request.headers.items()}
    parameters: dict[str, str] = {}
    for name, value in request.query:
        parameters.setdefault(name.removeprefix("$"), value.strip())
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    key = headers.get("x-goog-api-key") or parameters.get("key")
    if key:
        return key, False
    return bearer or parameters.get("access_token") or parameters.get("oauth_token") or "", True


def _upload_beginner(engine: Engine, request: HttpRequest) -> Principal | None:
    """Who began the upload that a request goes on with, None if it is about no upload.

    Clients send their key with an upload's first request only: its URL holds a secret of 256 bits,
    and who has that may go on. It opens nothing else: see `ragkit.service.uploads`.
    """
    upload_id = dict(request.query).get("upload_id", "")
    if not upload_id or request.path != MEDIA_UPLOAD.upload_path:
        return None
    try:
        return principal_of(engine, engine.store.get_upload(upload_id).file.owner)
    except RowNotFoundError:
        return None


def _find(engine: Engine, key: str) -> KeyRecord | None:
    memory = _memory(engine)
    digest = key_digest(key)
    now = time.monotonic()
    read, known = memory.keys.get(digest, (float("-inf"), None))
    if known is not None and now - read < FRESH_SECONDS:
        return known
    found = engine.store.keys.find(digest)
    if found is None:
        memory.keys.pop(digest, None)
        return None
    memory.keys[digest] = (now, found)
    if found.revoke_time is None:
        _mark_used(engine, found)
    return found


def _mark_used(engine: Engine, record: KeyRecord) -> None:
    used = record.last_used_time
    if used is not None and time.time_ns() // 1000 - used < _USED_MICROSECONDS:
        return
    try:
        engine.store.keys.mark_used(record.key)
    except EngineError as error:
        # Reading must go on where writing cannot: a full disk, a store locked for long.
        LOGGER.warning("cannot note that the key %s is used: %s", record.id, error)


def _any_keys(engine: Engine) -> bool:
    memory = _memory(engine)
    now = time.monotonic()
    read, known = memory.any_keys
    if now - read >= FRESH_SECONDS:
        known = engine.store.keys.any_valid()
        memory.any_keys = (now, known)
    return known


def _memory(engine: Engine) -> _Memory:
    return _memories.setdefault(engine, _Memory())


def _error_info(reason: str) -> dict[str, object]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
