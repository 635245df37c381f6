"""Several candidates for one prompt, as texts."""

from __future__ import annotations

from ragkit.engine.models.generators import GenerationPrompt, Generator


def generate_several(
    generator: Generator, prompt: GenerationPrompt, count: int | None
) -> list[str]:
    """The texts of as many candidates as asked for, one by default.

    Raises:
        BackendError: one could not be written.
    """
    return [generator.generate(prompt).text for _ in range(1 if count is None else count)]
