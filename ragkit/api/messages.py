"""The legacy message methods: generateMessage and countMessageTokens."""

from __future__ import annotations

from ragkit.api.base import Float32, Int32, ProtoModel
from ragkit.api.citations import CitationMetadata
from ragkit.api.safety import ContentFilter


class Message(ProtoModel):
    """What one author said; `content` is required, authors are told apart by `author`."""

    author: str = ""
    content: str = ""
    citation_metadata: CitationMetadata | None = None


class Example(ProtoModel):
    """An input and how the model should answer; both are required."""

    input: Message | None = None
    output: Message | None = None


class MessagePrompt(ProtoModel):
    """A conversation: `messages` are required, oldest first, of two authors in turn.

    `context` is given to the model first. If all is too long, the oldest messages are dropped.
    """

    context: str = ""
    examples: list[Example] = []
    messages: list[Message] = []

    @classmethod
    def of(cls, prompt: MessagePrompt | str) -> MessagePrompt:
        """Wrap one message given as plain text."""
        return cls(messages=[Message(content=prompt)]) if isinstance(prompt, str) else prompt


class GenerateMessageRequest(ProtoModel):
    """models.generateMessage: `temperature` is in [0, 1], `candidate_count` in [1, 8]."""

    model: str = ""
    prompt: MessagePrompt | None = None
    temperature: Float32 | None = None
    candidate_count: Int32 | None = None
    top_p: Float32 | None = None
    top_k: Int32 | None = None


class GenerateMessageResponse(ProtoModel):
    """The candidates for the next message, the conversation, and what was blocked."""

    candidates: list[Message] = []
    messages: list[Message] = []
    filters: list[ContentFilter] = []


class CountMessageTokensRequest(ProtoModel):
    """models.countMessageTokens."""

    model: str = ""
    prompt: MessagePrompt | None = None


class CountMessageTokensResponse(ProtoModel):
    """How many tokens the prompt has."""

    token_count: Int32 = 0
