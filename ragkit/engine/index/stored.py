"""Records of files that are only appended to, mapped so that processes share what is in memory."""

from __future__ import annotations

import mmap
import os
import weakref
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ragkit.engine.index.manifest import DamagedIndexError

_MAPPED_WHOLE = 1 << 29
"""Bytes of a file whose single records are taken from the mapping. Each such access also maps the
pages around it, so that a large file's would soon all count as this process' memory."""


class Stored:
    """The first records of a file.

    Attributes:
        array: all of them, mapped, shape (n,) or (n, width). Read-only.
    """

    def __init__(self, array: NDArray[Any], descriptor: int | None = None) -> None:
        """Use records that are mapped, and the descriptor of their file where it is a large one."""
        self.array = array
        self._descriptor = descriptor
        if descriptor is not None:
            weakref.finalize(self, os.close, descriptor)

    @classmethod
    def open(cls, path: Path, dtype: np.dtype[Any], count: int, width: int | None = None) -> Self:
        """Map the first `count` records of a file.

        Args:
            path: the file.
            dtype: of a record, or of one of its numbers.
            count: how many records.
            width: numbers in a record; by default a record is one.

        Raises:
            DamagedIndexError: there are fewer.
        """
        numbers = count if width is None else count * width
        size = numbers * dtype.itemsize
        array: NDArray[Any] = np.empty(0, dtype)
        descriptor = None
        try:
            if size:
                with path.open("rb") as file:
                    view = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
                    array = np.frombuffer(view, dtype, numbers)
                    if size > _MAPPED_WHOLE and hasattr(os, "pread"):
                        descriptor = os.dup(file.fileno())
        except (OSError, ValueError) as error:
            raise DamagedIndexError(f"{path} cannot be mapped: {error}") from error
        return cls(array if width is None else array.reshape(count, width), descriptor)

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.array)

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Copy single records, shape as `array` with as many as there are rows."""
        if self._descriptor is None:
            return np.asarray(self.array[rows])
        size = self.array[:1].nbytes
        starts = rows * size
        data = self._read(starts, starts + size)
        return np.frombuffer(data, self.array.dtype).reshape(len(rows), *self.array.shape[1:])

    def stretches(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[Any]:
        """Copy stretches of records, one after the other."""
        size = self.array.dtype.itemsize
        return np.frombuffer(self._read(starts * size, ends * size), self.array.dtype)

    def _read(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> bytes:
        if (descriptor := self._descriptor) is not None:
            lengths = (ends - starts).tolist()
            places = zip(lengths, starts.tolist(), strict=True)
            return b"".join([os.pread(descriptor, length, start) for length, start in places])
        # Joined as bytes: concatenating many small arrays takes three times as long.
        data = memoryview(self.array.view(np.uint8))  # type: ignore[arg-type]
        places = zip(starts.tolist(), ends.tolist(), strict=True)
        return b"".join([data[start:end] for start, end in places])
