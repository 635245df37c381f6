"""Update masks: which fields a PATCH may change, and which it is asked to."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic.alias_generators import to_camel

from ragkit.api.errors import InvalidArgument

_SAME = {"data.string_value": "data"}


def masked_fields(
    mask: Sequence[str], allowed: Sequence[str], field: str = "updateMask"
) -> frozenset[str]:
    """The fields to update, in snake_case.

    Arguments:
        mask: the paths of the mask, in snake_case.
        allowed: the fields that can be updated.
        field: where the mask stands in the request.

    Raises:
        InvalidArgument: the mask is empty, or has a path that cannot be updated; it is named.
    """
    choices = " and ".join(map(to_camel, allowed))
    if not mask:
        raise InvalidArgument(f"{field}: required; it may hold {choices}", field=field)
    fields: set[str] = set()
    for path in mask:
        path = _SAME.get(path, path)
        if path == "*":
            fields.update(allowed)
        elif path in allowed:
            fields.add(path)
        else:
            shown = ".".join(map(to_camel, path.split(".")))[:100]
            raise InvalidArgument(
                f"{field}: {shown!r} cannot be updated; only {choices} can", field=field
            )
    return frozenset(fields)
