"""Pages in a folder of their own within the report, with the figures that they show."""

import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from convscope.report.embedding import embedded
from convscope.report.pages import link, linked, write_page

KEPT = ("left", "top", "width", "height", "limits", "lines")
"""What the page needs of a plot to show its values."""


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

    def curves(
        self,
        place: str,
        entry: Mapping[str, Any],
        picture: Path,
        words: Callable[[Mapping[str, Any]], tuple[str, str]],
    ) -> dict[str, Any]:
        """Return a figure of plots that tell their values; ``words`` are a plot's name and unit."""
        plots = []
        for plot in entry["plots"]:
            name, unit = words(plot)
            kept = {key: plot[key] for key in KEPT}
            plots.append({**kept, "name": f"{name}: {unit}", "unit": unit})
        values = {"width": entry["width"], "height": entry["height"], "plots": plots}
        return {**self.figure(place, entry, picture), "curves": values}

    def link(self, place: str, file: Path) -> str:
        """Return a link to a file outside the folder from the page at ``place``."""
        return link(file, self._final / place)

    def linked(self, entry: Mapping[str, str]) -> dict[str, str]:
        """Return a file as the page ``index.html`` links to it; see ``pages.linked``."""
        return linked(entry, self._final / "index.html")
