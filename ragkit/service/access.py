"""Access: which role each method takes, and whether a caller has it.

Every request of a principal other than the data folder's owner passes `check` before its handler
runs. A corpus or tuned model on which the caller has no role is answered exactly as one that does
not exist, by the same lookup and before anything else of the request is looked at; one that the
caller may see but not change answers 403 PERMISSION_DENIED.

Files, cached contents and batches have no permissions: they are their creator's alone. Their
handlers keep `owner_of` with what they make and ask `may_see`. Lists leave out what the caller may
not see, in the query, so that pages stay whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from ragkit.api.base import camel_path
from ragkit.api.errors import InvalidArgument, PermissionDenied
from ragkit.api.names import check_id
from ragkit.api.wire import Method
from ragkit.engine.access import Role
from ragkit.engine.records import RowNotFoundError
from ragkit.service.registry import Context

_SHARED = ("corpora", "tunedModels")
_MAY = {Role.READER: "used", Role.WRITER: "changed or shared", Role.OWNER: "deleted or given away"}

Named = Iterable[tuple[str, str]]
"""Resource names, and the request's field that holds each."""


def _nothing(_request: Any) -> Named:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """What a method asks of its caller.

    Attributes:
        role: the role on the corpus or tuned model that the path names; None if the method is on
            none of them.
        reads: what else of that kind the request names, on which READER is needed.
    """

    role: Role | None = None
    reads: Callable[[Any], Named] = _nothing


def check(context: Context, method: Method[Any, Any], request: Any) -> None:
    """Refuse a request that its caller may not make.

    Arguments:
        context: who calls.
        method: the method called.
        request: its request message.

    Raises:
        RowNotFoundError: the corpus or tuned model does not exist or is not to be seen.
        PermissionDenied: the caller's role on it does not suffice.
        InvalidArgument: the request names what cannot be one.
    """
    if context.principal.is_owner:
        return
    rule = RULES[method.id]
    if rule.role is not None:
        require(context, method.resource_of(request), rule.role, camel_path(method.variable))
    for name, field in rule.reads(request):
        require(context, name, Role.READER, field)


def require(
    context: Context, resource_name: str, role: Role = Role.READER, field: str = "name"
) -> None:
    """Refuse a caller who does not have a role on a corpus or tuned model.

    Arguments:
        context: who calls.
        resource_name: a corpus, a tuned model, or anything within one: `corpora/C/documents/D`.
        role: what is needed.
        field: where the name stands in the request.

    Raises:
        RowNotFoundError: it does not exist or is not to be seen.
        PermissionDenied: the caller's role on it does not suffice.
        InvalidArgument: the name is not one of a corpus or tuned model.
    """
    if context.principal.is_owner:
        return
    resource = _shared_resource(resource_name, field)
    held = context.engine.store.permissions.role_on(resource, context.principal.grantees)
    if held is None:
        raise RowNotFoundError(resource, f"{resource} does not exist")
    if not held.includes(role):
        raise PermissionDenied(
            f"{resource} can be {_MAY[role]} with the role {role.name}, and you are "
            f"{held.name} of it; ask its owner",
            resource=resource,
        )


def owner_of(context: Context) -> str:
    """What to keep as the owner of what the caller makes: its e-mail address.

    The data folder's owner is "", unless a key gives it an address.
    """
    return context.principal.email or ""


def may_see(context: Context, owner: str) -> bool:
    """Whether the caller may see and change what belongs to its creator alone.

    Arguments:
        context: who calls.
        owner: what `owner_of` was for its creator.
    """
    principal = context.principal
    return principal.is_owner or (bool(owner) and owner == principal.email)


def readers(context: Context) -> tuple[str, ...] | None:
    """For lists: the grantees whose permissions the caller has; None if it may see all."""
    return None if context.principal.is_owner else context.principal.grantees


def _shared_resource(name: str, field: str) -> str:
    """The corpus or tuned model that a resource is, or is within."""
    collection, *ids = name.split("/")
    if collection not in _SHARED or not ids:
        raise InvalidArgument(
            f"{field}: {name[:200]!r} names neither a corpus nor a tuned model", field=field
        )
    return f"{collection}/{check_id(ids[0], field)}"


def _answer_source(request: Any) -> Named:
    """What an answer is retrieved from; an empty name is refused by the handler."""
    config = request.semantic_retriever
    if config is not None and config.source:
        yield config.source, "semanticRetriever.source"


def _tuned_from(request: Any) -> Named:
    """The tuned model that another one starts from."""
    model = request.tuned_model
    if model is not None and model.tuned_model_source is not None:
        yield from _tuned(
            model.tuned_model_source.tuned_model, "tunedModel.tunedModelSource.tunedModel"
        )


