"""Progress: one bar on a terminal, a log line every few seconds elsewhere."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(
    items: Iterable[Item],
    logger: logging.Logger,
    *,
    what: str,
    total: int,
    seconds: float = 5.0,
    note: Callable[[], str] | None = None,
) -> Iterator[Item]:
    """Yield ``items`` and say how far along the work is.

    Parameters
    ----------
    items
        The work, in order.
    logger
        Where lines go when standard error is not a terminal.
    what
        What an item is, in the plural: ``"images"``.
    total
        How many items there are.
    seconds
        The shortest time between two log lines.
    note
        Gives a few words on the state of the work (a loss, a score).
    """
    if sys.stderr.isatty():
        with tqdm(items, total=total, unit=f" {what}") as bar:
            for item in bar:
                yield item
                if note is not None:
                    bar.set_postfix_str(note())
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= seconds or done == total:
            left = (now - start) / done * (total - done)
            extra = f", {note()}" if note is not None else ""
            logger.info("%d of %d %s, %.0f s left%s", done, total, what, left, extra)
            last = now
