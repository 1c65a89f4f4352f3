"""The content of local files: a file exchanged for another, however old, is never overlooked."""

from functools import cache
from pathlib import Path

from convscope.digests import file_sha256
from convscope.errors import UserError


def local_sha256(path: str) -> str:
    """Return the SHA-256 of a file that the user gave.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        found = Path(path).stat()
        return _sha256_of_state(path, found.st_size, found.st_mtime_ns, found.st_ino)
    except OSError as error:
        raise UserError(
            f"cannot be read ({error.strerror})",
            where=path,
            remedy="Put the file there, or give read access to it.",
        ) from None


@cache
def _sha256_of_state(path: str, size: int, mtime_ns: int, inode: int) -> str:
    # Snakemake asks for a job's params several times; a file in one state is read once.
    del size, mtime_ns, inode
    return file_sha256(path)