def _counted_for(request: Any) -> Named:
    """The model that tokens are counted for, which a request within the request names."""
    inner = request.generate_content_request
    if inner is not None:
        yield from _tuned(inner.model, "generateContentRequest.model")


def _batch_models(request: Any) -> Named:
    """The models that the requests of a batch name, those of a file excepted.

    Whoever carries out the requests of a file asks `require` for each.
    """
    config = request.batch.input_config if request.batch is not None else None
    if config is None or config.requests is None:
        return
    for number, inlined in enumerate(config.requests.requests):
        if inlined.request is not None:
            field = f"batch.inputConfig.requests.requests[{number}].request.model"
            yield from _tuned(inlined.request.model, field)


def _cached_for(request: Any) -> Named:
    """The model that contents are cached for."""
    if request.cached_content is not None:
        yield from _tuned(request.cached_content.model or "", "cachedContent.model")


def _tuned(name: str, field: str) -> Named:
    if name.startswith("tunedModels/"):
        yield name, field


ANYONE: Final = Rule()
"""Every principal may call it: it is on no one's resource."""
LISTED: Final = Rule()
"""Every principal may call it, and the handler leaves out what is not to be seen."""
CREATOR: Final = Rule()
"""The handler compares the resource's owner with the caller: see `may_see`."""
USE: Final = Rule(Role.READER)
CHANGE: Final = Rule(Role.WRITER)
OWN: Final = Rule(Role.OWNER)

RULES: Final[dict[str, Rule]] = {
    "corpora.create": ANYONE,
    "corpora.get": USE,
    "corpora.patch": CHANGE,
    "corpora.delete": OWN,
    "corpora.list": LISTED,
    "corpora.query": USE,
    "corpora.permissions.create": CHANGE,
    "corpora.permissions.get": USE,
    "corpora.permissions.patch": CHANGE,
    "corpora.permissions.delete": CHANGE,
    "corpora.permissions.list": USE,
    "corpora.documents.create": CHANGE,
    "corpora.documents.get": USE,
    "corpora.documents.patch": CHANGE,
    "corpora.documents.delete": CHANGE,
    "corpora.documents.list": USE,
    "corpora.documents.query": USE,
    "corpora.documents.chunks.create": CHANGE,
    "corpora.documents.chunks.get": USE,
    "corpora.documents.chunks.patch": CHANGE,
    "corpora.documents.chunks.delete": CHANGE,
    "corpora.documents.chunks.list": USE,
    "corpora.documents.chunks.batchCreate": CHANGE,
    "corpora.documents.chunks.batchUpdate": CHANGE,
    "corpora.documents.chunks.batchDelete": CHANGE,
    "models.get": ANYONE,
    "models.list": ANYONE,
    "models.embedContent": ANYONE,
    "models.batchEmbedContents": ANYONE,
    "models.countTokens": Rule(reads=_counted_for),
    "models.generateAnswer": Rule(reads=_answer_source),
    "models.generateContent": ANYONE,
    "models.streamGenerateContent": ANYONE,
    "models.batchGenerateContent": Rule(reads=_batch_models),
    "models.asyncBatchEmbedContent": Rule(reads=_batch_models),
    "models.embedText": ANYONE,
    "models.batchEmbedText": ANYONE,
    "models.countTextTokens": ANYONE,
    "models.countMessageTokens": ANYONE,
    "models.generateText": ANYONE,
    "models.generateMessage": ANYONE,
    "media.upload": ANYONE,
    "files.get": CREATOR,
    "files.delete": CREATOR,
    "files.list": LISTED,
    "cachedContents.create": Rule(reads=_cached_for),
    "cachedContents.get": CREATOR,
    "cachedContents.patch": CREATOR,
    "cachedContents.delete": CREATOR,
    "cachedContents.list": LISTED,
    "batches.get": CREATOR,
    "batches.cancel": CREATOR,
    "batches.delete": CREATOR,
    "batches.list": LISTED,
    "tunedModels.create": Rule(reads=_tuned_from),
    "tunedModels.get": USE,
    "tunedModels.patch": CHANGE,
    "tunedModels.delete": OWN,
    "tunedModels.list": LISTED,
    "tunedModels.generateContent": USE,
    "tunedModels.streamGenerateContent": USE,
    "tunedModels.generateText": USE,
    "tunedModels.transferOwnership": OWN,
    "tunedModels.permissions.create": CHANGE,
    "tunedModels.permissions.get": USE,
    "tunedModels.permissions.patch": CHANGE,
    "tunedModels.permissions.delete": CHANGE,
    "tunedModels.permissions.list": USE,
    "tunedModels.operations.get": USE,
    "tunedModels.operations.list": USE,
}
"""What each method asks, by method id. A method without a rule is refused to all but the owner."""
