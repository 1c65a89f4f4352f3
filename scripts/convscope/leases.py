"""One GPU for one job: Snakemake counts GPUs but names none, so jobs lease them by file locks.

A lease is a lock on a file of the machine, which the kernel gives back when the process ends, in
whatever way.
"""

import logging
import os
import re
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from convscope.errors import UserError

LOGGER = logging.getLogger(__name__)
FOLDER = "CONVSCOPE_LEASES"
"""The environment variable that names another folder for the lock files; it must be local."""
DEFAULT_FOLDER = "/tmp"  # noqa: S108 - all users of the machine must meet there
VISIBLE = "CUDA_VISIBLE_DEVICES"


class Lease(NamedTuple):
    """A leased GPU: its place among those that the process sees, and the lock that holds it."""

    place: int
    lock: FileLock


@cache
def leased_gpu(count: int) -> int:
    """Return the place of the GPU that this process may use until it ends, waiting for one.

    Where SLURM or the user let the process see exactly one device, there is nothing to lease.

    Parameters
    ----------
    count
        How many GPUs the process sees.
    """
    given = os.environ.get(VISIBLE)
    if given is not None and count == 1:
        return 0
    # The lock lives as long as the cached lease, which is as long as the process.
    return _held(count, given).place


@cache
def _held(count: int, given: str | None) -> Lease:
    return lease(gpu_names(count, given), os.environ.get(FOLDER, DEFAULT_FOLDER))


def gpu_names(count: int, visible: str | None) -> list[str]:
    """Return names of the GPUs that a process sees, which other processes know them by too.

    Parameters
    ----------
    count
        How many it sees.
    visible
        ``CUDA_VISIBLE_DEVICES``, if set: numbers or identifiers, separated by commas.
    """
    names = [name.strip() for name in (visible or "").split(",")][:count]
    return names if len(names) == count and all(names) else [str(place) for place in range(count)]


def lease(names: Sequence[str], folder: str | Path, *, poll: float = 0.5) -> Lease:
    """Lease the first free GPU; while there is none, wait and say so once a minute.

    Parameters
    ----------
    names
        At least one, each made of letters, digits and ``-``; other characters count as ``_``.
    folder
        For the lock files, on a file system of this machine.
    poll
        Seconds between two looks.

    Raises
    ------
    UserError
        If there can be no lock files.
    """
    locks = [_lock(Path(folder), name) for name in names]
    said = None
    while True:
        for place, lock in enumerate(locks):
            if _taken(lock):
                LOGGER.info("GPU %s leased (%d to choose from)", names[place], len(names))
                return Lease(place, lock)
        now = time.monotonic()
        if said is None or now - said >= 60:
            LOGGER.info("all %d GPUs are leased by other jobs: waiting", len(names))
            said = now
        time.sleep(poll)


def _lock(folder: Path, name: str) -> FileLock:
    file = folder / f"convscope-gpu-{re.sub(r'[^A-Za-z0-9-]', '_', name)}.lock"
    # Every user may lock it. A soft lock would outlive a killed process.
    return FileLock(file, mode=0o666, thread_local=False, fallback_to_soft=False)


def _taken(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    except OSError as error:
        raise UserError(
            f"no lock file can be made or locked there ({error.strerror})",
            where=lock.lock_file,
            remedy=f"Set the environment variable {FOLDER} to a folder on a disk of this machine.",
        ) from None
    return True
