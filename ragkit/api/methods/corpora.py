"""Corpora and their permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ragkit.api.wire import Method

if TYPE_CHECKING:
    from ragkit.api.common import Empty
    from ragkit.api.corpora import (
        Corpus,
        CreateCorpusRequest,
        DeleteCorpusRequest,
        GetCorpusRequest,
        ListCorporaRequest,
        ListCorporaResponse,
        QueryCorpusRequest,
        QueryCorpusResponse,
        UpdateCorpusRequest,
    )
    from ragkit.api.permissions import (
        CreatePermissionRequest,
        DeletePermissionRequest,
        GetPermissionRequest,
        ListPermissionsRequest,
        ListPermissionsResponse,
        Permission,
        UpdatePermissionRequest,
    )

CORPORA_CREATE: Final[Method[CreateCorpusRequest, Corpus]] = Method(
    "corpora.create",
    "POST",
    "/v1beta/corpora",
    "corpora.CreateCorpusRequest",
    "corpora.Corpus",
    body="corpus",
    google="deprecated",
)

CORPORA_GET: Final[Method[GetCorpusRequest, Corpus]] = Method(
    "corpora.get",
    "GET",
    "/v1beta/{name=corpora/*}",
    "corpora.GetCorpusRequest",
    "corpora.Corpus",
    google="deprecated",
    safe=True,
)

CORPORA_PATCH: Final[Method[UpdateCorpusRequest, Corpus]] = Method(
    "corpora.patch",
    "PATCH",
    "/v1beta/{corpus.name=corpora/*}",
    "corpora.UpdateCorpusRequest",
    "corpora.Corpus",
    body="corpus",
    google="closed",
    safe=True,
)

CORPORA_DELETE: Final[Method[DeleteCorpusRequest, Empty]] = Method(
    "corpora.delete",
    "DELETE",
    "/v1beta/{name=corpora/*}",
    "corpora.DeleteCorpusRequest",
    "common.Empty",
    google="deprecated",
)

CORPORA_LIST: Final[Method[ListCorporaRequest, ListCorporaResponse]] = Method(
    "corpora.list",
    "GET",
    "/v1beta/corpora",
    "corpora.ListCorporaRequest",
    "corpora.ListCorporaResponse",
    google="deprecated",
    safe=True,
)

CORPORA_QUERY: Final[Method[QueryCorpusRequest, QueryCorpusResponse]] = Method(
    "corpora.query",
    "POST",
    "/v1beta/{name=corpora/*}:query",
    "corpora.QueryCorpusRequest",
    "corpora.QueryCorpusResponse",
    body="*",
    google="closed",
    safe=True,
)

CORPORA_PERMISSIONS_CREATE: Final[Method[CreatePermissionRequest, Permission]] = Method(
    "corpora.permissions.create",
    "POST",
    "/v1beta/{parent=corpora/*}/permissions",
    "permissions.CreatePermissionRequest",
    "permissions.Permission",
    body="permission",
)

CORPORA_PERMISSIONS_GET: Final[Method[GetPermissionRequest, Permission]] = Method(
    "corpora.permissions.get",
    "GET",
    "/v1beta/{name=corpora/*/permissions/*}",
    "permissions.GetPermissionRequest",
    "permissions.Permission",
    safe=True,
)

CORPORA_PERMISSIONS_PATCH: Final[Method[UpdatePermissionRequest, Permission]] = Method(
    "corpora.permissions.patch",
    "PATCH",
    "/v1beta/{permission.name=corpora/*/permissions/*}",
    "permissions.UpdatePermissionRequest",
    "permissions.Permission",
    body="permission",
    safe=True,
)

CORPORA_PERMISSIONS_DELETE: Final[Method[DeletePermissionRequest, Empty]] = Method(
    "corpora.permissions.delete",
    "DELETE",
    "/v1beta/{name=corpora/*/permissions/*}",
    "permissions.DeletePermissionRequest",
    "common.Empty",
)

CORPORA_PERMISSIONS_LIST: Final[Method[ListPermissionsRequest, ListPermissionsResponse]] = Method(
    "corpora.permissions.list",
    "GET",
    "/v1beta/{parent=corpora/*}/permissions",
    "permissions.ListPermissionsRequest",
    "permissions.ListPermissionsResponse",
    safe=True,
)
