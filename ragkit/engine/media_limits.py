"""How much files may take, and how long they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits of files and uploads. The defaults are those of Google's public guide.

    Attributes:
        file_bytes: the most bytes of one file.
        total_bytes: the most bytes that all files, and the uploads under way, have together.
        file_seconds: how long a file is kept.
        upload_seconds: how long an upload can be gone on with after its last piece.
    """

    file_bytes: int = 2 * 1024**3
    total_bytes: int = 20 * 1024**3
    file_seconds: float = 48 * HOUR
    upload_seconds: float = 48 * HOUR
