"""What do inverted layers of the reference network keep? Errors and likeness by layer.

    python tests/benchmarks/inversion_reference.py [--weights FILE] [--images N] [--every N]
        [--iterations N] [--figures DIR] [--json] [--quick]

Held-out scenes of different classes; the first --images of 8 are inverted, all are compared. Means
over them: e1 and e2 with the published prior (see convscope.synthesis.storage), control_e2 of the
best other scene's own code, psnr with the prior and psnr_no_prior without, in decibels. depth is
the layer's place from 1. The rank correlation of psnr with it is in the title. Without --weights a
network is trained first, as config/config.yaml says.
"""

import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from measuring import Figures, parser_of, show

# isort: split
import numpy as np
from reference_networks import CPU, QUICK, default_settings, held_out, load, train
from scipy.stats import spearmanr

from convscope.devices import computing, usable_cores
from convscope.images.store import ImageBatch, pixel_digest
from convscope.scenes.names import SCENES_MEAN, SCENES_STD
from convscope.synthesis.figures.strip import draw_inversion
from convscope.synthesis.invert import invert_features
from convscope.synthesis.settings import preset_settings
from convscope.synthesis.storage import Inversion, read_inversion

COMPARED = 8
PRIOR, NONE = PRESETS = ("published_prior", "no_prior")
QUICK_ITERATIONS, QUICK_EVERY = 4, 5


def scenes(count: int, seed: int, classes: Sequence[str]) -> ImageBatch:
    """Return held-out scenes as prepared images."""
    pixels = np.stack([scene.pixels for scene in held_out(count, seed, classes)])
    ids = tuple(f"scene_{place}" for place in range(count))
    return ImageBatch(ids, pixels, ids, tuple(pixel_digest(own) for own in pixels))


def invert(weights: Path, options: Namespace, output: Path) -> Inversion:
    """Return the inversions of every layer, or of every so many."""
    network, table, classes = load(weights)
    images = scenes(COMPARED, 1, classes)
    iterations = QUICK_ITERATIONS if options.quick else options.iterations
    invert_features(
        network,
        images,
        output,
        ids=images.ids[: 1 if options.quick else options.images],
        layers={
            layer.name: layer.common_name
            for layer in table.layers[:: QUICK_EVERY if options.quick else options.every]
        },
        presets={name: preset_settings(name, iterations=iterations) for name in PRESETS},
        seed=0,
        mean=SCENES_MEAN,
        std=SCENES_STD,
        device=CPU,
    )
    return read_inversion(output)


def figures_of(inversion: Inversion, layer: str) -> Figures:
    """Return the figures of one layer over the images."""

    def mean(values: np.ndarray, preset: str) -> float:
        rows = inversion.rows
        own = [n for n, row in enumerate(rows) if (row["layer"], row["preset"]) == (layer, preset)]
        return float(values[own].mean())

    place = next(row["place"] for row in inversion.rows if row["layer"] == layer)
    # An exact image has no finite ratio; 99 decibels stand for it.
    psnr = np.minimum(inversion.psnr, 99.0)
    return {
        "depth": place + 1,
        "e1": mean(inversion.e1, PRIOR),
        "e2": mean(inversion.e2, PRIOR),
        "control_e2": mean(inversion.control_e2, PRIOR),
        "e2_no_prior": mean(inversion.e2, NONE),
        "psnr": mean(psnr, PRIOR),
        "psnr_no_prior": mean(psnr, NONE),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of a reference network")
    parser.add_argument("--images", type=int, default=2, metavar="N")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="invert every N-th layer")
    parser.add_argument("--iterations", type=int, metavar="N", help="default: the presets' own")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="where to draw the strips")
    options = parser.parse_args(arguments)
    settings = default_settings() | (QUICK if options.quick else {})
    with tempfile.TemporaryDirectory() as name, computing(usable_cores()):
        weights = options.weights or train(settings, Path(name))
        inversion = invert(weights, options, Path(name) / "inversion.h5")
    if options.figures:
        options.figures.mkdir(parents=True, exist_ok=True)
        for image in inversion.images:
            draw_inversion(options.figures / f"{image}.png", "reference", inversion, image)
    names = {row["layer"]: row["common_name"] for row in inversion.rows}
    figures = {common: figures_of(inversion, layer) for layer, common in names.items()}
    falls = spearmanr(*zip(*((own["depth"], own["psnr"]) for own in figures.values()), strict=True))
    title = f"Inverted layers (rank correlation of psnr with depth: {falls.statistic:.2f})"
    show(title, figures, options.json, corner="mean")


if __name__ == "__main__":
    main()
