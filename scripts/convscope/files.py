"""Files appear whole or not at all: write to a temporary name beside the place, then rename."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UMASK = threading.Lock()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same directory; it takes the final name on success.

    After an exception the temporary file is removed and whatever stood under ``path`` is untouched.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=final.parent, prefix=f".{final.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_directory(path: str | Path) -> Iterator[Path]:
    """Yield a new folder beside the place; it takes the final name, whole, on success.

    After an exception the new folder is removed and whatever stood under ``path`` is untouched.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    around = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}.", suffix=".part"))
    temporary, old = around / "new", around / "old"
    try:
        temporary.mkdir()
        yield temporary
        _reach_the_disk(temporary)
        if final.exists():
            # No rename replaces a folder that holds files: the old one steps aside.
            final.rename(old)
        try:
            temporary.rename(final)
        except OSError:
            if old.exists():
                old.rename(final)
            raise
    finally:
        shutil.rmtree(around, ignore_errors=True)


def how_to_rebuild(path: str | Path) -> str:
    """Return what to do about a damaged result: one from a group's cache is damaged there too."""
    place = Path(path)
    both = f" and {place.resolve()}, which it points to," if place.is_symlink() else ""
    return f"Delete it{both} and run snakemake again to rebuild it."


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _reach_the_disk(folder: Path) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())


def _umask() -> int:
    # It can only be read by setting it, for all threads at once.
    with UMASK:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask
