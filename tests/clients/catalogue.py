"""The clients: which program runs in which environment, and what is to be known of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


@dataclass(frozen=True)
class Client:
    """A third-party client.

    Attributes:
        name: of its environment and its requirements file.
        package: on PyPI, the one whose version is told.
        program: what the script that exercises it is called, `NAME_program.py`.
        pointed: how it is told where the server is; for the table.
        behind_proxy: whether it insists on https and Google's host name for some calls.
    """

    name: str
    package: str
    program: str
    pointed: str
    behind_proxy: bool = False

    @property
    def requirements(self) -> Path:
        return FOLDER / "requirements" / f"{self.name}.txt"

    @property
    def results(self) -> Path:
        return FOLDER / "results" / f"{self.name}.json"

    @property
    def python(self) -> Path:
        return ROOT / ".venv-clients" / self.name / "bin" / "python"

    @property
    def installed(self) -> bool:
        """Whether its environment is there, whole and with the versions that are pinned now."""
        stamp = self.python.parents[1] / "installed.txt"
        return stamp.exists() and stamp.read_bytes() == self.requirements.read_bytes()

    @property
    def version(self) -> str:
        return self.pinned()[self.package]

    def pinned(self) -> Mapping[str, str]:
        """Versions by package."""
        lines = self.requirements.read_text(encoding="utf-8").split()
        return dict(line.split("==") for line in lines)


_ENDPOINT = '`transport="rest"` and `client_options={"api_endpoint": URL}`'
_FIRST = (
    "`set_config`'s `api_endpoint`; it names no transport, for which Google's client takes gRPC, "
    "so the program puts REST first in that client's list of transports"
)
CLIENTS = (
    Client("gapic-0.6", "google-ai-generativelanguage", "gapic", _ENDPOINT),
    Client("gapic-0.12", "google-ai-generativelanguage", "gapic", _ENDPOINT),
    Client(
        "generativeai",
        "google-generativeai",
        "generativeai",
        f"`configure` with {_ENDPOINT}; uploads have Google's host name built in and reach the "
        "server by `https_proxy`",
        behind_proxy=True,
    ),
    Client("genai", "google-genai", "genai", "`http_options.base_url`"),
    Client(
        "apiclient",
        "google-api-python-client",
        "apiclient",
        "`discoveryServiceUrl`, and `build_from_document`",
    ),
    Client("langchain-2.0", "langchain-google-genai", "langchain", _FIRST),
    Client("langchain-2.1", "langchain-google-genai", "langchain", _FIRST),
    Client("llamaindex", "llama-index-indices-managed-google", "llamaindex", _FIRST),
    Client(
        "llamaindex-genai",
        "llama-index-llms-google-genai",
        "llamaindex_genai",
        "`http_options.base_url`",
    ),
)
