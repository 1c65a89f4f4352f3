"""Files of maximised classes and inversions, made without a network."""

import numpy as np

from convscope.synthesis.settings import preset_settings
from convscope.synthesis.storage import INVERSION, MAXIMISATION, write_synthesis

SIDE = 32


def pictures(count, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (count, 3, SIDE, SIDE))
    return values.astype(np.uint8)


def write_maximisation(path):
    """Write a file of four presets and two seeds, whose last row turned NaN at step 2."""
    presets, seeds = ("ladder_a", "ladder_e", "yosinski_1", "mine"), (0, 1)
    pairs = [(preset, seed) for preset in presets for seed in seeds]
    steps, count = 5, len(pairs)
    rows = [
        {
            "preset": preset,
            "seed": seed,
            "attempt": 0,
            "iterations": steps,
            "shown": "last",
            "shown_at": steps,
            "stopped": None,
        }
        for preset, seed in pairs
    ]
    rows[-1] |= {"stopped": 2, "shown_at": 1}
    curve = np.linspace(0, 1, count * (steps + 1), dtype=np.float32).reshape(count, -1)
    curve[-1, 2:] = np.nan
    named = {name: "ladder_a" if name == "mine" else name for name in presets}
    facts = {
        "class": {"index": 3, "name": "flamingo", "wnid": "n02007558"},
        "network": {"architecture": "toy", "weights_sha256": "7" * 64},
        "objective": {"layer": "fc8", "what": "class score before softmax"},
        "presets": {name: preset_settings(preset) for name, preset in named.items()},
        "rows": rows,
        "snapshot_steps": [0, 5],
    }
    arrays = {
        "last": np.zeros((count, 3, SIDE, SIDE), np.float32),
        "best": np.zeros((count, 3, SIDE, SIDE), np.float32),
        "shown": pictures(count),
        "snapshots": np.stack([pictures(count, 1), pictures(count, 2)]),
        "score": 40 * curve,
        "probability": curve,
        "shown_probability": np.linspace(0, 1, count, dtype=np.float32),
        "shown_class": np.full(count, 3, np.int32),
        "variation": np.ones(count),
    }
    write_synthesis(path, MAXIMISATION, facts, arrays)


def write_inversion(path, layers=("features.0", "features.1", "features.2"), control=True):
    presets = ("published_prior", "no_prior")
    triples = [(i, layer, preset) for i in ("cat", "dog") for layer in layers for preset in presets]
    count = len(triples)
    rows = [
        {
            "image": image,
            "layer": layer,
            "common_name": f"conv{layers.index(layer)}",
            "place": layers.index(layer),
            "preset": preset,
            "seed": 0,
            "attempt": 0,
            "iterations": 4,
            "shown": "best",
            "shown_at": 4,
            "stopped": None,
            "control_image": "dog" if control else None,
        }
        for image, layer, preset in triples
    ]
    errors = np.linspace(0.01, 0.9, count)
    unknown = np.full(count, np.nan)
    arrays = {
        "last": np.zeros((count, 3, SIDE, SIDE), np.float32),
        "best": np.zeros((count, 3, SIDE, SIDE), np.float32),
        "shown": pictures(count),
        "original": pictures(2, 5),
        "e1_curve": np.ones((count, 5), np.float32),
        "e2_curve": np.ones((count, 5), np.float32),
        "e1": errors,
        "e2": errors / 2 if control else unknown,
        "control_e1": errors + 1,
        "control_e2": errors + 2 if control else unknown,
        "psnr": np.where(errors > 0.02, 15.5, np.inf),
    }
    facts = {
        "network": {"architecture": "toy"},
        "presets": {name: preset_settings(name) for name in presets},
        "images": ["cat", "dog"],
        "compared": ["cat", "dog"],
        "rows": rows,
    }
    write_synthesis(path, INVERSION, facts, arrays)
