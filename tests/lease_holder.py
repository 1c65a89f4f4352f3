"""A process that leases pretended GPUs, over and over, and reports two on one: started by tests.

python lease_holder.py FOLDER NAMES ROUNDS SEED
"""

import os
import random
import sys
import time
from pathlib import Path

from convscope.leases import lease


def alive(process):
    """Return whether a process runs on; one that was killed may take a moment to be gone."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return False
        if state in "ZX":
            return False
        time.sleep(0.001)
    return True


def main():
    folder, names, rounds, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    for _ in range(int(rounds)):
        held = lease(names.split(","), folder, poll=0.002)
        owner = Path(folder) / f"owner-{held.place}"
        before = owner.read_text() if owner.exists() else ""
        if before and alive(before):
            sys.exit(f"GPU {held.place} belongs to {before}")
        owner.write_text(str(os.getpid()))
        time.sleep(chance.uniform(0, 0.01))
        if owner.read_text() != str(os.getpid()):
            sys.exit(f"GPU {held.place} was taken from {os.getpid()}")
        owner.write_text("")
        with (Path(folder) / "leases").open("a") as stream:
            stream.write(f"{held.place}\n")
        held.lock.release()


if __name__ == "__main__":
    main()
