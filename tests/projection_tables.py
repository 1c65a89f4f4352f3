"""Small files of projections, as the rules that draw them read."""

import h5py
import numpy as np

from convscope.deconvnet.table import writing_projections
from convscope.images.store import writing_images
from convscope.variants.definitions import definition_of

HOSTILE = '../<img src=x onerror="bad()">\n&'
IDS = [HOSTILE, "cat"]
LAYERS = [
    {"name": "features.0", "common_name": "conv1_1", "kind": "conv"},
    {"name": "features.12/<i>", "common_name": "fire9/expand", "kind": "concat"},
]
NETWORK_LAYERS = ["features.0", "features.1", "features.3.squeeze_activation", "features.12/<i>"]
OCCLUSION = {"centre_occlusion": {"occlude": "centre", "size": 80, "grey": 128}}
VARIANTS = [
    {"name": name, "definition": definition_of(name, OCCLUSION)}
    for name in ("normal", "centre_occlusion")
]
CONTROLS = ["other_channel", "random_weights", "random_weights_and_switches"]
BOXES = [(10, 20, 13, 23), (0, 64, 160, 224)]
"""What the units of each layer see."""
SEEDS = 9


def attributes(**changes):
    return {
        "network": {"architecture": "toy", "weights_sha256": "ab" * 32},
        "images": {"ids": IDS, "pixel_sha256": ["0" * 64] * 2},
        "layers": LAYERS,
        "network_layers": NETWORK_LAYERS,
        "variants": VARIANTS,
        "settings": {"select": "unit", "top": 3, "rule": "deconvnet", "unpooling": "switches"},
        **changes,
    }


def columns(layer, **changes):
    top, left, bottom, right = BOXES[layer]
    plain = dict.fromkeys(("image", "variant", "rank", "channel", "row", "column"), 0)
    numbers = {"epoch": -1, "control": -1, "peak": 2.5, "activation": 2.5, "zero_at": -1}
    sides = {"top": top, "left": left, "bottom": bottom, "right": right}
    return {**plain, **numbers, **sides, "layer": layer, **changes}


def shape(row):
    return 3, row["bottom"] - row["top"], row["right"] - row["left"]


def signal(row):
    """Return a projection that differs from unit to unit."""
    names = ("image", "variant", "layer", "rank", "channel", "control")
    return np.random.default_rng([row[name] + 1 for name in names]).normal(size=shape(row)) * 40


def add(writer, row, projection=None):
    rows, columns_ = np.mgrid[row["top"] : row["bottom"], row["left"] : row["right"]]
    patch = np.stack([rows % 256, columns_ % 256, rows * 0 + 90]).astype(np.uint8)
    writer.add(signal(row) if projection is None else projection, patch, **row)


def write_images(path):
    with writing_images(path, IDS, {"resize": 256}, {}) as writer:
        for image in range(len(IDS)):
            levels = np.full((3, 224, 224), 60 + 100 * image, np.uint8)
            levels[0, :112] = 200
            writer.add(levels, "ab" * 32)
    return path


def write_sheets_table(path, *, select="unit", top=3):
    """Write units of two images, two variants and two layers; the last of each shows nothing."""
    settings = {"select": select, "top": top, "rule": "deconvnet", "unpooling": "switches"}
    with writing_projections(path, attributes(settings=settings), "float16") as writer:
        for variant in range(2):
            for image in range(2):
                for layer in range(2):
                    for rank in range(top):
                        place = {"image": image, "variant": variant, "rank": rank}
                        channel = -1 if select == "layer" else 100 + rank
                        row = columns(layer, **place, channel=channel)
                        add(writer, *nothing(row, layer) if rank == 2 else (row,))
    return path


def nothing(row, layer):
    """Return a unit that is silent in the first layer, and rectified to zero in the second."""
    changes = {"zero_at": 2} if layer else {"peak": 0.0, "activation": 0.0}
    return {**row, **changes}, np.zeros(shape(row))


def write_controls(path):
    """Write controls of the normal variant; the second layer has no other channel."""
    settings = {"rule": "deconvnet", "unpooling": "switches", "seeds": SEEDS}
    facts = attributes(controls=CONTROLS, settings=settings)
    starts, count = [], 0
    with writing_projections(path, facts, "float16") as writer:
        for image in range(2):
            for layer in range(2):
                starts.append(count)
                for control in (-1, *range(layer, 3)):
                    add(writer, columns(layer, image=image, control=control, channel=100))
                    count += 1
    values = np.tile(np.linspace(0.1, 0.5, SEEDS, dtype=np.float32), (4, 3, 1))
    values[:, 0, :2] = np.nan
    values[:, 2] = np.nan
    with h5py.File(path, "a") as file:
        file["similarity/row"] = np.array(starts, np.int32)
        file["similarity/ssim"] = values
        file["similarity/spearman"] = -values
    return path


def write_mosaic_table(path, *, images=2):
    """Write three channels of two layers, one silent in an image, one with an image less."""
    with writing_projections(path, attributes(), "float16") as writer:
        for layer in range(2):
            for channel in (7, 30, 31):
                for rank in range(images - (layer == 1 and channel == 30)):
                    row = columns(layer, channel=channel, rank=rank, image=(1 - rank) % images)
                    row["peak"] = 5.0 - rank
                    silent = channel == 31 and rank == 1
                    add(writer, *nothing(row, 0) if silent else (row,))
    return path


def write_evolution_table(path):
    """Write two channels of two layers at three epochs; one is missing at epoch 4."""
    with writing_projections(path, attributes(), "float16") as writer:
        for epoch in (0, 4, -1):
            for layer in range(2):
                for channel in (7, 30):
                    if (epoch, channel) != (4, 30):
                        row = columns(layer, channel=channel, epoch=epoch, image=epoch % 2)
                        add(writer, row)
    return path
