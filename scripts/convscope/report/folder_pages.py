"""Pages in a folder of their own within the report, with the figures that they show."""

import os
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from convscope.report.embedding import embedded
from convscope.report.pages import write_page


class FolderPages:
    """Writes pages into a folder that will stand at ``final``.

    Parameters
    ----------
    folder
        Where they are written.
    final
        Where they will be: a folder of the report.
    settings
        ``pages``: the report's navigation, ``[{"title", "href"}]``, from the report's folder.
        ``imagenet_terms``: whether images of ImageNet are shown.
    """

    def __init__(self, folder: Path, final: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._final = final
        self._navigation = settings["pages"]
        self._terms = settings["imagenet_terms"]

    def write(self, place: str, title: str, template: str, context: Mapping[str, Any]) -> None:
        """Write the page at a place in the folder, with what all these pages say."""
        name = self._final.name
        here = posixpath.dirname(posixpath.join(name, place))
        navigation = [
            {**entry, "href": posixpath.relpath(entry["href"], here)} for entry in self._navigation
        ]
        home = posixpath.relpath(posixpath.join(name, "index.html"), here)
        write_page(
            self._folder / place,
            title=title,
            template=template,
            context={**context, "home": home, "imagenet_terms": self._terms},
            navigation=navigation,
        )

    def figure(self, place: str, entry: Mapping[str, Any], picture: Path) -> dict[str, Any]:
        """Return a figure for the template of the page at ``place``."""
        return {
            "source": embedded(picture),
            "width": entry["width"],
            "height": entry["height"],
            "file": self.link(place, picture),
        }

    def link(self, place: str, file: Path) -> str:
        """Return a link to a file outside the folder from the page at ``place``."""
        here = (self._final / place).parent
        return quote(Path(os.path.relpath(file, here)).as_posix())
