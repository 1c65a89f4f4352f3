"""The memory granted to a job as a limit of its process: allocations fail before it is killed."""

import logging
import re
import resource
from pathlib import Path

LOGGER = logging.getLogger(__name__)
MEBIBYTE = 1 << 20
AROUND = 300 * MEBIBYTE
"""What the two Snakemakes take that run in each SLURM job around its process."""
LEAST_ROOM = 200 * MEBIBYTE


def limit_memory() -> int | None:
    """Limit what this process can allocate to what it was granted; without a grant do nothing.

    SLURM writes a job's memory into the limit of resident memory (``ulimit -m``), which Linux does
    not heed, and kills the job that takes more. With a limit that is heeded, a batch that does not
    fit fails in Python, where it can be halved.

    Returns
    -------
    int or None
        The limit in bytes, if one was set.
    """
    granted, _ = resource.getrlimit(resource.RLIMIT_RSS)
    if granted == resource.RLIM_INFINITY:
        return None
    limit = granted - AROUND
    if limit < data_size() + LEAST_ROOM:
        LOGGER.warning("%d MB are little memory: the job may be killed", granted // MEBIBYTE)
        return None
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY and hard <= limit:
        return None
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    LOGGER.info("memory: %d MB of the job's %d MB", limit // MEBIBYTE, granted // MEBIBYTE)
    return limit


def data_size() -> int:
    """Return what counts towards the limit so far, in bytes (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"^VmData:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
