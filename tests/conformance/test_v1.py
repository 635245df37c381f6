"""Which methods v1 has, compared with Google's own v1 client."""

from __future__ import annotations

import inspect
from importlib import import_module

from ragkit.api.methods import METHODS
from ragkit.api.versions import V1_PROTO_METHODS

_PACKAGE = "google.ai.generativelanguage_v1.services"


def googles_routes() -> set[tuple[str, str]]:
    """Verb and path of every route of the v1 REST transports."""
    found = set()
    for service in ("generative_service", "model_service"):
        module = import_module(f"{_PACKAGE}.{service}.transports.rest_base")
        (transport,) = (
            one
            for name, one in inspect.getmembers(module, inspect.isclass)
            if name.startswith("_Base") and name.endswith("RestTransport")
        )
        for _, method in inspect.getmembers(transport, inspect.isclass):
            if hasattr(method, "_get_http_options"):
                found |= {(r["method"].upper(), r["uri"]) for r in method._get_http_options()}
    return found


def test_v1_has_the_methods_of_googles_v1() -> None:
    ours = {
        (METHODS[one].verb, METHODS[one].path.replace("/v1beta/", "/v1/"))
        for one in V1_PROTO_METHODS
    }
    # Operations other than batches, and models that only Google deploys, v1beta has not either.
    elsewhere = ("operations", "dynamic/")
    theirs = {
        route for route in googles_routes() if not any(part in route[1] for part in elsewhere)
    }
    assert ours == theirs
