"""Which methods an endpoint still offers, as far as the declarations know."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ragkit.api.errors import APIError, NotFound, Unimplemented
from ragkit.api.methods import METHODS
from ragkit.api.wire import Method

GOOGLE_HOST = "generativelanguage.googleapis.com"


class MethodClosed(Unimplemented):
    """Google's endpoint no longer offers the method; the message names what does."""


def is_google(endpoint: str) -> bool:
    """Whether an endpoint, a URL or a text for people, is Google's own."""
    if not endpoint.startswith(("http://", "https://")):
        return False
    return (urlsplit(endpoint).hostname or "").removesuffix(".") == GOOGLE_HOST


def supports(endpoint: str, method_id: str) -> bool:
    """Whether an endpoint offers a method, as far as is known without asking.

    Args:
        endpoint: its URL, or a text for people for an endpoint that has none.
        method_id: the method's id, such as "corpora.query".

    Returns:
        False for what Google's endpoint has closed. Of other endpoints nothing is known: True.

    Raises:
        ValueError: the API has no such method.
    """
    method = METHODS.get(method_id)
    if method is None:
        from difflib import get_close_matches

        near = get_close_matches(method_id, METHODS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"the API has no method {method_id!r}{hint}")
    return not (method.google == "closed" and is_google(endpoint))


def closed_error(
    method: Method[Any, Any], endpoint: str, answered: APIError
) -> MethodClosed | None:
    """The error to raise instead of `answered`, if that means that Google closed the method."""
    gone = isinstance(answered, NotFound | Unimplemented)
    if not gone or method.google != "closed" or not is_google(endpoint):
        return None
    return MethodClosed(
        f"Google no longer offers {method.id}. ragkit's embedded service does: "
        "connect(data=FOLDER). Google's successor to corpora is File Search "
        f"(https://ai.google.dev/gemini-api/docs/file-search). Its answer: {answered.message}",
        details=answered.details,
        method=answered.method,
        resource=answered.resource,
    )
