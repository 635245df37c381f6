"""Which models there are, and which of them a name stands for."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.api.errors import NotFound, Unimplemented
from ragkit.api.limits import MAX_GENERATION_TEMPERATURE
from ragkit.api.models import Model
from ragkit.api.names import split_model
from ragkit.engine.config import GeneratorConfig
from ragkit.engine.engine import Engine
from ragkit.service.policies import GENERATOR_ALIASES, MODEL_ALIASES

_VERSION_SUFFIX = "-001"
_COUNTED = "Its tokens are counted as cl100k_base, as those of chunks are."
_CONFIGURE = (
    'In ragkit.toml in the data folder, say [generators.NAME] with kind = "openai", url and '
    'model for any OpenAI-compatible endpoint (Ollama, vLLM, llama.cpp), kind = "llama" and path '
    'for a GGUF file in this process, or kind = "google" and model for Google\'s endpoint.'
)

GENERATING = frozenset(
    {
        "generateContent",
        "streamGenerateContent",
        "batchGenerateContent",
        "generateText",
        "generateMessage",
        "countMessageTokens",
    }
)
"""Methods that need a generator."""


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model under the id that was asked for."""

    asked: str
    id: str
    model: Model

    @property
    def is_alias(self) -> bool:
        """Whether the id asked for is not the model's own."""
        return self.asked != self.id


def catalog(engine: Engine) -> dict[str, Model]:
    """All models by id, in the order in which they are listed."""
    answerer = engine.answerer()
    models = [
        *(_embedder(engine, name) for name in engine.embedder_names()),
        *(_generator(one) for one in _generators(engine)),
        Model(
            name=f"models/{answerer.name}",
            base_model_id=answerer.name,
            version="001",
            display_name="Extractive answerer",
            description=(
                "Answers with verbatim sentences of the passages given or retrieved, each "
                f"attributed; every answer style is extractive. {_COUNTED}"
            ),
            supported_generation_methods=["generateAnswer", "countTokens", "countTextTokens"],
        ),
    ]
    return {model.base_model_id: model for model in models}


def _embedder(engine: Engine, name: str) -> Model:
    configured = engine.config.embedders.get(name)
    if configured is None:
        embedder = engine.embedder(name)
        dimensions, where = embedder.dimensions, "in this installation and offline"
    else:
        dimensions, where = configured.dimensions, f"by {configured.model} at {configured.url}"
    return Model(
        name=f"models/{name}",
        base_model_id=name,
        version="001",
        display_name=f"Embedder {name}",
        description=f"Embeds text of any length as {dimensions} dimensions, {where}. {_COUNTED}"
        if configured is None
        else f"Embeds text as {dimensions} dimensions, {where}. {_COUNTED}",
        input_token_limit=configured.input_tokens if configured is not None else 0,
        supported_generation_methods=[
            *("embedContent", "batchEmbedContents", "asyncBatchEmbedContent"),
            *("embedText", "batchEmbedText", "countTokens", "countTextTokens"),
        ],
    )


def _generators(engine: Engine) -> list[GeneratorConfig]:
    """The generators, the one that aliases stand for first."""
    default = engine.config.generator
    return sorted(engine.config.generators.values(), key=lambda one: one.name != default)


def _generator(config: GeneratorConfig) -> Model:
    """A generator, with what the configuration knows of its limits; what it does not is absent."""
    if config.path is not None:
        behind = f"the weights {config.path.name}, in this process"
    else:
        behind = f"{config.model} at {config.url}"
    return Model(
        name=f"models/{config.name}",
        base_model_id=config.name,
        version="001",
        display_name=f"Generator {config.name}",
        description=(
            f"Writes text by {behind}. generateAnswer words its answers by it, and checks each "
            "sentence against the passages."
        ),
        input_token_limit=config.context_tokens,
        output_token_limit=config.output_tokens or config.context_tokens,
        max_temperature=MAX_GENERATION_TEMPERATURE,
        supported_generation_methods=[
            *("generateContent", "streamGenerateContent", "batchGenerateContent", "countTokens"),
            *("createCachedContent", "createTunedModel", "generateAnswer", "generateText"),
            *("countTextTokens", "generateMessage", "countMessageTokens"),
        ],
    )


def find_model(engine: Engine, name: str, method: str, field: str = "model") -> NamedModel:
    """The model that a name stands for, by itself or as an alias.

    Arguments:
        engine: whose models.
        name: such as `models/static-256` or `models/aqa`.
        method: what it is to do, such as `embedContent`; "" for nothing in particular.
        field: where the name stands in the request.

    Raises:
        InvalidArgument: the name is not of the form models/*.
        NotFound: there is no such model, or it does not offer the method.
        Unimplemented: the method needs a generator, and none is configured.
    """
    asked = split_model(name, field)
    if method in GENERATING and not engine.config.generators:
        raise Unimplemented(f"{method} needs a generator, and none is configured. {_CONFIGURE}")
    models = catalog(engine)
    found = models.get(asked) or models.get(asked.removesuffix(_VERSION_SUFFIX))
    if found is None:
        purpose = _purpose(asked)
        found = next(
            (one for one in models.values() if purpose in one.supported_generation_methods), None
        )
    if found is None or (method and method not in found.supported_generation_methods):
        able = [
            one.name
            for one in models.values()
            if not method or method in one.supported_generation_methods
        ]
        problem = f"does not offer {method}" if found is not None else "does not exist"
        raise NotFound(
            f"{name[:200]} {problem}; there is {' and '.join(able)} (see models.list)",
            resource=name,
        )
    return NamedModel(asked, found.base_model_id, found)


def _purpose(asked: str) -> str | None:
    """What a model is for whose id clients hard-code, with or without its version."""
    for variant in (asked, asked.removesuffix(_VERSION_SUFFIX), asked + _VERSION_SUFFIX):
        if variant in MODEL_ALIASES:
            return MODEL_ALIASES[variant]
    if asked.startswith(GENERATOR_ALIASES) and "embedding" not in asked:
        return "generateContent"
    return None


def described(named: NamedModel) -> Model:
    """The model as models.get shows it: an alias says what is behind it."""
    if not named.is_alias:
        return named.model
    return named.model.model_copy(
        update={
            "name": f"models/{named.asked}",
            "display_name": f"{named.asked} (alias of {named.id})",
            "description": (
                f"An alias: calls are answered by models/{named.id}, not by Google's model of "
                f"this name. {named.model.description}"
            ),
        }
    )
