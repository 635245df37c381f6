"""cachedContents.create, get, list, patch and delete, and their use in prompts."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from ragkit.api import limits, methods
from ragkit.api.cached_contents import (
    CachedContent,
    CachedContentUsageMetadata,
    CreateCachedContentRequest,
    DeleteCachedContentRequest,
    GetCachedContentRequest,
    ListCachedContentsRequest,
    ListCachedContentsResponse,
    UpdateCachedContentRequest,
)
from ragkit.api.common import Empty
from ragkit.api.errors import InvalidArgument, NotFound
from ragkit.api.generation import GenerateContentRequest
from ragkit.api.names import check_id
from ragkit.api.parsing import parse_leniently
from ragkit.engine.records import RowNotFoundError
from ragkit.engine.store.media_records import CachedContentRecord
from ragkit.service.access import may_see, owner_of
from ragkit.service.cached_tokens import count_cached_tokens
from ragkit.service.masks import masked_fields
from ragkit.service.naming import random_id
from ragkit.service.paging import page
from ragkit.service.policies import CACHED_CONTENTS_PAGE, DEFAULT_CACHE_SECONDS
from ragkit.service.registry import Context, handles
from ragkit.service.resources import to_datetime
from ragkit.service.values import check_text, missing

_EXPIRATION: Final = ("ttl", "expire_time")
_CACHED: Final = ("system_instruction", "contents", "tools", "tool_config")
_LATEST: Final = 253_402_300_799_000_000
"""The last whole second of the year 9999, the end of a Timestamp's range."""


@handles(methods.CACHED_CONTENTS_CREATE)
def create(context: Context, request: CreateCachedContentRequest) -> CachedContent:
    """Cache content for a model."""
    content = request.cached_content or CachedContent()
    where = "cachedContent"
    display_name = _checked_display_name(content.display_name or "", f"{where}.displayName")
    if not content.model:
        raise missing(f"{where}.model", "the model that the content is for")
    _resolved(context, content.model, f"{where}.model")
    if not content.contents and content.system_instruction is None and not content.tools:
        raise missing(f"{where}.contents", "contents, systemInstruction or tools to cache")
    expire_time = _expiry(content, where)
    cached = CachedContent(**{field: getattr(content, field) for field in _CACHED})
    record = context.engine.store.create_cached_content(
        random_id(),
        owner_of(context),
        display_name,
        content.model,
        cached.to_json().decode(),
        count_cached_tokens(context, cached, where),
        _now() + DEFAULT_CACHE_SECONDS * 1_000_000 if expire_time is None else expire_time,
    )
    return _resource(record)


@handles(methods.CACHED_CONTENTS_GET)
def get(context: Context, request: GetCachedContentRequest) -> CachedContent:
    """Return what is known of cached content; not what is cached."""
    return _resource(_found(context, _split(request.name, "name")))


@handles(methods.CACHED_CONTENTS_LIST)
def list_(context: Context, request: ListCachedContentsRequest) -> ListCachedContentsResponse:
    """Return a page of the caller's cached contents; the data folder's owner sees everybody's."""
    owner = None if context.principal.is_owner else owner_of(context)
    rows, token = page(
        partial(context.engine.store.list_cached_contents, owner=owner),
        request.page_size,
        CACHED_CONTENTS_PAGE,
        request.page_token,
        methods.CACHED_CONTENTS_LIST.id,
    )
    return ListCachedContentsResponse(
        cached_contents=[_resource(row) for row in rows], next_page_token=token
    )


@handles(methods.CACHED_CONTENTS_PATCH)
def patch(context: Context, request: UpdateCachedContentRequest) -> CachedContent:
    """Change when cached content expires."""
    content = request.cached_content or CachedContent()
    content_id = _split(content.name or "", "cachedContent.name")
    record = _found(context, content_id)
    if request.update_mask:
        for field in masked_fields(request.update_mask, _EXPIRATION):
            if "*" not in request.update_mask and getattr(content, field) is None:
                raise missing(f"cachedContent.{_CAMEL[field]}", "it is named in updateMask")
    else:
        _refuse_changes(content, record)
    expire_time = _expiry(content, "cachedContent")
    if expire_time is None:
        raise missing("cachedContent.ttl", "or expireTime; nothing else can be updated")
    return _resource(context.engine.store.update_cached_content(content_id, expire_time))


@handles(methods.CACHED_CONTENTS_DELETE)
def delete(context: Context, request: DeleteCachedContentRequest) -> Empty:
    """Delete cached content."""
    record = _found(context, _split(request.name, "name"))
    context.engine.store.delete_cached_content(record.id)
    return Empty()


