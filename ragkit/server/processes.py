"""Several processes that serve one data folder at one address.

Python runs one thread at a time, so a second core is of full use only to a second process. The
processes share nothing but the data folder, which any number of processes may use; the system
spreads connections over them (SO_REUSEPORT). A parent starts them, passes signals on, and starts
anew what ends by itself. When the parent is killed, they end at once: what was acknowledged is on
disk.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import BinaryIO, Final

from ragkit.api.errors import ConfigurationError, Unavailable
from ragkit.server.logs import LOGGER, LogWriter
from ragkit.server.running import bind, open_checked, serve_at, url_of
from ragkit.server.settings import Settings

_READY: Final = b"ready\n"
_POLL_SECONDS: Final = 0.05
_RESTART_SECONDS: Final = 1.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def supervise(settings: Settings, log_level: str, ready: Callable[[str], None]) -> bool:
    """Serve with several processes until a signal comes; see `ragkit.server.running.serve`."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigurationError("--processes: this system has no sockets for several processes")
    # Once, before there are several: the store is made or brought up to date, and what is wrong
    # is told by one.
    open_checked(settings).close()
    kept = bind(settings.host, settings.port, shared=True, listen=False)
    try:
        settings = replace(settings, port=kept.getsockname()[1])
        log = LogWriter(log_level)
        log.start()
        try:
            return _Family(settings, log_level).run(lambda: ready(url_of(kept)))
        finally:
            log.stop()
    finally:
        kept.close()


class _Family:
    """The processes, and what the parent knows of them."""

    def __init__(self, settings: Settings, log_level: str) -> None:
        self._settings = settings
        self._log_level = log_level
        self._children: list[subprocess.Popen[bytes]] = []
        self._signals = 0

    def run(self, ready: Callable[[], None]) -> bool:
        """Start all, wait for a signal, and for their ends; returns whether these were orderly."""
        before = {each: signal.signal(each, self._take) for each in _SIGNALS}
        try:
            for _ in range(self._settings.processes):
                self._children.append(self._start())
            if any(not _is_ready(child) for child in self._children):
                raise Unavailable("a process of the server ended as soon as it was started")
            ready()
            self._watch()
            return self._ended()
        finally:
            for child in self._children:
                if child.poll() is None:
                    child.kill()
                _let_go(child)
            for each, handler in before.items():
                signal.signal(each, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "ragkit.server.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A terminal's Ctrl-C reaches the parent alone, which passes it on.
            start_new_session=True,
        )
        assert child.stdin is not None
        pickle.dump((self._settings, self._log_level), child.stdin)
        child.stdin.flush()
        return child

    def _watch(self) -> None:
        """Wait for a signal; start anew whatever ends before."""
        while not self._signals:
            time.sleep(_POLL_SECONDS)
            for place, child in enumerate(self._children):
                if child.poll() is None or self._signals:
                    continue
                LOGGER.error("process %d ended with %s", child.pid, child.returncode)
                _let_go(child)
                time.sleep(_RESTART_SECONDS)
                self._children[place] = self._start()

    def _ended(self) -> bool:
        passed = 0
        while any(child.poll() is None for child in self._children):
            while passed < min(self._signals, 2):
                passed += 1
                for child in self._children:
                    child.send_signal(signal.SIGTERM)
            time.sleep(_POLL_SECONDS)
        # One that was only being started takes the signal as any process does.
        return all(child.returncode in (0, -signal.SIGTERM) for child in self._children)


def _is_ready(child: subprocess.Popen[bytes]) -> bool:
    assert child.stdout is not None
    return child.stdout.readline() == _READY


def _let_go(child: subprocess.Popen[bytes]) -> None:
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def _end_with(parent: BinaryIO) -> None:
    """End this process at once when its parent has ended."""
    parent.read()
    os._exit(1)


def _main() -> None:
    """One of the processes: told by its parent, over stdin, what to serve."""
    settings, log_level = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    service = open_checked(settings)
    listening = bind(settings.host, settings.port, shared=True)

    def ready(url: str) -> None:
        sys.stdout.buffer.write(_READY)
        sys.stdout.flush()

    complete = serve_at(service, settings, listening, log_level, ready)
    # Not by returning: threads may be at work still, and one waits for the parent's end.
    sys.stderr.flush()
    os._exit(0 if complete else 1)


if __name__ == "__main__":
    _main()
