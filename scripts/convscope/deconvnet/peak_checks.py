"""Whether a network still computes the peaks that a table holds of it; needs no torch."""

import numpy as np

from convscope.errors import UserError

TOLERANCE = 1e-3
"""Of the layer's largest value: devices, threads and sizes of batches differ by less."""


def check_peaks(
    recorded: np.ndarray, table: np.ndarray, layer: str, largest: float, where: str
) -> None:
    """Refuse activations that are not those of the table from which their units were chosen.

    Parameters
    ----------
    recorded
        What the network computes now at the positions of the peaks, ``(n,)``.
    table
        The peaks, ``(n,)``.
    layer
        The layer's name.
    largest
        The largest absolute value of the layer that is known: of the tolerance.
    where
        The file of the peaks, and the image if it is one.

    Raises
    ------
    UserError
        If a value differs by more than 1e-3 of ``largest``, or is NaN.
    """
    recorded, table = (np.asarray(values, dtype=np.float64) for values in (recorded, table))
    # Written so that NaN is refused too.
    wrong = ~(np.abs(recorded - table) <= TOLERANCE * abs(largest))
    if wrong.any():
        place = int(wrong.argmax())
        raise UserError(
            "peaks do not match the network: the weights changed underneath "
            f"(layer {layer} gives {recorded[place]:.6g}, the table says {table[place]:.6g})",
            where=where,
            remedy="Delete this file and run snakemake again, so that the peaks are made anew.",
        )
