"""Progress of one transfer: a bar on a terminal, a log line every few seconds elsewhere."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tqdm import tqdm


class Transfer(Protocol):
    """What pooch and the hub's client tell of a transfer."""

    total: float | None

    def update(self, count: int) -> object:
        """Count ``count`` more bytes."""

    def reset(self) -> object:
        """Count from zero again."""

    def close(self) -> object:
        """End the transfer."""


class LoggedTransfer:
    """Counts bytes and says how far along the transfer is, at most once in ``seconds``."""

    def __init__(self, logger: logging.Logger, name: str, seconds: float) -> None:
        self.total: float | None = None
        self._logger = logger
        self._name = name
        self._seconds = seconds
        self._received = 0
        self._said = time.monotonic()

    def update(self, count: int) -> None:
        """Count ``count`` more bytes."""
        self._received += count
        now = time.monotonic()
        if now - self._said < self._seconds:
            return
        self._said = now
        megabytes = self._received / 1e6
        if self.total:
            # The library counts whole chunks, so the last one may reach past the end.
            total = self.total / 1e6
            self._logger.info("%s: %.1f of %.1f MB", self._name, min(megabytes, total), total)
        else:
            self._logger.info("%s: %.1f MB", self._name, megabytes)

    def reset(self) -> None:
        """Count from zero again."""
        self._received = 0

    def close(self) -> None:
        """End the transfer; the caller says how it went."""
        self._said = float("inf")


@contextmanager
def transferring(
    logger: logging.Logger, name: str, seconds: float = 5.0, *, bar: bool = True
) -> Iterator[Transfer]:
    """Yield what shows a transfer called ``name``; it is closed at the end in any case.

    Without ``bar`` there are lines on a terminal too: where several transfers run side by side.
    """
    display: Transfer
    if bar and sys.stderr.isatty():
        display = tqdm(desc=name, unit="B", unit_scale=True, leave=True)
    else:
        display = LoggedTransfer(logger, name, seconds)
    try:
        yield display
    finally:
        display.close()
