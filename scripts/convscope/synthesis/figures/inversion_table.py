"""The table of inverted layers: errors beside their controls, and how alike the images are."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from convscope.synthesis.storage import Inversion

COLUMNS = (
    "network",
    "sample_set",
    "image",
    "layer",
    "common_name",
    "preset",
    "seed",
    "iterations",
    "e1",
    "e2",
    "control_image",
    "control_e1",
    "control_e2",
    "psnr",
    "stopped",
)
FACTS = (
    "image",
    "layer",
    "common_name",
    "preset",
    "seed",
    "iterations",
    "control_image",
    "stopped",
)
MEASURES = ("e1", "e2", "control_e1", "control_e2", "psnr")


def inversion_table(made: Iterable[tuple[str, str, Inversion]]) -> pd.DataFrame:
    """Return a row an image, layer and preset, with ``COLUMNS``.

    Parameters
    ----------
    made
        Network, sample set and what was inverted of it, a file each.
    """
    rows = [
        {
            "network": network,
            "sample_set": sample_set,
            **{name: row[name] for name in FACTS},
            **{name: float(getattr(inversion, name)[place]) for name in MEASURES},
        }
        for network, sample_set, inversion in made
        for place, row in enumerate(inversion.rows)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    # An exact copy has no finite ratio: the table leaves it empty, as it does what is not known.
    return table.replace({"psnr": {np.inf: np.nan}}).astype({"stopped": "Int32"})
