"""Sheets of maximised classes: the ladder of regularisers, its course, networks side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from convscope.figures.text import number
from convscope.synthesis.figures.sheet import Band, Cell, draw_sheet
from convscope.synthesis.figures.titles import preset_rows, title_of
from convscope.synthesis.storage import Maximisation
from convscope.synthesis.transfer import Transfer

Made = tuple[str, Maximisation]
"""A network's name and what it made."""


def draw_ladder(
    path: str | Path,
    network: str,
    made: Maximisation,
    *,
    seed: int,
    transfers: Sequence[Transfer] = (),
) -> tuple[int, int]:
    """Draw one class of one network: the report's ladder (Fig. 35), then the published presets.

    Parameters
    ----------
    path
        The PNG.
    network
        The network's name.
    made
        What it made.
    seed
        Which of the seeds.
    transfers
        What other networks say of these images.

    Returns
    -------
    tuple of int
        Width and height of the figure, as for the others.
    """
    bands = []
    for presets in preset_rows(made.presets):
        cells = [_cell(made, preset, seed, transfers) for preset in presets]
        bands.append(Band(cells))
    note = (
        f"Each image starts from noise (seed {seed}) and climbs the {made.objective['what']} "
        f"({made.objective['layer']}) for {_steps(made)}. p: probability of the class for the "
        "image as shown; blurs act on every other step of the ladder."
    )
    return draw_sheet(path, f"{network}: {made.class_name}", note, bands)


def draw_course(
    path: str | Path, network: str, made: Maximisation, *, seed: int
) -> tuple[int, int]:
    """Draw how each image came to be: a row a preset, a column a number of steps.

    Raises
    ------
    ValueError
        If no snapshots were kept.
    """
    if not made.snapshot_steps:
        raise ValueError("no snapshots were kept")
    bands = []
    for presets in preset_rows(made.presets):
        for preset in presets:
            row = made.place(preset, seed)
            if row is not None:
                label = title_of(preset, made.presets[preset])
                bands.append(Band(_course(made, row), label))
    note = f"The same image after more and more steps, from the same noise (seed {seed})."
    return draw_sheet(path, f"{network}: {made.class_name}, step by step", note, bands)


def draw_networks(
    path: str | Path,
    made: Sequence[Made],
    *,
    seed: int,
    presets: Sequence[str] | None = None,
    transfers: Mapping[str, Sequence[Transfer]] | None = None,
) -> tuple[int, int]:
    """Draw one class in several networks, a row each.

    Parameters
    ----------
    path
        The PNG.
    made
        Names and images of the networks, of one class.
    seed
        Which of the seeds.
    presets
        The columns; the first row of presets that the first network has by default.
    transfers
        What other networks say, by the network that made the images.

    Raises
    ------
    ValueError
        If there is no network.
    """
    if not made:
        raise ValueError("no network")
    chosen = list(presets or preset_rows(made[0][1].presets)[0])
    bands = [
        Band([_cell(own, preset, seed, (transfers or {}).get(name, ())) for preset in chosen], name)
        for name, own in made
    ]
    note = (
        f"The same class and seed ({seed}) in each network. p: probability of the class for the "
        "image as shown."
    )
    return draw_sheet(path, f"{made[0][1].class_name}: networks side by side", note, bands)


def _cell(made: Maximisation, preset: str, seed: int, transfers: Sequence[Transfer]) -> Cell:
    title = title_of(preset, made.presets.get(preset))
    row = made.place(preset, seed)
    if row is None:
        return Cell(None, title)
    own = made.rows[row]
    score = made.score[row, own["shown_at"]]
    words = [f"score {number(float(score))}, p {probability(made.shown_probability[row])}"]
    if own["stopped"] is not None:
        words[0] = f"NaN at step {own['stopped']}; {words[0]}"
    for transfer in transfers:
        if (transfer.preset, transfer.seed) == (preset, seed):
            words += _transfer_words(transfer)
    return Cell(made.shown[row], title, words)


def _steps(made: Maximisation) -> str:
    counts = [row["iterations"] for row in made.rows]
    fewest, most = min(counts), max(counts)
    return f"{most} steps" if fewest == most else f"{fewest} to {most} steps"


def _transfer_words(transfer: Transfer) -> list[str]:
    words = [f"{transfer.judge}: {transfer.top_class} {probability(transfer.top_probability)}"]
    label = transfer.label_probability
    if label is not None and label != transfer.top_probability:
        words.append(f"{transfer.judge}: p {probability(label)}")
    return words


def _course(made: Maximisation, row: int) -> list[Cell]:
    cells = []
    for place, step in enumerate(made.snapshot_steps):
        at = min(step, made.rows[row]["iterations"])
        score, chance = (float(curve[row, at]) for curve in (made.score, made.probability))
        words = [f"score {number(score)}, p {probability(chance)}"] if np.isfinite(score) else []
        cells.append(Cell(made.snapshots[place, row], f"{at} steps", words))
    return cells


def probability(value: float) -> str:
    """Return a probability with three places, and never 0 or 1 where it is neither."""
    if 0 < value < 0.001:
        return "< 0.001"
    if 0.9995 <= value < 1:
        return "> 0.999"
    return f"{value:.3f}"
