"""`ragkit.toml`: reading it, and saying exactly what is wrong with it.

    generator = "local"            # default: the first one; answers are worded by it
    embedder = "static-256"        # for the chunks of new corpora

    [generators.local]             # the table's name is the model's id: models/local
    kind = "llama"                 # a GGUF in this process; needs the extra `llama`
    path = "models/some.gguf"      # relative to this file
    context_tokens = 4096
    threads = 0                    # 0: llama.cpp's choice
    gpu_layers = -1                # -1: llama.cpp's choice
    parallel = 1                   # answers written at the same time

    [generators.big]
    kind = "openai"                # any OpenAI-compatible endpoint: Ollama, vLLM, llama.cpp, ...
    url = "http://127.0.0.1:11434/v1"
    model = "llama3.2"
    api_key_env = "OPENAI_API_KEY" # the variable that holds the key; none if it takes none
    context_tokens = 131072        # what models.get says; leave out if you do not know
    output_tokens = 8192
    timeout = 120
    retries = 2
    tools = true                   # its model can call functions

    [generators.flash]
    kind = "google"                # Google's endpoint, through ragkit.client
    model = "gemini-2.0-flash"
    api_key_env = "GEMINI_API_KEY"

    [embedders.remote]
    kind = "openai"                # or "google"
    url = "http://127.0.0.1:11434/v1"
    model = "nomic-embed-text"
    dimensions = 768
    batch_size = 64
    query_prefix = "search_query: "
    document_prefix = "search_document: "

    [files]                        # what is uploaded; these are the defaults
    file_bytes = 2147483648        # the most of one file
    total_bytes = 21474836480      # the most of all files together
    file_hours = 48                # how long a file is kept
    upload_hours = 48              # how long an upload may rest before it is given up

A key may stand in the file as `api_key`; a variable is better.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ragkit.engine.config import (
    DEFAULT_CONTEXT_TOKENS,
    ConfigError,
    EmbedderConfig,
    EngineConfig,
    GeneratorConfig,
)
from ragkit.engine.media_limits import HOUR, MediaLimits
from ragkit.engine.models.embedders import embedder_names

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_GOOGLE_URL: Final = "https://generativelanguage.googleapis.com"
_GOOGLE_KEYS: Final = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_RESERVED: Final = ("extractive", "aqa")
_NOT_IN_FILE: Final = ("name",)
_ENDPOINT: Final = ("kind", "url", "model", "api_key", "api_key_env", "timeout", "retries")
_GENERATOR_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": (*_ENDPOINT, "context_tokens", "output_tokens", "tools"),
    "google": (*_ENDPOINT, "context_tokens", "output_tokens"),
    "llama": (
        *("kind", "path", "context_tokens", "output_tokens"),
        *("threads", "gpu_layers", "parallel"),
    ),
}
_EMBEDDER_KEYS: Final = (
    *_ENDPOINT,
    *("dimensions", "input_tokens", "batch_size", "query_prefix", "document_prefix"),
)
_FILES_KEYS: Final = {
    "file_bytes": 2**50,
    "total_bytes": 2**50,
    "file_hours": 24 * 36_500,
    "upload_hours": 24 * 365,
}
"""The limits of files that can be set, and the most that each can be."""
_LEAST: Final = {
    "context_tokens": 1,
    "output_tokens": 1,
    "input_tokens": 1,
    "dimensions": 1,
    "batch_size": 1,
    "parallel": 1,
    "threads": 0,
    "retries": 0,
    "gpu_layers": -1,
}


def read_config(path: Path, environ: Mapping[str, str]) -> EngineConfig:
    """Read a configuration file; see `ragkit.engine.config.load_config`.

    Raises:
        ConfigError: it cannot be read, or what is in it cannot work; names the key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"the configuration {path} cannot be read: {reason}") from error
    return _Reader(path, environ).config(table)


