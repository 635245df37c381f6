"""Resource names: what is a legal id, and how names are built and taken apart."""

from __future__ import annotations

import re

from ragkit.api.errors import InvalidArgument
from ragkit.api.limits import MAX_ID_LENGTH

_ID = re.compile(rf"[a-z0-9](?:[a-z0-9-]{{0,{MAX_ID_LENGTH - 2}}}[a-z0-9])?")
_TUNED_MODEL_ID = re.compile(rf"[a-z](?:[a-z0-9-]{{0,{MAX_ID_LENGTH - 2}}}[a-z0-9])?")
_MODEL_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
ID_RULE = (
    f"an id has 1 to {MAX_ID_LENGTH} characters, lowercase letters a-z, digits and dashes, "
    "and neither starts nor ends with a dash"
)


def check_id(resource_id: str, field: str) -> str:
    """Return the id of a corpus, document or chunk as it is.

    Raises:
        InvalidArgument: it breaks the API's rule; the message names `field` and the rule.
    """
    if not _ID.fullmatch(resource_id):
        shown = resource_id if len(resource_id) <= 80 else resource_id[:77] + "..."
        raise InvalidArgument(f"{field}: {shown!r} is not a legal id: {ID_RULE}", field=field)
    return resource_id


def corpus_name(corpus: str) -> str:
    """The full name for a corpus' id or name: "library" -> "corpora/library"."""
    return corpus if corpus.startswith("corpora/") else f"corpora/{corpus}"


def document_name(document: str, corpus: str | None = None) -> str:
    """The full name of a document, from its name, "corpus/document", or an id and its corpus."""
    if document.startswith("corpora/"):
        return document
    if corpus is not None and "/" not in document:
        return f"{corpus_name(corpus)}/documents/{document}"
    corpus_id, slash, document_id = document.partition("/")
    if slash and "/" not in document_id:
        return f"corpora/{corpus_id}/documents/{document_id}"
    raise InvalidArgument(
        f"{document!r} does not name a document: write corpora/CORPUS/documents/DOCUMENT "
        "or CORPUS/DOCUMENT",
        field="name",
    )


def chunk_name(chunk: str, document: str | None = None) -> str:
    """The full name of a chunk, from its name, "corpus/document/chunk", or an id and its parent."""
    if chunk.startswith("corpora/"):
        return chunk
    if document is not None and "/" not in chunk:
        return f"{document_name(document)}/chunks/{chunk}"
    parts = chunk.split("/")
    if len(parts) == 3:
        return f"corpora/{parts[0]}/documents/{parts[1]}/chunks/{parts[2]}"
    raise InvalidArgument(
        f"{chunk!r} does not name a chunk: write corpora/CORPUS/documents/DOCUMENT/chunks/CHUNK "
        "or CORPUS/DOCUMENT/CHUNK",
        field="name",
    )


def model_name(model: str) -> str:
    """The full name for a model's id or name: "aqa" -> "models/aqa"."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def tuned_model_name(model: str) -> str:
    """The full name for a tuned model's id or name: "mine" -> "tunedModels/mine"."""
    return _in_collection("tunedModels", model)


def file_name(file: str) -> str:
    """The full name for a file's id or name: "abc" -> "files/abc"."""
    return _in_collection("files", file)


def cached_content_name(cached_content: str) -> str:
    """The full name for a cached content's id or name: "abc" -> "cachedContents/abc"."""
    return _in_collection("cachedContents", cached_content)


def batch_name(batch: str) -> str:
    """The full name for a batch's id or name: "abc" -> "batches/abc"."""
    return _in_collection("batches", batch)


def permission_name(permission: str, parent: str | None = None) -> str:
    """The full name of a permission, from its name, or an id and the corpus or tuned model.

    Raises:
        InvalidArgument: neither tells whose permission it is.
    """
    return _within(permission, parent, "permissions")


def operation_name(operation: str, parent: str | None = None) -> str:
    """The full name of an operation, from its name, or an id and the tuned model.

    Raises:
        InvalidArgument: neither tells whose operation it is.
    """
    return _within(operation, parent, "operations")


def check_tuned_model_id(model_id: str, field: str = "tunedModelId") -> str:
    """Return the id of a tuned model to create as it is.

    Raises:
        InvalidArgument: it breaks the API's rule; the message names `field` and the rule.
    """
    if not _TUNED_MODEL_ID.fullmatch(model_id):
        raise InvalidArgument(
            f"{field}: {model_id[:80]!r} is not a legal id: {ID_RULE}; that of a tuned model "
            "begins with a letter",
            field=field,
        )
    return model_id


def _in_collection(collection: str, name: str) -> str:
    return name if name.startswith(f"{collection}/") else f"{collection}/{name}"


def _within(name: str, parent: str | None, collection: str) -> str:
    if f"/{collection}/" in name:
        return name
    if parent is None or not parent.startswith(("corpora/", "tunedModels/")):
        raise InvalidArgument(
            f"{name!r} does not say what it belongs to: write its full name, which ends with "
            f"/{collection}/ID, or give the id and its parent's name",
            field="name",
        )
    return f"{parent}/{collection}/{name}"


def _split(name: str, collections: tuple[str, ...], field: str) -> tuple[str, ...]:
    segments = name.split("/")
    if len(segments) != 2 * len(collections) or tuple(segments[::2]) != collections:
        pattern = "/".join(f"{collection}/*" for collection in collections)
        shown = name if len(name) <= 200 else name[:197] + "..."
        raise InvalidArgument(f"{field}: {shown!r} is not of the form {pattern}", field=field)
    return tuple(check_id(segment, field) for segment in segments[1::2])


def split_corpus(name: str, field: str = "name") -> str:
    """The id in `corpora/*`. Raises InvalidArgument for any other form."""
    return _split(name, ("corpora",), field)[0]


def split_document(name: str, field: str = "name") -> tuple[str, str]:
    """The ids in `corpora/*/documents/*`. Raises InvalidArgument for any other form."""
    corpus, document = _split(name, ("corpora", "documents"), field)
    return corpus, document


def split_chunk(name: str, field: str = "name") -> tuple[str, str, str]:
    """The ids in `corpora/*/documents/*/chunks/*`. Raises InvalidArgument for any other form."""
    corpus, document, chunk = _split(name, ("corpora", "documents", "chunks"), field)
    return corpus, document, chunk


def split_permission(name: str, field: str = "name") -> tuple[str, str]:
    """The parent's name and the id in `corpora/*/permissions/*` or `tunedModels/*/permissions/*`.

    Raises:
        InvalidArgument: the name is of any other form.
    """
    collection = "tunedModels" if name.startswith("tunedModels/") else "corpora"
    parent, permission = _split(name, (collection, "permissions"), field)
    return f"{collection}/{parent}", permission


def split_model(name: str, field: str = "model") -> str:
    """The id in `models/*`. Raises InvalidArgument for any other form."""
    collection, slash, model = name.partition("/")
    if collection != "models" or not slash or not _MODEL_ID.fullmatch(model):
        raise InvalidArgument(f"{field}: {name[:200]!r} is not of the form models/*", field=field)
    return model
