"""Make sure that jobs run the repository's library, with the Python that plans the run."""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from convscope.errors import UserError


def use_repository(scripts: Path) -> None:
    """Put the repository's scripts first for this process and its jobs.

    Parameters
    ----------
    scripts
        The folder that holds the adapters and the library.

    Raises
    ------
    UserError
        If another copy of the library is installed, which would run in their place.
    """
    elsewhere = [path for path in sys.path if Path(path or ".").resolve() != scripts.resolve()]
    found = PathFinder.find_spec("convscope", elsewhere)
    if found is not None:
        raise UserError(
            f"this installed copy of convscope shadows the repository's ({scripts})",
            where=str(found.origin),
            remedy="Remove it: pip uninstall convscope.",
        )
    _put_first("PYTHONPATH", str(scripts))
    _put_first("PATH", str(Path(sys.executable).parent))


def _put_first(variable: str, folder: str) -> None:
    known = [path for path in os.environ.get(variable, "").split(os.pathsep) if path]
    os.environ[variable] = os.pathsep.join(dict.fromkeys([folder, *known]))
