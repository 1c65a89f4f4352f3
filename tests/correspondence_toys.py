"""Small files of the correspondence."""

import numpy as np
import pandas as pd

from convscope.invariance.signs import RANDOM, SIGNS
from convscope.predictions.storage import write_parquet
from invariance_toys import CPU, LAYERS, MEAN, STD

PARTS = ("right_eye", "nose", RANDOM)
SETTINGS = {
    "layers": LAYERS,
    "fill": "grey",
    "mean": MEAN,
    "std": STD,
    "seed": 5,
    "random_count": 10,
    "device": CPU,
}


def pairs_file(path, sample_sets=("noise",), images=("a", "b", "c"), seed=0):
    """Write pairs of images of two layers, and return the path."""
    generator = np.random.default_rng(seed)
    rows = [
        (sample_set, part, layer, layer.upper(), sign, one, other, generator.uniform())
        for sample_set in sample_sets
        for layer in ("relu5", "relu7")
        for place, one in enumerate(images)
        for other in images[place + 1 :]
        for sign in SIGNS
        for part in PARTS
    ]
    columns = ["sample_set", "part", "layer", "common_name", "sign", "image", "other_image"]
    write_parquet(pd.DataFrame(rows, columns=[*columns, "change"]), path)
    return str(path)
