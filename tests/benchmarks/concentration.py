"""Do projections of the reference network lie on the object of a scene? The score by layer.

    python tests/benchmarks/concentration.py [--weights FILE] [--scenes N] [--json] [--quick]

For the strongest unit of each layer on held-out scenes: the share of its squared projection inside
the object's mask divided by the mask's share of its box (concentration), the same for another
channel at the same position with the same switches (control), and the ratio of both means with
its paired 95 % bootstrap interval. scenes counts those where both are defined; mask_share_of_box
is the mask's mean share of the box. A ReLU's strongest units are its convolution's. Without
--weights a network is trained first, as config/config.yaml says.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from measuring import Figures, parser_of, show

# isort: split
import numpy as np
from reference_networks import CPU, QUICK, default_settings, held_out, load, train
from scipy.stats import bootstrap

from convscope.deconvnet.concentration import concentration, relative_concentration
from convscope.deconvnet.controls import SEED, other_channel
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.select import strongest
from convscope.devices import computing, usable_cores
from convscope.features.peaks import find_peaks
from convscope.networks.scene_accuracy import normalised_scenes
from convscope.scenes.drawing import Scene

RESAMPLES = 4000
Scores = dict[str, np.ndarray]


def score_scene(
    projector: Projector, scene: Scene, layers: Sequence[str], number: int
) -> dict[str, tuple[float, float, float]]:
    """Return each layer's concentration, that of the control, and the mask's share of the box.

    NaN stands for what is undefined. ``number`` decides the control's channel.
    """
    image = normalised_scenes(scene.pixels[None], CPU)
    tape = projector.record(image, layers)
    units, others = [], []
    for layer in layers:
        output = tape.activations[layer]
        values, positions = (found[0].numpy() for found in find_peaks(output, layer))
        (peak,) = strongest(values, positions, 1, layer)
        units.append(Unit(layer, peak.channel, peak.row, peak.column))
        others.append(other_channel(units[-1], output.shape[1], number))
    own, control = (projector.project(tape, chosen, seed=SEED) for chosen in (units, others))
    scores = {}
    for layer, *both in zip(layers, own, control, strict=True):
        found = [concentration(p.pixels, scene.mask, p.box) for p in both]
        top, left, bottom, right = both[0].box
        share = scene.mask[top:bottom, left:right].mean()
        scores[layer] = (*(np.nan if value is None else value for value in found), share)
    return scores


def score_scenes(projector: Projector, scenes: Iterable[Scene], layers: Sequence[str]) -> Scores:
    """Return what ``score_scene`` finds of each layer, ``(scenes, 3)``."""
    found = [score_scene(projector, scene, layers, n) for n, scene in enumerate(scenes)]
    return {layer: np.array([scores[layer] for scores in found]) for layer in layers}


def figures_of(scores: np.ndarray) -> Figures:
    """Return the figures of one layer from its scores ``(scenes, 3)``."""
    own, control, share = scores[np.isfinite(scores).all(1)].T
    if len(own) < 2:
        return {"scenes": len(own)}
    low, high = paired_interval(own, control)
    return {
        "scenes": len(own),
        "mask_share_of_box": float(share.mean()),
        "concentration": float(own.mean()),
        "control": float(control.mean()),
        "ratio": float(relative_concentration(own, control)),
        "ratio_low": low,
        "ratio_high": high,
    }


def paired_interval(own: np.ndarray, control: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the ratio; scenes are drawn with their control."""
    found = bootstrap(
        (own, control),
        relative_concentration,
        paired=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def load_projector(weights: str | Path) -> tuple[Projector, dict[str, str], list[str]]:
    """Return the projector, the layers to score (name to common name), and the classes."""
    network, table, classes = load(weights)
    scored = [layer for layer in table.layers if layer.kind in ("conv", "linear")]
    layers = {layer.name: layer.common_name for layer in scored}
    return Projector(network), layers, classes


def measure(weights: Path, count: int, seed: int) -> dict[str, Figures]:
    """Return the figures of each layer by its common name."""
    projector, layers, classes = load_projector(weights)
    with computing(usable_cores()):
        scores = score_scenes(projector, held_out(count, seed, classes), list(layers))
    return {layers[layer]: figures_of(found) for layer, found in scores.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of a reference network")
    parser.add_argument("--seed", type=int, default=1, help="of its training (default: 1)")
    parser.add_argument("--scenes", type=int, default=240, metavar="N")
    options = parser.parse_args(arguments)
    count = 8 if options.quick else options.scenes
    with tempfile.TemporaryDirectory() as folder:
        settings = default_settings() | (QUICK if options.quick else {})
        settings["seed"] = options.seed
        figures = measure(options.weights or train(settings, Path(folder)), count, options.seed)
    title = "Concentration of projections on the object of a scene, by layer"
    show(title, figures, options.json, corner="mean")


if __name__ == "__main__":
    main()
