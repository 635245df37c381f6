"""Files, and cached contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ragkit.api.wire import Method

if TYPE_CHECKING:
    from ragkit.api.cached_contents import (
        CachedContent,
        CreateCachedContentRequest,
        DeleteCachedContentRequest,
        GetCachedContentRequest,
        ListCachedContentsRequest,
        ListCachedContentsResponse,
        UpdateCachedContentRequest,
    )
    from ragkit.api.common import Empty
    from ragkit.api.files import (
        CreateFileRequest,
        CreateFileResponse,
        DeleteFileRequest,
        File,
        GetFileRequest,
        ListFilesRequest,
        ListFilesResponse,
    )

FILES_GET: Final[Method[GetFileRequest, File]] = Method(
    "files.get",
    "GET",
    "/v1beta/{name=files/*}",
    "files.GetFileRequest",
    "files.File",
    safe=True,
)

FILES_DELETE: Final[Method[DeleteFileRequest, Empty]] = Method(
    "files.delete",
    "DELETE",
    "/v1beta/{name=files/*}",
    "files.DeleteFileRequest",
    "common.Empty",
)

FILES_LIST: Final[Method[ListFilesRequest, ListFilesResponse]] = Method(
    "files.list",
    "GET",
    "/v1beta/files",
    "files.ListFilesRequest",
    "files.ListFilesResponse",
    safe=True,
)

MEDIA_UPLOAD: Final[Method[CreateFileRequest, CreateFileResponse]] = Method(
    "media.upload",
    "POST",
    "/v1beta/files",
    "files.CreateFileRequest",
    "files.CreateFileResponse",
    body="*",
    upload=True,
)

CACHED_CONTENTS_CREATE: Final[Method[CreateCachedContentRequest, CachedContent]] = Method(
    "cachedContents.create",
    "POST",
    "/v1beta/cachedContents",
    "cached_contents.CreateCachedContentRequest",
    "cached_contents.CachedContent",
    body="cached_content",
)

CACHED_CONTENTS_GET: Final[Method[GetCachedContentRequest, CachedContent]] = Method(
    "cachedContents.get",
    "GET",
    "/v1beta/{name=cachedContents/*}",
    "cached_contents.GetCachedContentRequest",
    "cached_contents.CachedContent",
    safe=True,
)

CACHED_CONTENTS_PATCH: Final[Method[UpdateCachedContentRequest, CachedContent]] = Method(
    "cachedContents.patch",
    "PATCH",
    "/v1beta/{cached_content.name=cachedContents/*}",
    "cached_contents.UpdateCachedContentRequest",
    "cached_contents.CachedContent",
    body="cached_content",
    safe=True,
)

CACHED_CONTENTS_DELETE: Final[Method[DeleteCachedContentRequest, Empty]] = Method(
    "cachedContents.delete",
    "DELETE",
    "/v1beta/{name=cachedContents/*}",
    "cached_contents.DeleteCachedContentRequest",
    "common.Empty",
)

CACHED_CONTENTS_LIST: Final[Method[ListCachedContentsRequest, ListCachedContentsResponse]] = Method(
    "cachedContents.list",
    "GET",
    "/v1beta/cachedContents",
    "cached_contents.ListCachedContentsRequest",
    "cached_contents.ListCachedContentsResponse",
    safe=True,
)
