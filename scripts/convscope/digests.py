"""Names made of content: SHA-256 digests of files, bytes and settings."""

import hashlib
import json
from pathlib import Path
from typing import Any


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def normalised(value: Any) -> Any:
    """Return plain settings with sorted keys and one spelling a number.

    ``1`` and ``1.0`` mean the same to a user, so whole floats become integers: settings that are
    equal have equal ``repr`` (which is what Snakemake compares) and equal digests.
    """
    if isinstance(value, dict):
        return {str(key): normalised(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [normalised(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"settings hold plain values only, not {type(value).__name__}: {value!r}")


def settings_digest(settings: Any, length: int = 16) -> str:
    """Return the first ``length`` hexadecimal digits of the SHA-256 of plain settings."""
    text = json.dumps(normalised(settings), sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
