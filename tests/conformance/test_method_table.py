"""The committed table of methods against the declarations, and its functions against the client."""

from __future__ import annotations

import inspect

import pytest

from ragkit.api.method_table import FILE, client_function, table
from ragkit.api.methods import METHODS
from ragkit.client import AsyncClient, Client


def test_the_committed_table_is_the_one_that_the_declarations_make():
    assert FILE.read_text(encoding="utf-8") == table(), "run python -m ragkit.api.method_table"


def test_every_method_has_one_row():
    ids = [line.split("`")[1] for line in table().splitlines() if line.startswith("| `")]
    assert sorted(ids) == sorted(METHODS)


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("method_id", sorted(METHODS))
def test_every_method_is_a_documented_function_of_both_clients(method_id, client):
    family, name = client_function(method_id).split(".")
    resource = getattr(client(object()), family)
    function = getattr(resource, name)
    assert callable(function)
    assert method_id in (inspect.getdoc(function) or ""), "its docstring names the method"
