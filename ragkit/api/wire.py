"""HTTP requests and replies as plain values, and how a call is written as one and read back.

Both sides use this module: the client encodes a typed request, the service decodes it. The rules
are those of `google.api.http` (https://google.aip.dev/127): fields named in the path go into the
path, the fields that `body` names go into the body, and all others are query parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, unquote

from pydantic import ValidationError

from ragkit.api.base import STRICT_ENUMS, ProtoModel, camel_path, snake_path
from ragkit.api.errors import InvalidArgument
from ragkit.api.parsing import invalid_argument as invalid_argument
from ragkit.api.parsing import message_of, parse_leniently
from ragkit.api.parsing import parse_message as parse_message

RequestT = TypeVar("RequestT", bound=ProtoModel)
ResponseT = TypeVar("ResponseT", bound=ProtoModel)

Availability = Literal["served", "deprecated", "closed"]
"""What Google's own endpoint does with a method today."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it goes on the wire; `path` is percent-encoded and begins with a slash."""

    verb: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float | None = None
    """Seconds that the caller waits for the reply; None for the transport's default."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole reply; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


_VARIABLE = re.compile(r"\{([a-z_.]+)=([^}]+)\}")


@lru_cache(maxsize=256)
def _path_variable(template: str) -> tuple[str, str, str, str]:
    """A template's parts: what stands before its variable, the variable, its pattern, the rest."""
    found = _VARIABLE.search(template)
    if found is None:
        return template, "", "", ""
    return template[: found.start()], found[1], found[2], template[found.end() :]


@lru_cache(maxsize=256)
def path_regex(template: str) -> re.Pattern[str]:
    """What matches a percent-encoded path of a method; group 1 is its variable, if it has one."""
    before, _, pattern, after = _path_variable(template)
    variable = "/".join("[^/:]+" if part == "*" else re.escape(part) for part in pattern.split("/"))
    return re.compile(re.escape(before) + (f"({variable})" if pattern else "") + re.escape(after))


@cache
def _message_type(reference: str) -> type[ProtoModel]:
    """The message that "module.Name" refers to, the module being one of `ragkit.api`."""
    module, _, name = reference.partition(".")
    found: type[ProtoModel] = getattr(import_module(f"ragkit.api.{module}"), name)
    return found


