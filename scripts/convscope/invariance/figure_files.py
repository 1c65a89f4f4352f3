"""All figures of invariance in a folder, with an index of what is there; needs no torch."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UserError
from convscope.figures.hover import hover_map
from convscope.figures.indices import write_index
from convscope.figures.names import safe_name
from convscope.figures.plots import write_figure
from convscope.files import replacing_directory
from convscope.images.store import read_images, read_index
from convscope.invariance.gather import NetworkCurves, gather_curves
from convscope.invariance.overview import draw_networks, draw_summary
from convscope.invariance.panel import MOST_IMAGES, draw_panel

LOGGER = logging.getLogger(__name__)
USUAL_IMAGES = 5


def draw_figures(
    output: str | Path,
    files: Sequence[Mapping[str, str]],
    *,
    means: Mapping[str, Sequence[float]],
    class_names: Mapping[str, Sequence[str]],
    images: Sequence[str] | None = None,
) -> None:
    """Draw panel and summary of each network and sample set, and the networks over each other.

    Parameters
    ----------
    output
        A folder: ``<sample set>/<network>/panel.png`` and ``summary.png``,
        ``<sample set>/networks.png``, and ``index.json``, which says what is there and holds the
        values for hovering (``convscope.figures.hover``).
    files
        Each ``{"path", "images", "network", "sample_set"}``: invariance.h5 and its images.h5.
    means
        ``{network: RGB in [0, 1]}``, for examples filled with the mean.
    class_names
        ``{network: names in the order of its logits}``.
    images
        Ids of the images that get a line of their own, at most 7 a sample set; by default the
        first five of each.

    Raises
    ------
    UserError
        If a file is missing, damaged or unlike the others, an image is unknown, or too many are
        to be drawn over each other.
    """
    groups: dict[str, list[NetworkCurves]] = {}
    for entry in gather_curves(files):
        groups.setdefault(entry.sample_set, []).append(entry)
    known = {image for entries in groups.values() for e in entries for image in e.measured.ids}
    _refuse_unknown(images or (), known)
    with replacing_directory(output) as folder:
        sets = []
        for sample_set, entries in groups.items():
            place = Path(safe_name(sample_set))
            drawn = [
                _draw_network(folder, place, e, files, means, class_names, images) for e in entries
            ]
            together = _write(folder, place / "networks.png", draw_networks(entries))
            sets.append(
                {
                    "sample_set": sample_set,
                    "fill": entries[0].measured.fill,
                    "networks": drawn,
                    "together": together,
                }
            )
        write_index(folder, {"sample_sets": sets})
    LOGGER.info("%d networks drawn", sum(len(entries) for entries in groups.values()))


def shown_images(curves: NetworkCurves, images: Sequence[str] | None) -> list[str]:
    """Return the ids that get a line of their own in the panel of one network and sample set.

    Raises
    ------
    UserError
        If there are more than 7.
    """
    if images is None:
        return list(curves.measured.ids[:USUAL_IMAGES])
    shown = [image for image in images if image in curves.measured.ids]
    if len(shown) > MOST_IMAGES:
        raise UserError(
            f"{len(shown)} images of {curves.sample_set} are to be drawn over each other",
            where="invariance.panel_images",
            remedy=f"Name at most {MOST_IMAGES} of a sample set: more lines can't be told apart.",
        )
    return shown


def _draw_network(
    folder: Path,
    place: Path,
    curves: NetworkCurves,
    files: Sequence[Mapping[str, str]],
    means: Mapping[str, Sequence[float]],
    class_names: Mapping[str, Sequence[str]],
    images: Sequence[str] | None,
) -> dict[str, Any]:
    network = curves.network
    own = place / safe_name(network)
    entry: dict[str, Any] = {"network": network}
    shown = shown_images(curves, images)
    if shown:
        figure = draw_panel(
            curves,
            images=shown,
            pixels=_pixels(curves, files, shown),
            mean_rgb=means[network],
            class_names=class_names[network],
        )
        entry["panel"] = _write(folder, own / "panel.png", figure)
    entry["summary"] = _write(folder, own / "summary.png", draw_summary(curves))
    return entry


def _pixels(
    curves: NetworkCurves, files: Sequence[Mapping[str, str]], images: Sequence[str]
) -> list[np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for file in files:
        if (file["network"], file["sample_set"]) == (curves.network, curves.sample_set):
            here = read_index(file["images"]).ids
            wanted = [image for image in images if image in here]
            batch = read_images(file["images"], wanted)
            found |= dict(zip(wanted, batch.pixels, strict=True))
    return [found[image] for image in images]


def _write(folder: Path, name: Path, figure: Figure) -> dict[str, Any]:
    write_figure(figure, folder / name)
    return {"file": name.as_posix(), **hover_map(figure)}


def _refuse_unknown(images: Sequence[str], known: set[str]) -> None:
    for image in images:
        if image not in known:
            raise UserError(
                f"no image {image!r} was measured",
                where="invariance.panel_images",
                remedy="Name images of the sample sets of this run.",
            )
