"""Generators for tests, and services that have one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ragkit.engine.config import EngineConfig, GeneratorConfig
from ragkit.engine.engine import Engine
from ragkit.engine.models.generators import Finish, Generated, GenerationPrompt, Piece
from ragkit.service.dispatcher import Service

Write = Callable[[GenerationPrompt], str]


class ScriptedGenerator:
    """Answers by a function of the prompt, and keeps the prompts that it was given."""

    name = "scripted"
    calls_functions = False

    def __init__(self, write: Write) -> None:
        self.write = write
        self.prompts: list[GenerationPrompt] = []

    def generate(self, prompt: GenerationPrompt) -> Generated:
        self.prompts.append(prompt)
        return Generated(self.write(prompt))

    def stream(self, prompt: GenerationPrompt) -> Iterator[Piece]:
        self.prompts.append(prompt)
        for word in self.write(prompt).split():
            yield Piece(word)
        yield Piece(finish=Finish.STOP)

    def count_tokens(self, prompt: GenerationPrompt) -> int | None:
        return None

    def close(self) -> None:
        pass


def scripted_service(data: Path, write: Write) -> tuple[Service, ScriptedGenerator]:
    """A service whose one generator is scripted."""
    generator = ScriptedGenerator(write)
    config = EngineConfig(
        generators={"scripted": GeneratorConfig(name="scripted", kind="openai")},
        generator="scripted",
    )
    return Service(Engine(data, config=config, make_generator=lambda _: generator)), generator