@dataclass(frozen=True, slots=True)
class Method(Generic[RequestT, ResponseT]):
    """One method of the API, declared once for client, service, routes and documentation.

    Messages are referred to as "module.Name" and imported when they are first needed: who queries
    a corpus does not pay for the types of tuned models.

    Attributes:
        id: the method's id in Google's discovery document, without its "generativelanguage.".
        verb: the HTTP verb.
        path: the path as a `google.api.http` template.
        request_ref: the request message, path variable and query parameters included.
        response_ref: the response message; of a streaming method, one item of the stream.
        body: "*" if all fields that are not in the path form the body, a field's name if that
            field does, "" if there is none.
        google: what Google's own endpoint does with the method today.
        safe: whether repeating a call does no more than calling once.
        streaming: whether the response is a stream: a JSON array, or with `alt=sse` server-sent
            events.
        upload: whether media can be sent beside the request, to `upload_path`.
        result_ref: for a method answered by an operation, what the operation ends with.
        metadata_ref: likewise, what the operation says of itself.
    """

    id: str
    verb: str
    path: str
    request_ref: str
    response_ref: str
    body: str = ""
    google: Availability = "served"
    safe: bool = False
    streaming: bool = False
    upload: bool = False
    result_ref: str = ""
    metadata_ref: str = ""

    @property
    def request(self) -> type[RequestT]:
        """The type of the request message."""
        return _message_type(self.request_ref)  # type: ignore[return-value]

    @property
    def response(self) -> type[ResponseT]:
        """The type of the response message."""
        return _message_type(self.response_ref)  # type: ignore[return-value]

    @property
    def result(self) -> type[ProtoModel] | None:
        """The type of what the operation ends with, None if no operation answers the method."""
        return _message_type(self.result_ref) if self.result_ref else None

    @property
    def metadata(self) -> type[ProtoModel] | None:
        """The type of the operation's metadata, None if no operation answers the method."""
        return _message_type(self.metadata_ref) if self.metadata_ref else None

    @property
    def upload_path(self) -> str:
        """Where media are sent, "" for methods that take none."""
        return f"/upload{self.path}" if self.upload else ""

    @property
    def variable(self) -> str:
        """The request field, dotted where nested, that stands in the path; "" if none does."""
        return _path_variable(self.path)[1]

    def resource_of(self, request: RequestT) -> str:
        """The name of the resource that a request is about; "" for methods on none."""
        value: Any = request
        for part in self.variable.split(".") if self.variable else ():
            value = getattr(value, part, None)
        return value if isinstance(value, str) else ""

    def encode(self, request: RequestT) -> HttpRequest:
        """The request as HTTP.

        Raises:
            InvalidArgument: the resource name for the path does not have the method's form, or
                a text is not valid Unicode.
        """
        try:
            return self._encoded(request)
        except ValueError:  # as UTF-8 cannot hold everything that a Python string can
            raise _unencodable(self.id, request) from None

    def _encoded(self, request: RequestT) -> HttpRequest:
        body = b""
        outer, _, inner = self.variable.partition(".")
        in_body: set[str] = set()
        if self.body == "*":
            in_body = set(type(request).model_fields)
            in_path: Any = {outer: {inner}} if inner else {outer}
            body = request.to_json(exclude=in_path)
        elif self.body:
            in_body = {self.body}
            message = getattr(request, self.body)
            in_path = {inner} if outer == self.body else None
            body = b"{}" if message is None else message.to_json(exclude=in_path)
        query: list[tuple[str, str]] = []
        if len(in_body) < len(type(request).model_fields):
            rest = request.model_dump(mode="json", exclude_defaults=True, exclude={*in_body, outer})
            query = [(key, _query_text(value)) for key, value in rest.items()]
        headers = {"content-type": "application/json"} if body else {}
        return HttpRequest(self.verb, self._path_for(request), query, headers, body)

    def _path_for(self, request: RequestT) -> str:
        before, variable, pattern, after = _path_variable(self.path)
        if not variable:
            return before
        name = self.resource_of(request)
        if not name and "*" not in pattern:
            name = pattern
        if len(name.split("/")) != len(pattern.split("/")) or not path_regex(
            f"{{{variable}={pattern}}}"
        ).fullmatch(_encode_name(name)):
            raise InvalidArgument(
                f"{camel_path(variable)}: {name[:200]!r} is not of the form {pattern}",
                field=camel_path(variable),
                method=self.id,
            )
        return before + _encode_name(name) + after

    def decode(self, path_value: str, query: Iterable[tuple[str, str]], body: bytes) -> RequestT:
        """The typed request that came over HTTP, for a server.

        Args:
            path_value: the percent-encoded text of the path's variable, "" if it has none.
            query: the query parameters that belong to the method (no `alt`, `key` and the like).
            body: the body as received.

        Raises:
            InvalidArgument: the body is no JSON of the request's shape, a field or value is not
                known, or a parameter contradicts the path; names the field.
        """
        fields: dict[str, Any] = {}
        if self.body and body.strip():
            message = self.request if self.body == "*" else _field_type(self.request, self.body)
            parsed: ProtoModel = parse_message(message, body)
            fields = dict(parsed) if self.body == "*" else {self.body: parsed}
            fields = {key: value for key, value in fields.items() if value is not None}
        elif body.strip() and body.strip() != b"{}":
            raise InvalidArgument(f"{self.id} takes no request body")
        for key, value in query:
            name = snake_path(key)
            if name not in self.request.model_fields or name == self.body or self.body == "*":
                raise InvalidArgument(
                    f"Invalid query parameter {key!r}: {self.id} does not take it", field=key
                )
            fields[name] = value
        variable = self.variable
        if variable:
            self._set_variable(fields, variable, unquote(path_value))
        try:
            return self.request.model_validate(fields, extra="forbid", context=STRICT_ENUMS)
        except ValidationError as error:
            raise invalid_argument(error) from None

    def _set_variable(self, fields: dict[str, Any], variable: str, name: str) -> None:
        outer, _, inner = variable.partition(".")
        if not inner:
            given = fields.get(outer) or name
            fields[outer] = name
        else:
            message_type = _field_type(self.request, outer)
            message = fields.setdefault(outer, message_type())
            given = getattr(message, inner) or name
            fields[outer] = message.model_copy(update={inner: name})
        if given != name:
            raise InvalidArgument(
                f"{camel_path(variable)}: the body says {given[:200]!r}, the path {name[:200]!r}",
                field=camel_path(variable),
            )


def _unencodable(method: str, request: ProtoModel) -> InvalidArgument:
    """The error for a request whose text is no valid Unicode; names the first field."""

    def find(value: object, path: str) -> str | None:
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            return path
        items: Iterable[tuple[object, object]] = ()
        if isinstance(value, dict):
            items = ((f".{key}", item) for key, item in value.items())
        elif isinstance(value, list):
            items = ((f"[{index}]", item) for index, item in enumerate(value))
        return next((p for k, item in items if (p := find(item, f"{path}{k}"))), None)

    field = (find(request.model_dump(by_alias=True), "") or ".request").removeprefix(".")
    return InvalidArgument(
        f"{field}: holds characters that are not valid Unicode (lone surrogates), as arguments "
        "and file names that are not UTF-8 do",
        field=field,
        method=method,
    )


def _encode_name(name: str) -> str:
    return "/".join(quote(segment, safe="") for segment in name.split("/"))


def _query_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _field_type(message: type[ProtoModel], name: str) -> type[ProtoModel]:
    found = message_of(message.model_fields[name])
    if found is None:
        raise TypeError(f"{message.__name__}.{name} is not a message")
    return found


def parse_response(method: Method[Any, ResponseT], body: bytes) -> ResponseT:
    """The response message; fields and enum values that are not known are kept.

    Raises:
        ValueError: the body is not JSON of the response's shape.
    """
    return parse_leniently(method.response, body or b"{}")


def to_json_text(value: object) -> str:
    """Compact JSON of plain values or messages, characters beyond ASCII as they are."""
    return json.dumps(value, ensure_ascii=False, default=ProtoModel.to_wire)
