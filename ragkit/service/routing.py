"""Which method a request is for, by its verb and path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from ragkit.api.errors import NotFound
from ragkit.api.methods import METHODS
from ragkit.api.versions import V1_METHODS
from ragkit.api.wire import Method, path_regex

_Shape: TypeAlias = tuple[int, str, str]

_VERSION: Final = "/v1beta/"
_STABLE: Final = "/v1/"


class Router:
    """The declared methods, found by the shape of a path rather than by trying each."""

    def __init__(self) -> None:
        self._by_shape: dict[_Shape, list[Method[Any, Any]]] = defaultdict(list)
        for method in METHODS.values():
            template = method.path.replace("{", "").replace("}", "")
            # "{name=corpora/*}" has the shape of "corpora/*".
            path = "/".join(part.rpartition("=")[2] for part in template.split("/"))
            self._by_shape[_shape(path)].append(method)

    def find(self, verb: str, path: str) -> tuple[Method[Any, Any], str]:
        """The method that a request is for, and the percent-encoded name in its path.

        `/v1` stands for `/v1beta` where Google's v1 has the method.

        Raises:
            NotFound: there is none; the message says what there is.
        """
        verbs, elsewhere = [], ""
        for method, name in self._at(path):
            if path.startswith(_STABLE) and method.id not in V1_METHODS:
                elsewhere = method.path
            elif method.verb == verb:
                return method, name
            else:
                verbs.append(method.verb)
        shown = path[:200]
        if verbs:
            raise NotFound(f"{shown!r} does not take {verb}, only {' and '.join(verbs)}")
        if elsewhere:
            raise NotFound(f"v1 has no method at {shown!r}; v1beta has one: {elsewhere}")
        raise NotFound(f"there is no method at {shown!r}; all paths begin with /v1beta/")

    def verbs(self, path: str) -> list[str]:
        """The verbs that a path takes; none if no method has such a path."""
        stable = path.startswith(_STABLE)
        return [m.verb for m, _ in self._at(path) if not stable or m.id in V1_METHODS]

    def _at(self, path: str) -> Iterator[tuple[Method[Any, Any], str]]:
        if path.startswith(_STABLE):
            path = _VERSION + path.removeprefix(_STABLE)
        for method in self._by_shape.get(_shape(path), ()):
            pattern = path_regex(method.path)
            found = pattern.fullmatch(path)
            if found is not None:
                yield method, found[1] if pattern.groups else ""


def _shape(path: str) -> _Shape:
    """What all paths of a method have in common: segments, collection, verb after a colon."""
    segments = path.split("/")
    last, _, custom = segments[-1].rpartition(":")
    if not last:
        custom = ""
    collection = segments[2].partition(":")[0] if len(segments) > 2 else ""
    return len(segments), collection, custom
