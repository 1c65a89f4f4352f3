"""The inversion strip: what is left of an image, layer by layer, with its errors."""

from pathlib import Path

import numpy as np

from convscope.figures.text import number
from convscope.synthesis.figures.sheet import Band, Cell, draw_sheet
from convscope.synthesis.figures.titles import title_of
from convscope.synthesis.storage import Inversion

COLUMNS = 6


def draw_inversion(
    path: str | Path, network: str, inversion: Inversion, image: str
) -> tuple[int, int]:
    """Draw the images made from the codes of one image, six layers a row, a row a preset.

    Parameters
    ----------
    path
        The PNG.
    network
        The network's name.
    inversion
        What was inverted.
    image
        Its id.

    Returns
    -------
    tuple of int
        Width and height of the figure.

    Raises
    ------
    ValueError
        If the image was not inverted.
    """
    original = Cell(inversion.original[inversion.images.index(image)], "the image", [image])
    own = [place for place, row in enumerate(inversion.rows) if row["image"] == image]
    layers = list(dict.fromkeys(inversion.rows[place]["layer"] for place in own))
    bands = []
    for start in range(0, len(layers), COLUMNS - 1):
        for number_of, preset in enumerate(inversion.presets):
            cells: list[Cell | None] = [original if number_of == 0 else None]
            for layer in layers[start : start + COLUMNS - 1]:
                cells.extend(
                    _cell(inversion, place)
                    for place in own
                    if (inversion.rows[place]["layer"], inversion.rows[place]["preset"])
                    == (layer, preset)
                )
            bands.append(Band(cells, title_of(preset)))
    note = (
        "E1: squared distance of the codes over the squared norm of the true one. E2: distance "
        "over the mean distance between the run's images; in brackets the best that another "
        "image's own code does. PSNR: against the true image."
    )
    return draw_sheet(path, f"{network}: inverted layers", note, bands)


def _cell(inversion: Inversion, place: int) -> Cell:
    row = inversion.rows[place]
    e1, e2, control = (
        float(values[place]) for values in (inversion.e1, inversion.e2, inversion.control_e2)
    )
    words = [f"E1 {number(e1)}", f"PSNR {_decibels(inversion.psnr[place])}"]
    if np.isfinite(e2):
        best = f" ({number(control)})" if np.isfinite(control) else ""
        words.insert(1, f"E2 {number(e2)}{best}")
    if row["common_name"] != row["layer"]:
        words.insert(0, row["layer"])
    return Cell(inversion.shown[place], row["common_name"], words)


def _decibels(value: float) -> str:
    return f"{value:.1f} dB" if np.isfinite(value) else "exact"
