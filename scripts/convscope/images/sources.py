"""Where an image's bytes come from: a file, a member of a ZIP container, or a scene; no torch."""

import hashlib
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
from PIL import Image

from convscope.errors import UserError
from convscope.files import how_to_rebuild
from convscope.hdf5 import attribute, reading
from convscope.images.decode import decode_image

SCENES_SCHEMA = "scenes/1"


class SourceFiles:
    """Reads images from their sources; containers stay open until the context ends.

    A source is a plain dict: ``{"file": path}``, ``{"zip": path, "member": name}`` or
    ``{"scenes": path, "id": name}``; with any of them ``sha256`` (64 hexadecimal digits, checked),
    ``where`` (the row of the sample sheet) and ``remedy``, both for messages.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._zips: dict[str, zipfile.ZipFile] = {}
        self._scenes: dict[str, tuple[h5py.File, dict[str, int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def read(self, image_id: str, source: Mapping[str, Any]) -> tuple[Image.Image, str]:
        """Return the RGB image and the SHA-256 of the source's bytes.

        For a file and a ZIP member these are the encoded bytes; for a scene its stored pixels
        (not those of the whole file: a scene is the same scene in whatever company it lies).

        Raises
        ------
        UserError
            If the source is missing, its digest differs, or it can't be decoded.
        """
        where = describe(image_id, source)
        if "scenes" in source:
            return self._read_scene(source, where)
        data = self._read_member(source, where) if "zip" in source else _read_file(source, where)
        digest = hashlib.sha256(data).hexdigest()
        _check_digest(digest, source, where)
        return decode_image(data, where), digest

    def _read_member(self, source: Mapping[str, Any], where: str) -> bytes:
        path, member = str(source["zip"]), source["member"]
        try:
            if path not in self._zips:
                self._zips[path] = self._open.enter_context(zipfile.ZipFile(path))
            return self._zips[path].read(member)
        except KeyError:
            what = f"the container has no member {member!r}"
        except FileNotFoundError:
            what = "the container is missing"
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            what = f"the container can't be read ({error})"
        raise UserError(what, where=where, remedy=how_to_rebuild(path))

    def _read_scene(self, source: Mapping[str, Any], where: str) -> tuple[Image.Image, str]:
        path, scene = str(source["scenes"]), source["id"]
        if path not in self._scenes:
            file = self._open.enter_context(reading(path, SCENES_SCHEMA))
            ids = attribute(file, "ids")
            self._scenes[path] = (file, {name: row for row, name in enumerate(ids)})
        file, rows = self._scenes[path]
        if scene not in rows:
            raise UserError(
                f"there is no scene {scene!r} in it", where=where, remedy=how_to_rebuild(path)
            )
        try:
            pixels = file["pixels"][rows[scene]]
        except OSError as error:
            raise UserError(
                f"the scene can't be read ({error})", where=where, remedy=how_to_rebuild(path)
            ) from error
        digest = hashlib.sha256(pixels.data).hexdigest()
        _check_digest(digest, source, where)
        return Image.fromarray(pixels.transpose(1, 2, 0).copy()), digest


def describe(image_id: str, source: Mapping[str, Any]) -> str:
    """Return an image's name, place and sheet row for messages.

    Raises
    ------
    ValueError
        If the source is of no known kind.
    """
    kinds = {"file": (), "zip": ("member",), "scenes": ("id",)}
    for kind, further in kinds.items():
        if kind in source:
            place = " ".join(str(source[key]) for key in (kind, *further))
            row = f"{source['where']}, " if source.get("where") else ""
            return f"{row}image {image_id} ({place})"
    raise ValueError(f"image {image_id}: a source names file, zip or scenes, not {dict(source)}")


def _read_file(source: Mapping[str, Any], where: str) -> bytes:
    try:
        return Path(source["file"]).read_bytes()
    except FileNotFoundError:
        what = "the image file is missing"
    except OSError as error:
        what = f"the image file can't be read ({error.strerror})"
    usual = "Correct the path, or give read permission on the file."
    raise UserError(what, where=where, remedy=source.get("remedy", usual))


def _check_digest(found: str, source: Mapping[str, Any], where: str) -> None:
    expected = source.get("sha256")
    if not expected or found == str(expected).lower():
        return
    if "file" in source:
        usual = "Get the right file, or correct the sha256 if the file is what you mean."
    else:
        usual = how_to_rebuild(source.get("zip") or source["scenes"])
    remedy = source.get("remedy", usual)
    raise UserError(f"its sha256 is {found}, not {expected}", where=where, remedy=remedy)
