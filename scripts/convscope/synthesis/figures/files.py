"""The figures of one file, or of several networks, in a folder; needs no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.synthesis.figures.curves import draw_curves
from convscope.synthesis.figures.ladder import draw_course, draw_ladder, draw_networks
from convscope.synthesis.figures.strip import draw_inversion
from convscope.synthesis.storage import Maximisation, read_inversion, read_maximisation
from convscope.synthesis.transfer import Transfer


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
        ``course.png``.
    network
        The network's name.
    path
        What it made, a file of ``maximise_class``.
    transfers
        What other networks say of these images.
    """
    made = read_maximisation(path)
    with replacing_directory(output) as folder:
        for seed in _seeds(made):
            own = folder / seed_folder(seed)
            own.mkdir()
            draw_ladder(own / "ladder.png", network, made, seed=seed, transfers=transfers)
            draw_curves(own / "curves.png", network, made, seed=seed)
            if made.snapshot_steps:
                draw_course(own / "course.png", network, made, seed=seed)


def draw_networks_of_classes(output: str | Path, files: Sequence[Mapping[str, Any]]) -> None:
    """Draw each class that several networks made, side by side, for each seed.

    Parameters
    ----------
    output
        A folder: ``<class>/seed_<seed>.png``; the class is its wnid, or its name where it has none.
    files
        Each ``{"network", "path", "transfers"}``: a file of ``maximise_class`` and what other
        networks say, a list.
    """
    classes: dict[str, list[tuple[Mapping[str, Any], Maximisation]]] = {}
    for entry in files:
        made = read_maximisation(entry["path"])
        classes.setdefault(made.class_wnid or made.class_name, []).append((entry, made))
    with replacing_directory(output) as folder:
        for name, group in classes.items():
            if len(group) < 2:
                continue
            (folder / safe_name(name)).mkdir()
            for seed in _seeds(group[0][1]):
                draw_networks(
                    folder / safe_name(name) / f"{seed_folder(seed)}.png",
                    [(entry["network"], made) for entry, made in group],
                    seed=seed,
                    transfers={entry["network"]: entry["transfers"] for entry, _ in group},
                )


def draw_inversions(output: str | Path, network: str, path: str | Path) -> None:
    """Draw the strip of layers of each inverted image.

    Parameters
    ----------
    output
        A folder: ``<image>.png``.
    network
        The network's name.
    path
        A file of ``invert_features``.
    """
    inversion = read_inversion(path)
    with replacing_directory(output) as folder:
        for image in inversion.images:
            draw_inversion(folder / f"{safe_name(image)}.png", network, inversion, image)


def _seeds(made: Maximisation) -> list[int]:
    return sorted({row["seed"] for row in made.rows})
