"""A GGUF file in this process, computed by llama.cpp through `xllamacpp`."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Iterator
from typing import Any, Final

from ragkit.engine.config import GeneratorConfig
from ragkit.engine.models.backend_errors import BackendReplyError, BackendSetupError
from ragkit.engine.models.endpoint import Endpoint
from ragkit.engine.models.generators import Generated, GenerationPrompt, Piece
from ragkit.engine.models.generators.chat import StreamReader, from_reply, messages, to_body

_QUIET: Final = -1
_ROOM: Final = 64  # pieces written ahead of who reads them
_END: Final = object()
_DONE: Final = "[DONE]"


class LlamaGenerator:
    """Writes with weights in this process, which are loaded at the first use.

    llama.cpp's engine runs in threads of its own and lets go of Python's lock while it computes;
    several calls share it. Safe to use from several threads.

    It always listens at a free port of the loopback interface, too; a random key that nobody else
    knows keeps it closed. Only tokens are counted through it, for which there is no function.
    """

    calls_functions = False  # whether a template knows tools is not told; some ignore them

    def __init__(self, config: GeneratorConfig) -> None:
        self.name = config.name
        self._config = config
        # A model may never come to an end by itself.
        self._most_tokens = config.output_tokens or config.context_tokens
        self._lock = threading.Lock()
        self._key = secrets.token_hex(16)
        self._server: Any = None
        self._endpoint: Endpoint | None = None

    def generate(self, prompt: GenerationPrompt) -> Generated:
        """Write one continuation, whole; see `Generator.generate`."""
        return from_reply(
            self.name,
            self._loaded().handle_chat_completions(to_body(prompt, "", self._most_tokens)),
        )

    def stream(self, prompt: GenerationPrompt) -> Iterator[Piece]:
        """Write one continuation, piece by piece; see `Generator.stream`.

        llama.cpp hands the pieces to a function that it calls; a thread and a short queue turn
        that into an iterator.
        """
        server = self._loaded()
        body = to_body(prompt, "", self._most_tokens, stream=True)
        chunks: queue.Queue[Any] = queue.Queue(_ROOM)
        stopped = threading.Event()

        def take(chunk: Any) -> bool:
            """Hand a chunk on; True ends the writing."""
            while not stopped.is_set():
                try:
                    chunks.put(chunk, timeout=0.1)
                except queue.Full:
                    continue
                return False
            return True

        def write() -> None:
            try:
                server.handle_chat_completions(body, take)
            except RuntimeError as error:
                take({"error": {"code": 500, "message": str(error)}})
            finally:
                take(_END)

        writer = threading.Thread(target=write, name=f"ragkit-{self.name}", daemon=True)
        writer.start()
        reader = StreamReader(self.name)
        try:
            while (chunk := chunks.get()) is not _END:
                piece = None if chunk == _DONE else reader.read(chunk)
                if piece is not None:
                    yield piece
            yield reader.last()
        finally:
            stopped.set()
            writer.join()

    def count_tokens(self, prompt: GenerationPrompt) -> int | None:
        """How many tokens the prompt has in this model's vocabulary, its template included."""
        self._loaded()
        endpoint = self._endpoint
        assert endpoint is not None
        text = endpoint.post("apply-template", {"messages": messages(prompt)}).get("prompt", "")
        tokens = endpoint.post("tokenize", {"content": text, "parse_special": True}).get("tokens")
        if not isinstance(tokens, list):
            raise BackendReplyError(self.name, "llama.cpp did not tokenize the prompt")
        return len(tokens)

    def close(self) -> None:
        """Free the weights' memory; they are loaded again with the next use."""
        with self._lock:
            server, self._server = self._server, None
            endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.close()
        del server

    def _loaded(self) -> Any:
        """llama.cpp's server over the weights.

        Raises:
            BackendSetupError: xllamacpp is not installed, or the weights cannot be loaded.
        """
        with self._lock:
            if self._server is None:
                self._server = self._load()
                url = self._server.listening_address
                self._endpoint = Endpoint(self.name, url, self._key, 60.0, 0)
            return self._server

    def _load(self) -> Any:
        config = self._config
        path = config.path
        assert path is not None  # the configuration's reader saw to it
        try:
            import xllamacpp
        except ImportError as error:
            raise BackendSetupError(
                self.name,
                f"a GGUF needs the package xllamacpp: pip install 'ragkit[llama]' ({error})",
            ) from error
        if not path.is_file():
            raise BackendSetupError(self.name, f"there is no file {path}")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        # llama.cpp divides the context among those who write at the same time.
        parameters.n_ctx = config.context_tokens * config.parallel
        parameters.n_parallel = config.parallel
        parameters.n_gpu_layers = config.gpu_layers
        if config.threads:
            parameters.cpuparams.n_threads = config.threads
            parameters.cpuparams_batch.n_threads = config.threads
        parameters.api_keys = [self._key]
        parameters.verbosity = _QUIET
        parameters.warmup = False
        parameters.ctx_shift = False
        try:
            return xllamacpp.Server(parameters)
        except RuntimeError as error:
            raise BackendSetupError(self.name, f"llama.cpp cannot load {path}: {error}") from error
