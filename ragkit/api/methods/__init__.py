"""Every method of the API, declared once.

The client's functions, the service's handlers and routes, the in-process transport and the method
table in the documentation all derive from these declarations. Source: Google's v1beta protos
(`google.api.http` annotations) as published in the PyPI package google-ai-generativelanguage, and
for batches and operations the server's own description; a conformance test compares them.

Importing the declarations imports no messages (see `Method`).
"""

from __future__ import annotations

from typing import Any, Final

from ragkit.api.methods.batches import BATCHES_CANCEL as BATCHES_CANCEL
from ragkit.api.methods.batches import BATCHES_DELETE as BATCHES_DELETE
from ragkit.api.methods.batches import BATCHES_GET as BATCHES_GET
from ragkit.api.methods.batches import BATCHES_LIST as BATCHES_LIST
from ragkit.api.methods.corpora import CORPORA_CREATE as CORPORA_CREATE
from ragkit.api.methods.corpora import CORPORA_DELETE as CORPORA_DELETE
from ragkit.api.methods.corpora import CORPORA_GET as CORPORA_GET
from ragkit.api.methods.corpora import CORPORA_LIST as CORPORA_LIST
from ragkit.api.methods.corpora import CORPORA_PATCH as CORPORA_PATCH
from ragkit.api.methods.corpora import CORPORA_PERMISSIONS_CREATE as CORPORA_PERMISSIONS_CREATE
from ragkit.api.methods.corpora import CORPORA_PERMISSIONS_DELETE as CORPORA_PERMISSIONS_DELETE
from ragkit.api.methods.corpora import CORPORA_PERMISSIONS_GET as CORPORA_PERMISSIONS_GET
from ragkit.api.methods.corpora import CORPORA_PERMISSIONS_LIST as CORPORA_PERMISSIONS_LIST
from ragkit.api.methods.corpora import CORPORA_PERMISSIONS_PATCH as CORPORA_PERMISSIONS_PATCH
from ragkit.api.methods.corpora import CORPORA_QUERY as CORPORA_QUERY
from ragkit.api.methods.documents import CHUNKS_BATCH_CREATE as CHUNKS_BATCH_CREATE
from ragkit.api.methods.documents import CHUNKS_BATCH_DELETE as CHUNKS_BATCH_DELETE
from ragkit.api.methods.documents import CHUNKS_BATCH_UPDATE as CHUNKS_BATCH_UPDATE
from ragkit.api.methods.documents import CHUNKS_CREATE as CHUNKS_CREATE
from ragkit.api.methods.documents import CHUNKS_DELETE as CHUNKS_DELETE
from ragkit.api.methods.documents import CHUNKS_GET as CHUNKS_GET
from ragkit.api.methods.documents import CHUNKS_LIST as CHUNKS_LIST
from ragkit.api.methods.documents import CHUNKS_PATCH as CHUNKS_PATCH
from ragkit.api.methods.documents import DOCUMENTS_CREATE as DOCUMENTS_CREATE
from ragkit.api.methods.documents import DOCUMENTS_DELETE as DOCUMENTS_DELETE
from ragkit.api.methods.documents import DOCUMENTS_GET as DOCUMENTS_GET
from ragkit.api.methods.documents import DOCUMENTS_LIST as DOCUMENTS_LIST
from ragkit.api.methods.documents import DOCUMENTS_PATCH as DOCUMENTS_PATCH
from ragkit.api.methods.documents import DOCUMENTS_QUERY as DOCUMENTS_QUERY
from ragkit.api.methods.legacy import MODELS_BATCH_EMBED_TEXT as MODELS_BATCH_EMBED_TEXT
from ragkit.api.methods.legacy import MODELS_COUNT_MESSAGE_TOKENS as MODELS_COUNT_MESSAGE_TOKENS
from ragkit.api.methods.legacy import MODELS_COUNT_TEXT_TOKENS as MODELS_COUNT_TEXT_TOKENS
from ragkit.api.methods.legacy import MODELS_EMBED_TEXT as MODELS_EMBED_TEXT
from ragkit.api.methods.legacy import MODELS_GENERATE_MESSAGE as MODELS_GENERATE_MESSAGE
from ragkit.api.methods.legacy import MODELS_GENERATE_TEXT as MODELS_GENERATE_TEXT
from ragkit.api.methods.media import CACHED_CONTENTS_CREATE as CACHED_CONTENTS_CREATE
from ragkit.api.methods.media import CACHED_CONTENTS_DELETE as CACHED_CONTENTS_DELETE
from ragkit.api.methods.media import CACHED_CONTENTS_GET as CACHED_CONTENTS_GET
from ragkit.api.methods.media import CACHED_CONTENTS_LIST as CACHED_CONTENTS_LIST
from ragkit.api.methods.media import CACHED_CONTENTS_PATCH as CACHED_CONTENTS_PATCH
from ragkit.api.methods.media import FILES_DELETE as FILES_DELETE
from ragkit.api.methods.media import FILES_GET as FILES_GET
from ragkit.api.methods.media import FILES_LIST as FILES_LIST
from ragkit.api.methods.media import MEDIA_UPLOAD as MEDIA_UPLOAD
from ragkit.api.methods.models import (
    MODELS_ASYNC_BATCH_EMBED_CONTENT as MODELS_ASYNC_BATCH_EMBED_CONTENT,
)
from ragkit.api.methods.models import MODELS_BATCH_EMBED_CONTENTS as MODELS_BATCH_EMBED_CONTENTS
from ragkit.api.methods.models import MODELS_BATCH_GENERATE_CONTENT as MODELS_BATCH_GENERATE_CONTENT
from ragkit.api.methods.models import MODELS_COUNT_TOKENS as MODELS_COUNT_TOKENS
from ragkit.api.methods.models import MODELS_EMBED_CONTENT as MODELS_EMBED_CONTENT
from ragkit.api.methods.models import MODELS_GENERATE_ANSWER as MODELS_GENERATE_ANSWER
from ragkit.api.methods.models import MODELS_GENERATE_CONTENT as MODELS_GENERATE_CONTENT
from ragkit.api.methods.models import MODELS_GET as MODELS_GET
from ragkit.api.methods.models import MODELS_LIST as MODELS_LIST
from ragkit.api.methods.models import (
    MODELS_STREAM_GENERATE_CONTENT as MODELS_STREAM_GENERATE_CONTENT,
)
from ragkit.api.methods.tuned_models import TUNED_MODELS_CREATE as TUNED_MODELS_CREATE
from ragkit.api.methods.tuned_models import TUNED_MODELS_DELETE as TUNED_MODELS_DELETE
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_GENERATE_CONTENT as TUNED_MODELS_GENERATE_CONTENT,
)
from ragkit.api.methods.tuned_models import TUNED_MODELS_GENERATE_TEXT as TUNED_MODELS_GENERATE_TEXT
from ragkit.api.methods.tuned_models import TUNED_MODELS_GET as TUNED_MODELS_GET
from ragkit.api.methods.tuned_models import TUNED_MODELS_LIST as TUNED_MODELS_LIST
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_OPERATIONS_GET as TUNED_MODELS_OPERATIONS_GET,
)
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_OPERATIONS_LIST as TUNED_MODELS_OPERATIONS_LIST,
)
from ragkit.api.methods.tuned_models import TUNED_MODELS_PATCH as TUNED_MODELS_PATCH
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_PERMISSIONS_CREATE as TUNED_MODELS_PERMISSIONS_CREATE,
)
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_PERMISSIONS_DELETE as TUNED_MODELS_PERMISSIONS_DELETE,
)
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_PERMISSIONS_GET as TUNED_MODELS_PERMISSIONS_GET,
)
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_PERMISSIONS_LIST as TUNED_MODELS_PERMISSIONS_LIST,
)
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_PERMISSIONS_PATCH as TUNED_MODELS_PERMISSIONS_PATCH,
)
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_STREAM_GENERATE_CONTENT as TUNED_MODELS_STREAM_GENERATE_CONTENT,
)
from ragkit.api.methods.tuned_models import (
    TUNED_MODELS_TRANSFER_OWNERSHIP as TUNED_MODELS_TRANSFER_OWNERSHIP,
)
from ragkit.api.wire import Method

METHODS: Final[dict[str, Method[Any, Any]]] = {
    declared.id: declared for declared in list(globals().values()) if isinstance(declared, Method)
}
"""All methods by id, family by family."""