def prepend_cached(context: Context, request: GenerateContentRequest) -> GenerateContentRequest:
    """The request with what it has cached before its own contents.

    Arguments:
        context: who makes the request.
        request: a request; without `cached_content` it is returned as it is.

    Returns:
        The whole prompt, which refers to no cached content any more.

    Raises:
        InvalidArgument: the content was cached for another model, or the request has a system
            instruction or tools of its own, which belong into the cached content.
        NotFound: there is no such cached content, or it has expired or is another's.
    """
    if not request.cached_content:
        return request
    for field in ("system_instruction", "tools", "tool_config"):
        if getattr(request, field):
            raise InvalidArgument(
                f"{_CAMEL[field]}: not together with cachedContent; put it into the cached content",
                field=_CAMEL[field],
            )
    content_id = _split(request.cached_content, "cachedContent")
    try:
        record, text = context.engine.store.read_cached_content(content_id)
    except RowNotFoundError:
        raise _absent(content_id) from None
    if not may_see(context, record.owner):
        raise _absent(content_id)
    if _resolved(context, record.model) != _resolved(context, request.model):
        raise InvalidArgument(
            f"model: cachedContents/{content_id} is for {record.model}, not for "
            f"{request.model[:200]}",
            field="model",
        )
    cached = parse_leniently(CachedContent, text.encode())
    return request.model_copy(
        update={
            "cached_content": None,
            "system_instruction": cached.system_instruction,
            "tools": cached.tools,
            "tool_config": cached.tool_config,
            "contents": [*cached.contents, *request.contents],
        }
    )


def _found(context: Context, content_id: str) -> CachedContentRecord:
    record = context.engine.store.get_cached_content(content_id)
    if not may_see(context, record.owner):
        name = f"cachedContents/{content_id}"
        raise RowNotFoundError(name, f"{name} does not exist")
    return record


def _absent(content_id: str) -> NotFound:
    return NotFound(
        f"cachedContent: cachedContents/{content_id} does not exist, or has expired; create it "
        "again",
        resource=f"cachedContents/{content_id}",
    )


def _resolved(context: Context, model: str, field: str = "model") -> str:
    """The model that a name stands for, as one name. Tuned models stand for themselves."""
    from ragkit.service.model_catalog import find_model

    collection, _, model_id = model.partition("/")
    if collection == "tunedModels":
        context.engine.store.get_tuned_model(check_id(model_id, field))
        return model
    return f"models/{find_model(context.engine, model, 'generateContent', field).id}"


def _refuse_changes(content: CachedContent, record: CachedContentRecord) -> None:
    """Without a mask, what is sent must leave all but the expiration as it is."""
    fixed = {"display_name": record.display_name, "model": record.model}
    for field in (*fixed, *_CACHED):
        sent = getattr(content, field)
        if sent and sent != fixed.get(field):
            raise InvalidArgument(
                f"cachedContent.{_CAMEL[field]}: cannot be updated; only ttl and expireTime can",
                field=f"cachedContent.{_CAMEL[field]}",
            )


def _expiry(content: CachedContent, where: str) -> int | None:
    """When content is to expire, in microseconds; None if it does not say."""
    now = _now()
    if content.ttl is not None:
        if content.ttl <= timedelta(0):
            raise InvalidArgument(f"{where}.ttl: must be positive", field=f"{where}.ttl")
        field, time_ = "ttl", now + content.ttl // timedelta(microseconds=1)
    elif content.expire_time is not None:
        field, time_ = "expireTime", _microseconds(content.expire_time)
        if time_ <= now:
            raise InvalidArgument(
                f"{where}.expireTime: is in the past", field=f"{where}.expireTime"
            )
    else:
        return None
    if time_ > _LATEST:
        raise InvalidArgument(f"{where}.{field}: beyond the year 9999", field=f"{where}.{field}")
    return time_


def _checked_display_name(name: str, field: str) -> str:
    most = limits.MAX_CACHED_CONTENT_DISPLAY_NAME_LENGTH
    if len(name) > most:
        raise InvalidArgument(
            f"{field}: {len(name)} characters, at most {most} are allowed", field=field
        )
    return check_text(name, field)


def _resource(record: CachedContentRecord) -> CachedContent:
    return CachedContent(
        name=f"cachedContents/{record.id}",
        display_name=record.display_name or None,
        model=record.model,
        create_time=to_datetime(record.create_time),
        update_time=to_datetime(record.update_time),
        expire_time=to_datetime(record.expire_time),
        usage_metadata=CachedContentUsageMetadata(total_token_count=record.token_count),
    )


def _split(name: str, field: str) -> str:
    """The id in `cachedContents/*`. Raises InvalidArgument for any other form."""
    collection, _, content_id = name.partition("/")
    if collection != "cachedContents":
        raise InvalidArgument(
            f"{field}: {name[:200]!r} is not of the form cachedContents/*", field=field
        )
    return check_id(content_id, field)


def _now() -> int:
    return time.time_ns() // 1000


def _microseconds(moment: datetime) -> int:
    return (moment - to_datetime(0)) // timedelta(microseconds=1)


_CAMEL: Final = {
    "ttl": "ttl",
    "expire_time": "expireTime",
    "display_name": "displayName",
    "model": "model",
    "system_instruction": "systemInstruction",
    "contents": "contents",
    "tools": "tools",
    "tool_config": "toolConfig",
}
