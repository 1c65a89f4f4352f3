"""What a process has taken: its peak of resident memory."""

import resource
import sys
from pathlib import Path


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes.

    On Linux the rusage of a process starts with the peak of its parent; its own is in ``/proc``.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
