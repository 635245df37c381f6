"""A light load generator: HTTP/1.1 over kept connections, in one thread.

It costs a tenth of a millisecond a request, so that what is measured on a small machine is the
server.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Encode = Callable[[int], bytes]
"""Makes the n-th request, whole."""
Check = Callable[[bytes], bool]
"""Says whether a reply's body is right."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load; seconds."""

    requests: int
    wrong: int
    wall: float
    p50: float
    p99: float
    server_cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.wall


def post(path: str, port: int, body: bytes) -> bytes:
    """A request as bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run_load(
    port: int, encode: Encode, right: Check, *, connections: int, seconds: float, pid: int
) -> Load:
    """Send requests on each of some connections, one after the other, for some time.

    Args:
        port: where on this machine.
        encode: makes each request, within the time that is measured.
        right: looks at one reply in sixteen.
        connections: how many at once.
        seconds: how long.
        pid: the server's process, for its CPU time and its children's.
    """
    return asyncio.run(_run(port, encode, right, connections, seconds, pid))


async def _run(
    port: int, encode: Encode, right: Check, connections: int, seconds: float, pid: int
) -> Load:
    latencies: list[float] = []
    wrong = 0
    cpu, started = cpu_of(pid), time.perf_counter()
    deadline = started + seconds

    async def one(first: int) -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        while (begun := time.perf_counter()) < deadline:
            writer.write(encode(number))
            status, body = await _reply(reader)
            latencies.append(time.perf_counter() - begun)
            if status != 200 or (number // connections % 16 == 0 and not right(body)):
                wrong += 1
            number += connections
        writer.close()

    await asyncio.gather(*(one(first) for first in range(connections)))
    wall = time.perf_counter() - started
    latencies.sort()
    return Load(
        len(latencies),
        wrong,
        wall,
        latencies[len(latencies) // 2],
        latencies[len(latencies) * 99 // 100],
        cpu_of(pid) - cpu,
    )


async def _reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    at = head.find(b"content-length:")
    if at >= 0:
        size = int(head[at + 15 : head.index(b"\r", at)])
        return status, await reader.readexactly(size)
    pieces = []
    while size := int(await reader.readline(), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return status, b"".join(pieces)


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process and its children so far (Linux; elsewhere 0)."""
    total = 0
    for each in _family(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> Sequence[int]:
    found = [pid]
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listing.read_text().split():
            found += _family(int(child))
    return found
