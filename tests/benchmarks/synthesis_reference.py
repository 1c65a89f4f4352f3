"""Do maximised classes of the reference network look like their class? The ladder by preset.

    python tests/benchmarks/synthesis_reference.py [--weights FILE --judge FILE] [--classes N]
        [--seeds N] [--iterations N] [--figures DIR] [--json] [--quick]

Each preset of the ladder for every class and seed. least_probability and least_shown: the smallest
probability of the class, of the last image and of its uint8 form; named: the share of images whose
uint8 form the network names rightly; variation: the median total variation over the standard
deviation of the last image; transfer, transfer_mean and least_transfer: median, mean and least
probability that an independent network gives the class. It is mostly near 0 or 1, and near 1 for
some classes whatever the preset: a median over few classes says little. Without --weights two
networks are trained first, as config/config.yaml says but for the seed of the second.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import Figures, parser_of, show

# isort: split
import numpy as np
from reference_networks import CPU, QUICK, default_settings, load, train

from convscope.classes.lists import ClassList, scene_class_list
from convscope.devices import computing, usable_cores
from convscope.digests import file_sha256
from convscope.networks.training_settings import checked
from convscope.scenes.names import SCENES_MEAN, SCENES_STD
from convscope.synthesis.figures.curves import draw_curves
from convscope.synthesis.figures.ladder import draw_ladder
from convscope.synthesis.judge import judge_maximisation
from convscope.synthesis.maximise import NamedClass, maximise_class
from convscope.synthesis.presets import LADDER
from convscope.synthesis.settings import preset_settings
from convscope.synthesis.storage import Maximisation, read_maximisation
from convscope.synthesis.transfer import Transfer

TRANSFORM = {"mean": SCENES_MEAN, "std": SCENES_STD}
QUICK_ITERATIONS, QUICK_SIDE = 8, 96


def judging(weights: Path) -> dict[str, Any]:
    """Return a reference network with what its judging needs."""
    return {"network": load(weights)[0], "weights_sha256": file_sha256(weights)}


def make(
    own: dict, judge: dict, classes: ClassList, index: int, options: dict, folder: Path
) -> tuple[Maximisation, list[Transfer]]:
    """Return the ladder of one class, and what the judge says of it."""
    path = folder / f"class_{index}.h5"
    maximise_class(
        own["network"],
        path,
        target=NamedClass(index, classes.names[index]),
        device=CPU,
        attributes={"network": {"weights_sha256": own["weights_sha256"]}},
        **TRANSFORM,
        **options,
    )
    judged = judge_maximisation(
        path, **judge, name="judge", classes=classes, device=CPU, **TRANSFORM
    )
    return read_maximisation(path), judged


def figures_of(preset: str, found: Sequence[tuple[Maximisation, list[Transfer]]]) -> Figures:
    """Return the figures of one preset over classes and seeds."""
    last, shown, named, variation, transfer = [], [], [], [], []
    for made, judged in found:
        for place, row in enumerate(made.rows):
            if row["preset"] != preset:
                continue
            last.append(made.probability[place, row["iterations"]])
            shown.append(made.shown_probability[place])
            named.append(made.shown_class[place] == made.class_index)
            variation.append(made.variation[place])
            transfer.append(judged[place].label_probability)
    return {
        "least_probability": float(min(last)),
        "least_shown": float(min(shown)),
        "named": float(np.mean(named)),
        "variation": float(np.median(variation)),
        "transfer": float(np.median(transfer)),
        "transfer_mean": float(np.mean(transfer)),
        "least_transfer": float(min(transfer)),
    }


def draw(folder: Path, found: Sequence[tuple[Maximisation, list[Transfer]]]) -> None:
    """Draw the ladder and the curves of each class."""
    folder.mkdir(parents=True, exist_ok=True)
    for made, judged in found:
        name = made.class_name
        draw_ladder(folder / f"{name}.png", "reference", made, seed=0, transfers=judged)
        draw_curves(folder / f"{name}_curves.png", "reference", made, seed=0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of a reference network")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="of an independent one")
    parser.add_argument("--classes", type=int, metavar="N", help="the first N (default: all)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--iterations", type=int, metavar="N", help="default: the presets' own")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="where to draw the ladders")
    options = parser.parse_args(arguments)
    settings = default_settings() | (QUICK if options.quick else {})
    iterations = QUICK_ITERATIONS if options.quick else options.iterations
    classes = scene_class_list(tuple(checked(settings)["classes"]))
    with tempfile.TemporaryDirectory() as name, computing(usable_cores()):
        folder = Path(name)
        own, judge = (
            judging(given or train({**settings, "seed": seed}, folder / str(seed)))
            for seed, given in ((1, options.weights), (2, options.judge))
        )
        asked = {
            "presets": {name: preset_settings(name, iterations=iterations) for name in LADDER},
            "seeds": range(1 if options.quick else options.seeds),
            "size": (QUICK_SIDE, QUICK_SIDE) if options.quick else (224, 224),
        }
        count = 1 if options.quick else options.classes or len(classes)
        found = [make(own, judge, classes, index, asked, folder) for index in range(count)]
        if options.figures:
            draw(options.figures, found)
    figures = {preset: figures_of(preset, found) for preset in LADDER}
    show("The ladder on the reference network, by preset", figures, options.json, corner="")


if __name__ == "__main__":
    main()
