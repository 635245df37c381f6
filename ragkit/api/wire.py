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
from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, unquote

from pydantic import ValidationError
from pydantic.alias_generators import to_camel, to_snake
from pydantic_core import ErrorDetails, from_json

from ragkit.api.base import STRICT_ENUMS, ProtoModel
from ragkit.api.errors import InvalidArgument

RequestT = TypeVar("RequestT", bound=ProtoModel)
ResponseT = TypeVar("ResponseT", bound=ProtoModel)
ModelT = TypeVar("ModelT", bound=ProtoModel)

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


@dataclass(frozen=True, slots=True)
class Method(Generic[RequestT, ResponseT]):
    """One method of the API, declared once for client, service, routes and documentation.

    Attributes:
        id: the method's id in Google's discovery document, without its "generativelanguage.".
        verb: the HTTP verb.
        path: the path as a `google.api.http` template.
        request: the request message, path variable and query parameters included.
        response: the response message.
        body: "*" if all fields that are not in the path form the body, a field's name if that
            field does, "" if there is none.
        google: what Google's own endpoint does with the method today.
        safe: whether repeating a call does no more than calling once.
    """

    id: str
    verb: str
    path: str
    request: type[RequestT]
    response: type[ResponseT]
    body: str = ""
    google: Availability = "served"
    safe: bool = False

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
            InvalidArgument: the resource name for the path does not have the method's form.
        """
        before, variable, pattern, after = _path_variable(self.path)
        path = before
        if variable:
            name = self.resource_of(request)
            if len(name.split("/")) != len(pattern.split("/")) or not path_regex(
                f"{{{variable}={pattern}}}"
            ).fullmatch(_encode_name(name)):
                raise InvalidArgument(
                    f"{to_camel(variable)}: {name[:200]!r} is not of the form {pattern}",
                    field=to_camel(variable),
                    method=self.id,
                )
            path += _encode_name(name) + after
        body = b""
        in_body: set[str] = set()
        if self.body == "*":
            in_body = set(type(request).model_fields)
            body = request.model_dump_json(
                exclude_defaults=True, exclude={variable} if variable else None
            ).encode()
        elif self.body:
            in_body = {self.body}
            message = getattr(request, self.body)
            body = b"{}" if message is None else message.to_json()
        query: list[tuple[str, str]] = []
        if len(in_body) < len(type(request).model_fields):
            rest = request.model_dump(
                mode="json", exclude_defaults=True, exclude={*in_body, variable.split(".")[0]}
            )
            query = [(key, _query_text(value)) for key, value in rest.items()]
        headers = {"content-type": "application/json"} if body else {}
        return HttpRequest(self.verb, path, query, headers, body)

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
            parsed = parse_message(message, body)
            fields = dict(parsed) if self.body == "*" else {self.body: parsed}
            fields = {key: value for key, value in fields.items() if value is not None}
        elif body.strip() and body.strip() != b"{}":
            raise InvalidArgument(f"{self.id} takes no request body")
        for key, value in query:
            name = to_snake(key)
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
                f"{to_camel(variable)}: the body says {given[:200]!r}, the path {name[:200]!r}",
                field=to_camel(variable),
            )


def _encode_name(name: str) -> str:
    return "/".join(quote(segment, safe="") for segment in name.split("/"))


def _query_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _field_type(message: type[ProtoModel], name: str) -> type[ProtoModel]:
    annotation = message.model_fields[name].annotation
    for candidate in getattr(annotation, "__args__", (annotation,)):
        if isinstance(candidate, type) and issubclass(candidate, ProtoModel):
            return candidate
    raise TypeError(f"{message.__name__}.{name} is not a message")


def parse_message(message: type[ModelT], body: bytes) -> ModelT:
    """Parse proto3 JSON strictly: unknown fields and enum values are errors.

    Raises:
        InvalidArgument: names the field and what was wrong.
    """
    try:
        return message.model_validate_json(body, extra="forbid", context=STRICT_ENUMS)
    except ValidationError as error:
        first = error
    try:
        # proto3 JSON takes null for any field's default; rare, so it has the slow path.
        plain = _without_nulls(from_json(body))
        return message.model_validate(plain, extra="forbid", context=STRICT_ENUMS)
    except ValidationError as error:
        raise invalid_argument(error) from None
    except (ValueError, RecursionError):
        raise invalid_argument(first) from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _violation(error: ErrorDetails) -> tuple[str, str]:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{to_camel(str(part))}"
    path = path.removeprefix(".")
    if error["type"] == "extra_forbidden":
        return path, f'Invalid JSON payload received. Unknown name "{path}": Cannot find field.'
    if error["type"] == "json_invalid":
        return path, f"Invalid JSON payload received. {error['msg']}"
    message = error["msg"].removeprefix("Value error, ")
    shown = repr(error["input"])
    if len(shown) > 100:
        shown = shown[:97] + "..."
    return path, f"{path}: {message} (got {shown})" if path else message


def invalid_argument(error: ValidationError) -> InvalidArgument:
    """The API's error for a message that does not validate: every field that is wrong, named."""
    violations = [_violation(item) for item in error.errors(include_url=False)[:10]]
    return InvalidArgument(
        "; ".join(message for _, message in violations),
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {"field": path, "description": message} for path, message in violations
                ],
            }
        ],
    )


def parse_response(method: Method[Any, ResponseT], body: bytes) -> ResponseT:
    """The response message; fields and enum values that are not known are kept.

    Raises:
        ValueError: the body is not JSON of the response's shape.
    """
    return method.response.model_validate_json(body or b"{}")


def to_json_text(value: object) -> str:
    """Compact JSON of plain values, characters beyond ASCII as they are."""
    return json.dumps(value, ensure_ascii=False)
