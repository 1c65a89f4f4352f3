"""The figures of one file, or of several networks, in a folder; needs no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.figures.canvas import Canvas
from convscope.figures.contrast import fitted
from convscope.figures.indices import write_index
from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.synthesis.figures.curves import draw_curves
from convscope.synthesis.figures.ladder import draw_course, draw_ladder, draw_networks
from convscope.synthesis.figures.sheet import PAPER
from convscope.synthesis.figures.strip import draw_inversion
from convscope.synthesis.presets import LADDER
from convscope.synthesis.storage import Maximisation, read_inversion, read_maximisation
from convscope.synthesis.transfer import Transfer

SMALL = "small.png"
SMALL_SIDE = 112
"""Of the pictures that pages show as links."""


def seed_folder(seed: int) -> str:
    """Return the name of the folder of a seed's figures."""
    return f"seed_{seed}"


def draw_maximisation(
    output: str | Path, network: str, path: str | Path, transfers: Sequence[Transfer]
) -> None:
    """Draw the ladder, its course and its curves, for each seed of one class and network.

    Parameters
    ----------
    output
        A folder: ``seed_<seed>/ladder.png``, ``curves.png`` and, where snapshots were kept,
        ``course.png``; ``small.png``, one of the images; ``index.json``, which says what is there
        and holds the curves' values.
    network
        The network's name.
    path
        What it made, a file of ``maximise_class``.
    transfers
        What other networks say of these images.
    """
    made = read_maximisation(path)
    with replacing_directory(output) as folder:
        seeds = [_draw_seed(folder, network, made, seed, transfers) for seed in _seeds(made)]
        _draw_small(folder / SMALL, made)
        about = {
            "network": network,
            "class": class_key(made),
            "class_index": made.class_index,
            "name": made.class_name,
            "objective": dict(made.objective),
            "small": SMALL,
            "seeds": seeds,
        }
        write_index(folder, about)


def draw_networks_of_classes(output: str | Path, files: Sequence[Mapping[str, Any]]) -> None:
    """Draw each class that several networks made, side by side, for each seed.

    Parameters
    ----------
    output
        A folder: ``<class>/seed_<seed>.png`` (see ``class_key``), and ``index.json``.
    files
        Each ``{"network", "path", "transfers"}``: a file of ``maximise_class`` and what other
        networks say, a list.
    """
    classes: dict[str, list[tuple[Mapping[str, Any], Maximisation]]] = {}
    for entry in files:
        made = read_maximisation(entry["path"])
        classes.setdefault(class_key(made), []).append((entry, made))
    with replacing_directory(output) as folder:
        drawn = {
            name: _draw_class(folder, name, group)
            for name, group in classes.items()
            if len(group) > 1
        }
        write_index(folder, {"classes": drawn})


def draw_inversions(output: str | Path, network: str, path: str | Path) -> None:
    """Draw the strip of layers of each inverted image.

    Parameters
    ----------
    output
        A folder: ``<image>.png``, and ``index.json``.
    network
        The network's name.
    path
        A file of ``invert_features``.
    """
    inversion = read_inversion(path)
    with replacing_directory(output) as folder:
        images = []
        for place, image in enumerate(inversion.images):
            name = safe_name(image)
            size = draw_inversion(folder / f"{name}.png", network, inversion, image)
            small = f"{name}.small.png"
            _write_small(folder / small, inversion.original[place])
            images.append({"image": image, "small": small, **_entry(f"{name}.png", size)})
        write_index(folder, {"network": network, "images": images})


def class_key(made: Maximisation) -> str:
    """Return what a class is called in every network that has it: its wnid, or else its name."""
    return made.class_wnid or made.class_name


def _draw_seed(
    folder: Path, network: str, made: Maximisation, seed: int, transfers: Sequence[Transfer]
) -> dict[str, Any]:
    own = seed_folder(seed)
    (folder / own).mkdir()
    files = {kind: f"{own}/{kind}.png" for kind in ("ladder", "curves", "course")}
    size = draw_ladder(folder / files["ladder"], network, made, seed=seed, transfers=transfers)
    values = draw_curves(folder / files["curves"], network, made, seed=seed)
    drawn = {
        "seed": seed,
        "ladder": _entry(files["ladder"], size),
        "curves": {"file": files["curves"], **values},
    }
    if made.snapshot_steps:
        size = draw_course(folder / files["course"], network, made, seed=seed)
        drawn["course"] = _entry(files["course"], size)
    return drawn


def _draw_class(
    folder: Path, name: str, group: Sequence[tuple[Mapping[str, Any], Maximisation]]
) -> list[dict[str, Any]]:
    own = safe_name(name)
    (folder / own).mkdir()
    drawn = []
    for seed in _seeds(group[0][1]):
        file = f"{own}/{seed_folder(seed)}.png"
        size = draw_networks(
            folder / file,
            [(entry["network"], made) for entry, made in group],
            seed=seed,
            transfers={entry["network"]: entry["transfers"] for entry, _ in group},
        )
        drawn.append({"seed": seed, **_entry(file, size)})
    return drawn


def _entry(file: str, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    return {"file": file, "width": width, "height": height}


def _draw_small(path: Path, made: Maximisation) -> None:
    """Write the image that the most regularisers of the ladder made, or else the last."""
    presets = [row["preset"] for row in made.rows]
    chosen = max((name for name in presets if name in LADDER), default=presets[-1])
    _write_small(path, made.shown[presets.index(chosen)])


def _write_small(path: Path, pixels: np.ndarray) -> None:
    canvas = Canvas(SMALL_SIDE, SMALL_SIDE)
    canvas.picture(0, 0, fitted(pixels, SMALL_SIDE, PAPER))
    canvas.save(path)


def _seeds(made: Maximisation) -> list[int]:
    return sorted({row["seed"] for row in made.rows})
