"""Cached contents: the beginning of a prompt, processed once and used many times."""

from __future__ import annotations

from typing import ClassVar

from ragkit.api.base import Duration, FieldMask, Int32, OneofModel, ProtoModel, Timestamp
from ragkit.api.content import Content
from ragkit.api.tools import Tool, ToolConfig


class CachedContentUsageMetadata(ProtoModel):
    """The tokens of cached content. Called `CachedContent.UsageMetadata` in the protos."""

    total_token_count: Int32 = 0


class CachedContent(OneofModel):
    """Content that a model has processed, for use with that model only.

    `model` is required. All but the expiry is fixed on create; `contents`, `tools`, `tool_config`
    and `system_instruction` (text only) never come back. The expiry is given as `expire_time` or
    `ttl` and comes back as `expire_time`. `display_name` has at most 128 characters; `name`,
    `cachedContents/ID`, is given by the server.
    """

    ONEOFS: ClassVar = {"expiration": ("expire_time", "ttl")}

    name: str | None = None
    display_name: str | None = None
    model: str | None = None
    system_instruction: Content | None = None
    contents: list[Content] = []
    tools: list[Tool] = []
    tool_config: ToolConfig | None = None
    create_time: Timestamp | None = None
    update_time: Timestamp | None = None
    usage_metadata: CachedContentUsageMetadata | None = None
    expire_time: Timestamp | None = None
    ttl: Duration | None = None


class CreateCachedContentRequest(ProtoModel):
    """cachedContents.create."""

    cached_content: CachedContent | None = None


class GetCachedContentRequest(ProtoModel):
    """cachedContents.get."""

    name: str = ""


class UpdateCachedContentRequest(ProtoModel):
    """cachedContents.patch: only the expiry can change; the mask may be left out."""

    cached_content: CachedContent | None = None
    update_mask: FieldMask = ()


class DeleteCachedContentRequest(ProtoModel):
    """cachedContents.delete."""

    name: str = ""


class ListCachedContentsRequest(ProtoModel):
    """cachedContents.list: at most 1,000 to a page."""

    page_size: Int32 = 0
    page_token: str = ""


class ListCachedContentsResponse(ProtoModel):
    """A page of cached contents, without what was cached."""

    cached_contents: list[CachedContent] = []
    next_page_token: str = ""
