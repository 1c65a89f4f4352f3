"""The tables of correspondence over all networks and sample sets; needs no torch."""

from collections.abc import Mapping

import pandas as pd

from convscope.invariance.signs import summarise_pairs
from convscope.predictions.storage import read_parquet


def tabulate_correspondence(files: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every pair of images, and Table 1 of Zeiler & Fergus (2013) for each network and set.

    Parameters
    ----------
    files
        What ``measure_sets`` wrote, by network.

    Returns
    -------
    pandas.DataFrame
        ``network, sample_set, part, layer, common_name, sign, image, other_image, change``.
    pandas.DataFrame
        ``network, sample_set, part, layer, common_name, sign, mean, spread, pairs``: the mean
        fraction of sign change over pairs, and its standard deviation.

    Raises
    ------
    UserError
        If a file is missing or damaged.
    """
    pairs, summaries = [], []
    for network, path in files.items():
        table = read_parquet(path)
        table.insert(0, "network", network)
        pairs.append(table)
        for sample_set, rows in table.groupby("sample_set", sort=False):
            summary = summarise_pairs(rows)
            summary.insert(0, "network", network)
            summary.insert(1, "sample_set", sample_set)
            summaries.append(summary)
    return pd.concat(pairs, ignore_index=True), pd.concat(summaries, ignore_index=True)
