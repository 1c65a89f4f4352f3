"""HDF5 as this project writes it: atomic, checksummed, byte-identical, with plain attributes."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from convscope.errors import UserError
from convscope.files import how_to_rebuild, replacing

SCHEMA = "schema"
LONG_ATTRIBUTES = "long_attributes"
FORMAT = ("v110", "v110")
"""HDF5's format since 1.10, by name, so that all versions write the same bytes; unlike the default
it has checksums of shapes, names and attributes too."""
DAMAGE = ("filter", "read data", "checksum", "header", "signature", "heap", "version", "corrupt")
"""What HDF5 says when what it reads is not what was written."""


@contextmanager
def writing(path: str | Path, schema: str, attributes: Mapping[str, Any]) -> Iterator[h5py.File]:
    """Open a new HDF5 file that takes its final name when the block ends without an exception.

    Parameters
    ----------
    path
        The final name.
    schema
        Name and version of the layout, ``"features/1"``; readers ask for it.
    attributes
        Plain values (anything JSON can hold). Never a time: equal runs give equal bytes.
    """
    with (
        replacing(path) as temporary,
        _Sink(temporary) as sink,
        sink.raising(),
        h5py.File(sink, "w", libver=FORMAT) as file,
    ):
        file.attrs[SCHEMA] = np.bytes_(schema.encode())
        for name in sorted(attributes):
            set_attribute(file, name, attributes[name])
        yield file


class _Sink(io.FileIO):
    """A file that remembers a failed write and hides it from HDF5.

    HDF5 cannot close a file after a failed write (on a full disk), and crashes when the process
    ends. ``raising`` raises the remembered error in its place once the file is closed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.error: OSError | None = None

    def write(self, data: memoryview) -> int:
        """Write all of ``data``, or nothing more after a failure."""
        rest = memoryview(data)
        try:
            while self.error is None and len(rest):
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the length; HDF5 does so before it closes the file."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Raise the remembered error at the end of the block, whatever HDF5 made of it."""
        try:
            yield
        except Exception:
            if self.error is None:
                raise
        if self.error is not None:
            raise OSError(self.error.errno, self.error.strerror, self.name)


@contextmanager
def reading(path: str | Path, schema: str) -> Iterator[h5py.File]:
    """Open a file for reading and refuse one that is damaged or of another layout.

    Files are written once, so readers take no lock (locks fail on some network file systems).

    Raises
    ------
    UserError
        If the file is missing, damaged, or not of ``schema``.
    """
    remedy = how_to_rebuild(path)
    try:
        file = h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise UserError("the file is missing", where=str(path), remedy=remedy) from None
    except OSError as error:
        raise UserError(
            f"not a whole HDF5 file ({error})", where=str(path), remedy=remedy
        ) from None
    with file:
        try:
            found = file.attrs.get(SCHEMA)
            found = found.decode() if isinstance(found, bytes) else found
            if found != schema:
                raise UserError(
                    f"its layout is {found!r}, not {schema!r}", where=str(path), remedy=remedy
                )
            yield file
        except (OSError, KeyError, RuntimeError) as error:
            if not any(words in str(error) for words in DAMAGE):
                raise
            raise UserError(
                f"a checksum does not match: the file is damaged ({error})",
                where=str(path),
                remedy=remedy,
            ) from error


def set_attribute(file: h5py.File, name: str, value: Any) -> None:
    """Store a plain value under ``name``, whatever its length.

    HDF5 holds at most 64 KiB in an attribute; longer texts become datasets of their bytes.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(text.encode()) < 32_000:
        # Of fixed length: HDF5 has no checksums of strings of variable length.
        file.attrs[name] = np.bytes_(text.encode())
    else:
        data = np.frombuffer(text.encode(), np.uint8)
        table = create_table(file, f"{LONG_ATTRIBUTES}/{name}", data.shape, np.uint8)
        table[:] = data


def attribute(file: h5py.File, name: str) -> Any:
    """Return the plain value that ``set_attribute`` stored under ``name``."""
    if name in file.attrs:
        return json.loads(file.attrs[name])
    return json.loads(file[f"{LONG_ATTRIBUTES}/{name}"][:].tobytes())


def create_maps(
    group: h5py.Group,
    name: str,
    shape: Sequence[int],
    dtype: np.dtype | type | str,
    *,
    level: int = 3,
) -> h5py.Dataset:
    """Create a Zstandard-compressed dataset for images or feature maps, chunked a sample at a time.

    Zstandard level 3 without shuffle is the fastest of the codecs at gzip's ratio on ReLU maps; it
    needs ``hdf5plugin`` to read. A lower level is faster where little can be saved.
    ``shape`` is ``(N, C, H, W)`` or ``(N, C)``.
    """
    return group.create_dataset(
        name,
        shape=tuple(shape),
        dtype=dtype,
        chunks=chunk_shape(shape, np.dtype(dtype).itemsize),
        fletcher32=True,
        compression=hdf5plugin.Zstd(clevel=level),
    )


def create_table(
    group: h5py.Group, name: str, shape: Sequence[int], dtype: np.dtype | type | str
) -> h5py.Dataset:
    """Create a gzip-compressed, checksummed dataset for small tables; any HDF5 reader opens it."""
    return group.create_dataset(
        name,
        shape=tuple(shape),
        dtype=dtype,
        chunks=(1, *shape[1:]) if len(shape) > 1 else True,
        fletcher32=True,
        compression="gzip",
        compression_opts=1,
    )


def chunk_shape(shape: Sequence[int], itemsize: int, limit: int = 1 << 20) -> tuple[int, ...]:
    """Return chunks of one sample and the largest divisor of C that keeps them within ``limit``.

    A number of channels that does not divide C would waste space in the last chunk.
    """
    if len(shape) < 3:
        return (1, *shape[1:])
    channels = shape[1]
    plane = int(np.prod(shape[2:])) * itemsize
    fitting = [c for c in range(1, channels + 1) if channels % c == 0 and c * plane <= limit]
    return (1, max(fitting, default=1), *shape[2:])
