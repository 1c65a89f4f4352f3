"""Files of occlusion maps, made without a network."""

import numpy as np

from convscope.images.store import read_index as read_image_index
from convscope.images.store import writing_images
from convscope.occlusion.grid import Grid
from convscope.occlusion.maps import Comparison, OcclusionMaps
from convscope.occlusion.occluders import occluder_of
from convscope.occlusion.score_files import Feature, ImageScores, writing_scores
from convscope.occlusion.storage import writing_maps

HOSTILE = '../<img src=x onerror="bad()">\n&'
IDS = [HOSTILE, "cat"]
NAMES = ("cat", "a <b>dog</b>", "very long " * 12 + "name", *(f"class {n}" for n in range(3, 20)))
LOW = (6, 11)
"""The cell of the cat at which the probability falls."""
SIZE = (224, 224)


def write_images(path, phases=(0, 2), ids=IDS):
    """Write two images of smooth colours."""
    rows, columns = np.mgrid[:224, :224]
    with writing_images(path, ids, {"resize": 256}, {}) as writer:
        for phase in phases:
            waves = [np.sin(rows / (20 + c) + phase) + np.cos(columns / (30 - c)) for c in range(3)]
            pixels = np.rint(127.5 + 60 * np.stack(waves)).astype(np.uint8)
            writer.add(pixels, f"{phase}" * 64)


def maps_of(grid, **changes):
    """Return maps whose probability of the label is 0.8, but 0.1 in one cell."""
    probabilities = np.full((2, *grid.shape), 0.8)
    class_map = np.zeros(grid.shape, np.int32)
    row, column = (min(place, side - 1) for place, side in zip(LOW, grid.shape, strict=True))
    probabilities[:, row, column] = 0.1
    class_map[row, column] = 1
    given = {
        "grid": grid,
        "label": 0,
        "top": 0,
        "channel": 3,
        "clean_logits": (2.0, 2.0),
        "clean_probabilities": (0.9, 0.9),
        "clean_activity": 40.0,
        "logits": probabilities * 3,
        "probabilities": probabilities,
        "class_map": class_map,
        "margin": np.full(grid.shape, 0.5),
        "activity": 50 * probabilities[0],
        "evaluated": np.ones(grid.shape, bool),
        "method": "exact",
    }
    given |= changes
    odds = {
        "log_odds": logit(given["probabilities"]),
        "clean_log_odds": tuple(logit(np.array(given["clean_probabilities"]))),
    }
    return OcclusionMaps(**(odds | given))


def logit(probability):
    """Return the log-odds of probabilities below 1."""
    return np.log(probability) - np.log1p(-probability)


def without_label(grid):
    """Return maps of an image whose class the network does not have, of many classes."""
    maps = maps_of(grid, label=None, top=2, channel=None, method="coarse_to_fine")
    nan = np.full(grid.shape, np.nan)
    return maps_of(
        grid,
        label=None,
        top=2,
        channel=None,
        method="coarse_to_fine",
        clean_logits=(np.nan, 3.0),
        clean_probabilities=(np.nan, 0.99),
        clean_activity=np.nan,
        probabilities=np.stack([nan, maps.probabilities[1]]),
        logits=np.stack([nan, maps.logits[1]]),
        activity=nan,
        class_map=(np.arange(nan.size).reshape(grid.shape) % 12).astype(np.int32),
        evaluated=np.arange(nan.size).reshape(grid.shape) % 2 == 0,
        comparison=Comparison(0.93, 0.04),
    )


def write_occlusion(path, images, entry=None, maps=None):
    """Write occlusion.h5 of some maps, by default of both images."""
    occluder = occluder_of({"name": "any", **(entry or {})})
    grid = Grid(SIZE, occluder.patch, occluder.stride)
    maps = maps or {HOSTILE: without_label(grid), "cat": maps_of(grid)}
    index = read_image_index(images)
    facts = {
        "ids": list(maps),
        "pixel_sha256": [index.pixel_sha256[index.ids.index(image)] for image in maps],
    }
    with writing_maps(path, facts, occluder, grid, {"name": "auto"}, {}, {}) as writer:
        for found in maps.values():
            writer.add(found)
    return path


SHARES = np.linspace(0, 1, 5)


def scores_of(*, curves=True, erased=0.1, replaced=0.8, classes=(0, 1, 2), answers=(0, 3, 0)):
    """Return scores of an image of class 0, which the network names."""
    lines = np.array([[0.9 - 0.8 * SHARES, 0.1 + 0.8 * SHARES], [0.9 - SHARES**2, SHARES**2]])
    probabilities = np.array([[0.9, 0.9], [erased, erased], [replaced, replaced]])
    return ImageScores(lines if curves else None, probabilities, np.array(answers), *classes)


def without_partners(curves=True):
    """Return scores of an image that is no scene."""
    nothing = np.full((3, 2), np.nan)
    return ImageScores(scores_of(curves=curves).curves, nothing, np.full(3, -1), -1, -1, -1)


def feature_at(row, column):
    """Return a projection of one square, as large as float16 can't hold."""
    pixels = np.zeros((3, *SIZE), np.float32)
    pixels[:, row : row + 40, column : column + 40] = 1e6
    pixels[:, row, column] = -1e6
    return Feature(pixels, None)


def write_scores(path, scores, features=None, shares=SHARES):
    """Write scores.h5 of some scores by image."""
    features = features or {}
    nothing = Feature(np.zeros((3, *SIZE), np.float32), "rectified to zero at relu4")
    about = {"images": {"ids": list(scores)}}
    with writing_scores(path, shares, SIZE, about) as writer:
        for image, found in scores.items():
            writer.add(found, features.get(image, nothing))
    return path
