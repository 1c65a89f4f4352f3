"""What every job does around its work: log, refuse foreign code, report failures plainly."""

import errno
import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import convscope
from convscope.batching import is_out_of_memory, out_of_memory
from convscope.code_digest import code_of
from convscope.errors import UserError
from convscope.usage import peak_memory

LOGGER = logging.getLogger(__name__)
DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission was denied",
    errno.EFBIG: "files may not grow that large here (ulimit -f)",
}


@contextmanager
def running(
    script: str, log: str, settings: Mapping[str, Any] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Log to the rule's file and the screen, check the code that runs, and end failures clearly.

    Parameters
    ----------
    script
        The adapter's own path.
    log
        The rule's log file.
    settings
        The rule's params; where they hold a code digest it must be that of the code that runs.

    Yields
    ------
    Mapping
        The settings.

    Raises
    ------
    SystemExit
        With status 1 after any failure: a user's mistake leaves its message in the log and on the
        screen, anything else its traceback.
    """
    start = time.monotonic()
    with logging_to(log):
        try:
            refuse_foreign_code(Path(script), settings or {})
            yield settings or {}
            # Snakemake allows no benchmark on rules that share results: the log says it for all.
            seconds, megabytes = time.monotonic() - start, peak_memory() / 1e6
            LOGGER.info("done: %.1f s, peak memory %.0f MB", seconds, megabytes)
        except UserError as error:
            LOGGER.error("%s", error)
            raise SystemExit(1) from None
        except OSError as error:
            explained = explain_disk_error(error)
            if explained is None:
                LOGGER.exception("the job failed")
            else:
                LOGGER.error("%s", explained)
            raise SystemExit(1) from None
        except Exception as error:
            if is_out_of_memory(error):
                LOGGER.error("%s", out_of_memory(error))
            else:
                LOGGER.exception("the job failed")
            raise SystemExit(1) from None


@contextmanager
def logging_to(log: str | Path) -> Iterator[None]:
    """Send records and warnings of the block to a new log file and to standard error."""
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
    handlers: list[logging.Handler] = [
        logging.FileHandler(path, mode="w", encoding="utf-8"),
        logging.StreamHandler(sys.stderr),
    ]
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for handler in handlers:
        handler.setFormatter(form)
        root.addHandler(handler)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            if isinstance(handler, logging.FileHandler):
                handler.close()


def refuse_foreign_code(script: Path, settings: Mapping[str, Any]) -> None:
    """Check that the library that runs lies beside ``script`` and is the code that was planned.

    Raises
    ------
    UserError
        If an installed copy of the library shadows the repository's, or if the code changed
        between planning and running.
    """
    loaded = Path(convscope.__file__).resolve().parent
    expected = script.resolve().parent / "convscope"
    if loaded != expected:
        raise UserError(
            f"this copy of convscope shadows the repository's ({expected})",
            where=str(loaded),
            remedy="Remove it: pip uninstall convscope.",
        )
    planned = settings.get("code")
    if planned is not None and planned != code_of(script):
        raise UserError(
            "the code changed after this run was planned", where=str(script), remedy="Run it again."
        )


def explain_disk_error(error: OSError) -> UserError | None:
    """Return a plain message for a full, read-only or forbidden disk; ``None`` for other errors.

    HDF5 hides the number of the error in its text (``errno = 28``).
    """
    hidden = re.search(r"errno = (\d+)", str(error))
    number = int(hidden.group(1)) if hidden else error.errno
    reason = DISK_ERRORS.get(number or 0)
    if reason is None:
        return None
    where = str(error.filename or "results")
    return UserError(
        reason,
        where=where,
        remedy="Nothing half-written was left under a final name: free space or give write access, "
        "then run the same command again.",
    )
