"""Dry runs in forks of a process that has imported Snakemake: rows of a table start at once.

What a user calls is called: ``snakemake.cli.main``. Nothing of convscope is imported before the
fork, so that each dry run reads the library of its own repository.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

IMPORTED = ("snakemake.cli", "snakemake.workflow", "smart_open", "jsonschema", "yaml")
OWN = threading.local()


def dry_run(
    arguments: Sequence[str],
    directory: Path,
    environment: dict[str, str],
    changed_by: str | None = None,
) -> tuple[int, str]:
    """Return the exit status of ``snakemake ARGUMENTS`` in ``directory``, and what it said.

    ``changed_by`` names a module beside this one that is imported before Snakemake starts.
    """
    if not hasattr(OWN, "server"):
        # It ends with the pipe to its input, when this thread does.
        command = [sys.executable, __file__]
        pipe = subprocess.PIPE
        OWN.server = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    request = {"arguments": arguments, "directory": str(directory), "environment": environment}
    request["changed_by"] = changed_by
    OWN.server.stdin.write(json.dumps(request) + "\n")
    OWN.server.stdin.flush()
    return tuple(json.loads(OWN.server.stdout.readline()))


def become(
    said: int,
    arguments: list[str],
    directory: str,
    environment: dict[str, str],
    changed_by: str | None,
) -> None:
    """Turn this fork into the Snakemake that is asked for, which exits."""
    from snakemake.cli import main

    if changed_by:
        __import__(changed_by)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["snakemake", *arguments]
    main()


def serve() -> None:
    """Import what every dry run needs, then fork for each line of the input."""
    for name in IMPORTED:
        __import__(name)
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as said:
            if (child := os.fork()) == 0:
                become(said.fileno(), **json.loads(line))
            _, status = os.waitpid(child, 0)
            said.seek(0)
            print(json.dumps([os.waitstatus_to_exitcode(status), said.read()]), flush=True)


if __name__ == "__main__":
    serve()
