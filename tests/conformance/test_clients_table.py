"""The committed table of third-party clients: made from the results, and what it must show."""

from __future__ import annotations

import pytest

from ragkit.api.errors import BY_STATUS
from ragkit.api.methods import METHODS
from tests.clients.catalogue import CLIENTS, FOLDER
from tests.clients.table import FILE, NOT_CAUSED, reached, results, table


def test_the_committed_table_is_the_one_that_the_results_make():
    assert FILE.read_text(encoding="utf-8") == table(), "run python -m tests.clients.table"


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_is_reached_by_a_third_party_client(method):
    assert any(reached(client, method) for client in CLIENTS)


@pytest.mark.parametrize("status", sorted(BY_STATUS))
def test_every_canonical_error_is_caused_through_a_client_or_said_not_to_be(status):
    causes = [name for name, result in results().items() if status in result["statuses"]]
    assert bool(causes) != (status in NOT_CAUSED)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_is_whole_in_the_catalogue(client):
    assert client.version == results()[client.name]["version"]
    assert (FOLDER / f"{client.program}_program.py").exists()


def test_every_requirements_file_is_a_clients_and_pins_every_version():
    files = {path.name.removesuffix(".txt") for path in (FOLDER / "requirements").iterdir()}
    assert files == {client.name for client in CLIENTS}
    for client in CLIENTS:
        assert all(client.pinned().values())