def generator_from_flag(flag: str, environ: Mapping[str, str]) -> GeneratorConfig:
    """The generator that a flag describes; see `ragkit.engine.config.add_generator`.

    Raises:
        ConfigError: it is not of one of the forms, or cannot work.
    """
    kind, _, rest = flag.partition("=")
    table: dict[str, Any] = {"kind": kind}
    if kind == "openai":
        table["url"], _, table["model"] = rest.rpartition("#")
        if environ.get("OPENAI_API_KEY"):
            table["api_key_env"] = "OPENAI_API_KEY"
        named = table["model"]
    elif kind == "llama":
        table["path"] = rest
        named = Path(rest).stem
    else:
        table["model"] = named = rest
    if kind not in _GENERATOR_KEYS or not rest or "" in table.values():
        raise ConfigError(
            f"the generator {flag[:200]!r} is not of the form openai=URL#MODEL, llama=PATH "
            "or google=MODEL"
        )
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", named).strip("-._") or "generator"
    return _Reader(None, environ).generator(name, table)


class _Reader:
    """Reads one file, or one flag (`path` is None then)."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ

    def config(self, table: Mapping[str, Any]) -> EngineConfig:
        self._known(table, ("generator", "embedder", "generators", "embedders", "files"), "")
        generators = self._models(table, "generators", self.generator)
        embedders = self._models(table, "embedders", self._embedder)
        for name in embedders:
            if name in generators or name in embedder_names():
                raise self._wrong(f"embedders.{name}", "another model has this name already")
        defaults = EngineConfig()
        generator = self._one_of(table, "generator", generators, next(iter(generators), ""))
        embedder = self._one_of(
            table, "embedder", [*embedder_names(), *embedders], defaults.embedder
        )
        return EngineConfig(
            generators, embedders, generator, embedder, self._files(table), self._path
        )

    def generator(self, name: str, table: Mapping[str, Any]) -> GeneratorConfig:
        where = f"generators.{name}"
        kind = self._kind(table, _GENERATOR_KEYS, where)
        self._known(table, _GENERATOR_KEYS[kind], where)
        values = self._values(GeneratorConfig, table, where)
        if kind == "llama":
            values["path"] = self._file(table, where)
            values.setdefault("context_tokens", DEFAULT_CONTEXT_TOKENS)
        else:
            self._endpoint(values, where)
        return GeneratorConfig(name=name, **values)

    def _embedder(self, name: str, table: Mapping[str, Any]) -> EmbedderConfig:
        where = f"embedders.{name}"
        self._kind(table, ("openai", "google"), where)
        self._known(table, _EMBEDDER_KEYS, where)
        values = self._values(EmbedderConfig, table, where)
        self._endpoint(values, where)
        if "dimensions" not in values:
            raise self._wrong(f"{where}.dimensions", "required; the length of its vectors")
        return EmbedderConfig(name=name, **values)

    def _files(self, table: Mapping[str, Any]) -> MediaLimits:
        values = table.get("files", {})
        if not isinstance(values, dict):
            raise self._wrong("files", "must be a table: [files]")
        self._known(values, tuple(_FILES_KEYS), "files")
        for key, value in values.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self._wrong(f"files.{key}", f"{value!r} is not a {_SPOKEN['float']}")
            if not 0 < value <= _FILES_KEYS[key]:
                raise self._wrong(f"files.{key}", f"{value} is not in (0, {_FILES_KEYS[key]:,}]")
        hours = {
            name: values[f"{name}_hours"]
            for name in ("file", "upload")
            if f"{name}_hours" in values
        }
        size = {name: int(values[name]) for name in ("file_bytes", "total_bytes") if name in values}
        return MediaLimits(**size, **{f"{name}_seconds": n * HOUR for name, n in hours.items()})

    def _models(
        self,
        table: Mapping[str, Any],
        key: str,
        read: Callable[[str, Mapping[str, Any]], Any],
    ) -> dict[str, Any]:
        models = table.get(key, {})
        if not isinstance(models, dict):
            raise self._wrong(key, f"must be a table of tables, such as [{key}.NAME]")
        found = {}
        for name, entry in models.items():
            if not isinstance(entry, dict):
                raise self._wrong(f"{key}.{name}", f"must be a table: [{key}.{name}]")
            if not _NAME.fullmatch(name):
                raise self._wrong(
                    f"{key}.{name}",
                    "a model's name has letters, digits, '.', '_' and '-', and begins and ends "
                    "with a letter or digit",
                )
            if name in (*_RESERVED, *embedder_names()):
                raise self._wrong(f"{key}.{name}", "this name is that of a model of ragkit's own")
            found[name] = read(name, entry)
        return found

    def _kind(self, table: Mapping[str, Any], kinds: Collection[str], where: str) -> str:
        kind = table.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            said = "required" if kind is None else f"{kind!r} is not known"
            raise self._wrong(f"{where}.kind", f"{said}; one of {', '.join(kinds)}")
        return str(kind)

    def _known(self, table: Mapping[str, Any], keys: Collection[str], where: str) -> None:
        for key in table:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(keys)}"
                raise self._wrong(f"{where}.{key}".lstrip("."), f"unknown key; {hint}")

    def _values(
        self, kind: type[GeneratorConfig | EmbedderConfig], table: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        """The table's values, each of its field's type and within its limits."""
        types = {one.name: str(one.type) for one in fields(kind) if one.name not in _NOT_IN_FILE}
        values = {}
        for key, value in table.items():
            expected = types[key]
            if expected == "float" and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value).__name__ != expected and expected in ("str", "int", "float", "bool"):
                raise self._wrong(f"{where}.{key}", f"{value!r} is not a {_SPOKEN[expected]}")
            if key in _LEAST and value < _LEAST[key]:
                raise self._wrong(f"{where}.{key}", f"{value} is less than {_LEAST[key]}")
            if key == "timeout" and not 0 < value <= 86_400:
                raise self._wrong(f"{where}.{key}", f"{value} is not in (0, 86400] seconds")
            values[key] = value
        return values

    def _endpoint(self, values: dict[str, Any], where: str) -> None:
        if not values.get("model"):
            raise self._wrong(f"{where}.model", "required; the model's name at the endpoint")
        google = values["kind"] == "google"
        url = values.setdefault("url", _GOOGLE_URL if google else "").rstrip("/")
        parts = urlsplit(url) if url.isprintable() else urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            said = f"{url!r} is not an http or https URL" if url else "required"
            raise self._wrong(f"{where}.url", f"{said}; such as http://127.0.0.1:11434/v1")
        values["url"] = url
        if values.get("api_key") and values.get("api_key_env"):
            raise self._wrong(f"{where}.api_key", "not together with api_key_env; keep one")
        if google and not values.get("api_key") and not values.get("api_key_env"):
            named = next((key for key in _GOOGLE_KEYS if self._environ.get(key)), _GOOGLE_KEYS[0])
            values["api_key_env"] = named
        # A variable that is not set is told when the model is used: the rest works without it.
        if values.get("api_key_env"):
            values["api_key"] = self._environ.get(values["api_key_env"], "")

    def _file(self, table: Mapping[str, Any], where: str) -> Path:
        given = table.get("path")
        if not isinstance(given, str) or not given:
            raise self._wrong(f"{where}.path", "required; the GGUF file")
        base = Path() if self._path is None else self._path.parent
        return (base / Path(given).expanduser()).absolute()

    def _one_of(
        self, table: Mapping[str, Any], key: str, names: Collection[str], default: str
    ) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (value not in names and value != default):
            there = ", ".join(names) or "none"
            raise self._wrong(key, f"there is no model {value!r} configured; there is {there}")
        return str(value)

    def _wrong(self, key: str, problem: str) -> ConfigError:
        where = "the generator flag" if self._path is None else str(self._path)
        return ConfigError(f"{where}: {key}: {problem}")


_SPOKEN: Final = {
    "str": "string",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
}
