"""ragkit.toml and the generator flag."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.api.errors import ConfigurationError
from ragkit.engine.config import ConfigError, EngineConfig, add_generator, load_config
from ragkit.service import open_service

OPENAI = '[generators.big]\nkind = "openai"\nurl = "http://127.0.0.1:1/v1/"\nmodel = "m"\n'
LLAMA = '[generators.small]\nkind = "llama"\npath = "some.gguf"\n'
EMBEDDER = '[embedders.e]\nkind = "openai"\nurl = "http://127.0.0.1:1"\nmodel = "m"\n'


def read(folder: Path, text: str, **environ: str) -> EngineConfig:
    (folder / "ragkit.toml").write_text(text, "utf-8")
    return load_config(folder, environ)


def test_nothing_is_configured_by_default(tmp_path):
    config = load_config(tmp_path / "absent", {})
    assert config == EngineConfig()
    assert not config.generators
    assert config.embedder == "static-256"


def test_everything_can_be_said(tmp_path):
    text = (
        'generator = "small"\nembedder = "e"\n'
        + OPENAI
        + 'api_key_env = "K"\ncontext_tokens = 8\noutput_tokens = 4\ntimeout = 2\nretries = 0\n'
        + "tools = true\n"
        + LLAMA
        + "threads = 2\ngpu_layers = 0\nparallel = 3\n"
        + '[generators.flash]\nkind = "google"\nmodel = "gemini"\n'
        + EMBEDDER
        + 'dimensions = 8\nbatch_size = 2\nquery_prefix = "q: "\ndocument_prefix = "d: "\n'
    )
    config = read(tmp_path, text, K="secret", GOOGLE_API_KEY="google-secret")
    assert list(config.generators) == ["big", "small", "flash"]
    assert config.generator == "small"
    assert config.embedder == "e"
    big, small, flash = config.generators.values()
    assert (big.url, big.model, big.api_key) == ("http://127.0.0.1:1/v1", "m", "secret")
    assert (big.context_tokens, big.output_tokens, big.timeout, big.retries) == (8, 4, 2.0, 0)
    assert big.tools
    assert small.path == tmp_path / "some.gguf"
    assert (small.threads, small.gpu_layers, small.parallel) == (2, 0, 3)
    assert small.context_tokens == 4096
    assert flash.url == "https://generativelanguage.googleapis.com"
    assert (flash.api_key_env, flash.api_key) == ("GOOGLE_API_KEY", "google-secret")
    embedder = config.embedders["e"]
    assert (embedder.dimensions, embedder.batch_size) == (8, 2)
    assert (embedder.query_prefix, embedder.document_prefix) == ("q: ", "d: ")
    assert "secret" not in repr(config)


def test_the_first_generator_is_the_default(tmp_path):
    assert read(tmp_path, LLAMA + OPENAI).generator == "small"


def test_a_key_may_stand_in_the_file(tmp_path):
    config = read(tmp_path, OPENAI + 'api_key = "secret"\n')
    assert config.generators["big"].api_key == "secret"


def test_a_file_can_be_named(tmp_path):
    named, other = tmp_path / "named.toml", tmp_path / "other.toml"
    named.write_text(LLAMA)
    other.write_text(OPENAI)
    data = tmp_path / "data"
    from_environment = load_config(data, {"RAGKIT_CONFIG": str(named)})
    assert list(from_environment.generators) == ["small"]
    assert from_environment.source == named
    from_argument = load_config(data, {"RAGKIT_CONFIG": str(named)}, other)
    assert list(from_argument.generators) == ["big"]


def test_a_named_file_that_is_absent_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml cannot be read: No such file"):
        load_config(tmp_path, {"RAGKIT_CONFIG": str(tmp_path / "absent.toml")})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("generators = ", "is not TOML"),
        ("generator = 'x'\n" + OPENAI, "generator: there is no model 'x' configured; there is big"),
        ("generator = 3\n" + OPENAI, "generator: there is no model 3"),
        ("embedder = 'x'\n", "embedder: there is no model 'x' configured; there is static-256"),
        ("generater = 'x'\n", "generater: unknown key; did you mean 'generator'?"),
        ("zzz = 1\n", "zzz: unknown key; there is generator, embedder, generators, embedders"),
        ("generators = 3\n", "generators: must be a table of tables"),
        ("[generators]\nbig = 3\n", "generators.big: must be a table"),
        ("[generators.big]\n", "generators.big.kind: required; one of openai"),
        ("[generators.big]\nkind = 'gpt'\n", "generators.big.kind: 'gpt' is not known"),
        ("[generators.'a b']\nkind = 'llama'\n", "generators.a b: a model's name has letters"),
        ("[generators.extractive]\nkind = 'llama'\n", "generators.extractive: this name is"),
        ("[generators.static-256]\nkind = 'llama'\n", "generators.static-256: this name is"),
        ("[generators.x]\nkind = 'llama'\n", "generators.x.path: required"),
        ("[generators.x]\nkind = 'llama'\npath = 3\n", "generators.x.path: required"),
        (LLAMA + "url = 'x'\n", "generators.small.url: unknown key"),
        (LLAMA + "threads = -1\n", "generators.small.threads: -1 is less than 0"),
        (LLAMA + "context_tokens = 0\n", "generators.small.context_tokens: 0 is less than 1"),
        (LLAMA + "threads = true\n", "generators.small.threads: True is not a whole number"),
        ("[generators.x]\nkind = 'openai'\n", "generators.x.model: required"),
        ("[generators.x]\nkind = 'openai'\nmodel = 'm'\n", "generators.x.url: required"),
        (OPENAI.replace("http", "ftp"), "generators.big.url: 'ftp://127.0.0.1:1/v1' is not"),
        (OPENAI + "timout = 3\n", "generators.big.timout: unknown key; did you mean 'timeout'?"),
        (OPENAI + "timeout = 'x'\n", "generators.big.timeout: 'x' is not a number"),
        (OPENAI + "timeout = 0\n", "generators.big.timeout: 0.0 is not in (0, 86400]"),
        (OPENAI + "timeout = nan\n", "generators.big.timeout: nan is not in (0, 86400]"),
        (OPENAI + "tools = 'yes'\n", "generators.big.tools: 'yes' is not a true or false"),
        (OPENAI + "retries = -1\n", "generators.big.retries: -1 is less than 0"),
        (OPENAI + "api_key = 'a'\napi_key_env = 'B'\n", "generators.big.api_key: not together"),
        (EMBEDDER, "embedders.e.dimensions: required"),
        (EMBEDDER + "dimensions = 0\n", "embedders.e.dimensions: 0 is less than 1"),
        (EMBEDDER.replace("openai", "llama"), "embedders.e.kind: 'llama' is not known"),
        (
            OPENAI + EMBEDDER.replace(".e]", ".big]") + "dimensions = 1\n",
            "embedders.big: another model has this name already",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, problem):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert problem in str(caught.value)
    assert str(tmp_path / "ragkit.toml") in str(caught.value)


def test_a_file_that_is_not_utf8_is_an_error(tmp_path):
    (tmp_path / "ragkit.toml").write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path, {})


def test_a_service_is_not_opened_over_a_wrong_configuration(tmp_path):
    (tmp_path / "ragkit.toml").write_text("x = 1\n")
    with pytest.raises(ConfigurationError, match="x: unknown key"):
        open_service(tmp_path)


@pytest.mark.parametrize(
    ("flag", "name", "kind"),
    [
        ("openai=http://127.0.0.1:1/v1#org/model:7b", "org-model-7b", "openai"),
        ("llama=models/Some Model.gguf", "Some-Model", "llama"),
        ("google=gemini-2.0-flash", "gemini-2.0-flash", "google"),
    ],
)
def test_a_flag_adds_a_generator_and_makes_it_the_default(tmp_path, flag, name, kind):
    config = read(tmp_path, OPENAI)
    added = add_generator(config, flag, {"OPENAI_API_KEY": "secret", "GEMINI_API_KEY": "secret"})
    assert added.generator == name
    assert list(added.generators) == [name, "big"]
    assert added.generators[name].kind == kind
    assert added.generators[name].api_key == ("" if kind == "llama" else "secret")


@pytest.mark.parametrize(
    "flag", ["", "x", "openai", "openai=", "openai=http://x", "openai=#m", "llama=", "gpt=4"]
)
def test_a_flag_of_another_form_is_refused(flag):
    with pytest.raises(ConfigError, match=r"openai=URL#MODEL, llama=PATH"):
        add_generator(EngineConfig(), flag, {})


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=5),
    st.lists(st.integers(0, 9), max_size=2),
)
DEFAULTS = {"kind": "openai", "url": "http://127.0.0.1:1/v1", "model": "m"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    key=st.sampled_from([*DEFAULTS, "timeout", "retries", "context_tokens", "tools", "api_key"]),
    value=VALUES,
)
def test_any_value_is_taken_or_refused_by_name(tmp_path, key, value):
    # JSON's scalars and lists are TOML's, but for the numbers that JSON has not.
    entries = {**DEFAULTS, key: value}
    lines = [f"{name} = {json.dumps(one).lower()}" for name, one in entries.items()]
    if isinstance(value, str):
        lines = [f"{name} = {json.dumps(one)}" for name, one in entries.items()]
    text = "\n".join(["[generators.big]", *lines]).replace("infinity", "inf")
    try:
        config = read(tmp_path, text)
    except ConfigError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert getattr(config.generators["big"], key) == value
    assert not refusal or f"generators.big.{key}: " in refusal
