"""Which models there are, and which of them a name stands for."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.api.errors import NotFound
from ragkit.api.models import Model
from ragkit.api.names import split_model
from ragkit.engine.engine import Engine
from ragkit.service.policies import MODEL_ALIASES

_VERSION_SUFFIX = "-001"
_COUNTED = "Its tokens are counted as cl100k_base, as those of chunks are."


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
    embedder, answerer = engine.embedder(), engine.answerer()
    models = [
        Model(
            name=f"models/{embedder.name}",
            base_model_id=embedder.name,
            version="001",
            display_name=f"Embedder {embedder.name}",
            description=(
                f"Embeds text of any length as {embedder.dimensions} dimensions, in this "
                f"installation and offline. {_COUNTED}"
            ),
            supported_generation_methods=["embedContent", "batchEmbedContents", "countTokens"],
        ),
        Model(
            name=f"models/{answerer.name}",
            base_model_id=answerer.name,
            version="001",
            display_name="Extractive answerer",
            description=(
                "Answers with verbatim sentences of the passages given or retrieved, each "
                f"attributed; every answer style is extractive. {_COUNTED}"
            ),
            supported_generation_methods=["generateAnswer", "countTokens"],
        ),
    ]
    return {model.base_model_id: model for model in models}


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
    """
    models = catalog(engine)
    asked = split_model(name, field)
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
