"""Google's system parameters: those of a query string that belong to no method.

Source: https://cloud.google.com/apis/docs/system-parameters. Each may have a leading "$", as they
are called in the OpenAPI form of Google's description.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json, to_json

from ragkit.api.base import ProtoModel
from ragkit.api.errors import InvalidArgument
from ragkit.api.wire import Method
from ragkit.service.partial import Selection, parse_selection, select

CREDENTIAL_PARAMETERS: Final = frozenset({"access_token", "key", "oauth_token"})
"""Those that hold a secret: never to be logged."""

_SYSTEM_PARAMETERS: Final = CREDENTIAL_PARAMETERS | {
    "alt",
    "callback",
    "fields",
    "prettyPrint",
    "quotaUser",
    "uploadType",
    "upload_protocol",
    ".xgafv",
}
_TRUE: Final = frozenset({"true", "1", ""})
_FALSE: Final = frozenset({"false", "0"})


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a reply is to be written.

    Attributes:
        events: a stream as server-sent events rather than one JSON array.
        selection: the parts that are wanted; empty: everything.
        pretty: whether to indent.
    """

    events: bool = False
    selection: Selection | None = None
    pretty: bool = False

    def write(self, message: ProtoModel) -> bytes:
        """A message as JSON."""
        return self.rewrite(message.to_json())

    def rewrite(self, body: bytes) -> bytes:
        """A reply that is JSON already."""
        if not self.selection and not self.pretty:
            return body
        value: Any = select(from_json(body), self.selection or {})
        return to_json(value, indent=2 if self.pretty else None, inf_nan_mode="constants")


_PLAIN: Final = Rendering()


def split_parameters(
    query: Iterable[tuple[str, str]], method: Method[Any, Any]
) -> tuple[list[tuple[str, str]], Rendering]:
    """Tell a method's own query parameters from the system's.

    Arguments:
        query: all parameters as they came.
        method: the method that is called.

    Returns:
        The method's own parameters, and how the reply is to be written.

    Raises:
        InvalidArgument: a system parameter asks for what is not done.
    """
    own: list[tuple[str, str]] = []
    events, pretty, selection = False, False, None
    for name, value in query:
        system = name.removeprefix("$")
        if system not in _SYSTEM_PARAMETERS:
            own.append((name, value))
        elif system == "alt":
            events = _events(name, value, method)
        elif system == "prettyPrint":
            pretty = _boolean(name, value)
        elif system == "fields" and value.strip() != "*":
            selection = parse_selection(value, method.response)
        elif system == "callback":
            raise InvalidArgument(f"{name}: JSONP is not offered; leave {name} out", field=name)
    if not events and not pretty and selection is None:
        return own, _PLAIN
    # One event is one line: indented JSON would be several.
    return own, Rendering(events, selection, pretty and not events)


def _events(name: str, value: str, method: Method[Any, Any]) -> bool:
    """Whether `alt` asks for server-sent events."""
    form = value.partition(";")[0]
    if form == "json" or (form == "sse" and method.streaming):
        return form == "sse"
    offered = "json and sse" if method.streaming else "only json"
    raise InvalidArgument(
        f"{name}: {value[:50]!r} is not offered by {method.id}, {offered}", field=name
    )


def _boolean(name: str, value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise InvalidArgument(f"{name}: {value[:50]!r} is neither true nor false", field=name)
