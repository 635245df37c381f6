"""corpora.create, get, patch, delete and list."""

from __future__ import annotations

from functools import partial

from ragkit.api import limits, methods
from ragkit.api.chunks import Empty
from ragkit.api.corpora import (
    Corpus,
    CreateCorpusRequest,
    DeleteCorpusRequest,
    GetCorpusRequest,
    ListCorporaRequest,
    ListCorporaResponse,
    UpdateCorpusRequest,
)
from ragkit.api.names import split_corpus
from ragkit.service.access import owner_of, readers
from ragkit.service.masks import masked_fields
from ragkit.service.naming import id_for
from ragkit.service.paging import page
from ragkit.service.registry import Context, handles
from ragkit.service.resources import corpus_resource
from ragkit.service.values import check_display_name


@handles(methods.CORPORA_CREATE)
def create(context: Context, request: CreateCorpusRequest) -> Corpus:
    """Create an empty corpus, named as given or after its display name."""
    corpus = request.corpus or Corpus()
    display_name = check_display_name(corpus.display_name, "corpus.displayName")
    corpus_id = split_corpus(corpus.name, "corpus.name") if corpus.name else id_for(display_name)
    owner = owner_of(context)
    return corpus_resource(context.engine.create_corpus(corpus_id, display_name, owner))


@handles(methods.CORPORA_GET)
def get(context: Context, request: GetCorpusRequest) -> Corpus:
    """Return a corpus."""
    return corpus_resource(context.engine.store.get_corpus(split_corpus(request.name)))


@handles(methods.CORPORA_PATCH)
def patch(context: Context, request: UpdateCorpusRequest) -> Corpus:
    """Give a corpus another display name."""
    corpus = request.corpus or Corpus()
    corpus_id = split_corpus(corpus.name, "corpus.name")
    masked_fields(request.update_mask, ("display_name",))
    display_name = check_display_name(corpus.display_name, "corpus.displayName")
    return corpus_resource(context.engine.store.update_corpus(corpus_id, display_name))


@handles(methods.CORPORA_DELETE)
def delete(context: Context, request: DeleteCorpusRequest) -> Empty:
    """Delete a corpus; with `force`, all that it holds too."""
    context.engine.delete_corpus(split_corpus(request.name), request.force)
    return Empty()


@handles(methods.CORPORA_LIST)
def list_(context: Context, request: ListCorporaRequest) -> ListCorporaResponse:
    """Return a page of the corpora that the caller may read."""
    rows, token = page(
        partial(context.engine.store.list_corpora, readers=readers(context)),
        request.page_size,
        limits.CORPORA_PAGE,
        request.page_token,
        methods.CORPORA_LIST.id,
    )
    return ListCorporaResponse(
        corpora=[corpus_resource(row) for row in rows], next_page_token=token
    )
