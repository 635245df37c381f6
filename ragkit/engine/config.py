"""Which models an installation uses beside the bundled ones: what `ragkit.toml` says.

Nothing is configured by default, and nothing reaches for a network that is not configured here.
The file's form is documented in `ragkit.engine.config_file`, which is imported only where there
is one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from ragkit.engine.media_limits import MediaLimits
from ragkit.engine.models.embedders import DEFAULT_EMBEDDER
from ragkit.engine.records import EngineError

CONFIG_NAME: Final = "ragkit.toml"
CONFIG_VARIABLE: Final = "RAGKIT_CONFIG"
DEFAULT_CONTEXT_TOKENS: Final = 4096
"""Of a GGUF loaded in this process, whose context takes memory; other backends know their own."""

GeneratorKind = Literal["openai", "llama", "google"]
EmbedderKind = Literal["openai", "google"]


class ConfigError(EngineError):
    """What is configured cannot work; the message names the file and the key."""

    def __init__(self, message: str) -> None:
        super().__init__("", message)


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """A model that writes text.

    Attributes:
        name: its id among the service's models.
        kind: `openai` for an OpenAI-compatible endpoint, `llama` for a GGUF file in this process,
            `google` for Google's endpoint.
        url: base URL of the endpoint, such as `http://127.0.0.1:11434/v1`.
        model: the model's name there.
        path: the GGUF file.
        api_key: the endpoint's key.
        api_key_env: the environment variable that the key came from, or was to come from.
        context_tokens: the most tokens of prompt and answer together; 0 if only the backend knows.
        output_tokens: the most tokens of an answer; 0 if only the backend knows.
        timeout: seconds without a byte from the endpoint after which it is given up.
        retries: how often a request is repeated after 429, 5xx and failed connections.
        threads: threads that a GGUF is computed with; 0 for llama.cpp's choice.
        gpu_layers: layers of a GGUF computed on a GPU; -1 for llama.cpp's choice.
        parallel: answers that a GGUF writes at the same time.
        tools: whether the endpoint's model can call functions.
    """

    name: str
    kind: GeneratorKind
    url: str = ""
    model: str = ""
    path: Path | None = None
    api_key: str = field(default="", repr=False)
    api_key_env: str = ""
    context_tokens: int = 0
    output_tokens: int = 0
    timeout: float = 120.0
    retries: int = 2
    threads: int = 0
    gpu_layers: int = -1
    parallel: int = 1
    tools: bool = False


@dataclass(frozen=True, slots=True)
class EmbedderConfig:
    """A model behind an endpoint that embeds text; see `GeneratorConfig` for what is alike.

    Attributes:
        dimensions: the length of its vectors.
        batch_size: texts sent in one request.
        query_prefix: put before texts embedded as queries, as some models want it.
        document_prefix: put before texts embedded as documents.
    """

    name: str
    kind: EmbedderKind
    model: str
    dimensions: int
    url: str = ""
    api_key: str = field(default="", repr=False)
    api_key_env: str = ""
    input_tokens: int = 0
    batch_size: int = 64
    query_prefix: str = ""
    document_prefix: str = ""
    timeout: float = 60.0
    retries: int = 2


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What is configured.

    Attributes:
        generators: by name, in the file's order.
        embedders: by name, beside the bundled one.
        generator: the name of the one that aliases stand for and that words answers; "" if there
            is none.
        embedder: the name of the one that embeds the chunks of new corpora.
        files: how much files may take, and for how long they are kept.
        source: the file that this came from; None if there is none.
    """

    generators: Mapping[str, GeneratorConfig] = field(default_factory=dict)
    embedders: Mapping[str, EmbedderConfig] = field(default_factory=dict)
    generator: str = ""
    embedder: str = DEFAULT_EMBEDDER
    files: MediaLimits = field(default_factory=MediaLimits)
    source: Path | None = None


def load_config(
    data: Path, environ: Mapping[str, str] | None = None, path: Path | None = None
) -> EngineConfig:
    """Read the configuration.

    Arguments:
        data: the data folder; its `ragkit.toml` is read if no other file is named.
        environ: the environment, for RAGKIT_CONFIG and for keys; that of the process by default.
        path: the file to read, such as that of `--config`; it wins over RAGKIT_CONFIG.

    Returns:
        What the file says; the defaults if none is named and the data folder has none.

    Raises:
        ConfigError: a file that is named does not exist, or what is in it cannot work.
    """
    environ = os.environ if environ is None else environ
    named = path or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    chosen = (named or data / CONFIG_NAME).expanduser().absolute()
    if named is None and not chosen.is_file():
        return EngineConfig()
    from ragkit.engine.config_file import read_config

    return read_config(chosen, environ)


def add_generator(
    config: EngineConfig, flag: str, environ: Mapping[str, str] | None = None
) -> EngineConfig:
    """Add the generator that a flag describes, and make it the default one.

    Arguments:
        config: what is configured otherwise; a generator of the same name is replaced.
        flag: `openai=URL#MODEL`, `llama=PATH` or `google=MODEL`.
        environ: the environment, for the keys `OPENAI_API_KEY`, `GEMINI_API_KEY` and
            `GOOGLE_API_KEY`; that of the process by default.

    Raises:
        ConfigError: the flag has none of these forms, or what it says cannot work.
    """
    from ragkit.engine.config_file import generator_from_flag

    added = generator_from_flag(flag, os.environ if environ is None else environ)
    others = {name: one for name, one in config.generators.items() if name != added.name}
    return replace(config, generators={added.name: added, **others}, generator=added.name)
