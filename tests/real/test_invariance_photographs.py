"""Small shifts of photographs move the top of a trained network less than its bottom."""

from pathlib import Path

import numpy as np
import pytest
import torch

from convscope.images.prepare import prepare_images
from convscope.images.store import read_images
from convscope.invariance.layers import chosen_layers
from convscope.invariance.measure import measure_invariance
from convscope.invariance.storage import read_invariance
from convscope.invariance.transforms import Transform
from convscope.networks.architectures import load_architecture
from convscope.networks.build import build_network
from convscope.networks.weights import convert_weights

pytestmark = pytest.mark.real
TABLE = Path(__file__).resolve().parents[2] / "workflow" / "architectures"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GEOMETRY = {"resize": 256, "crop": 224, "interpolation": "bilinear"}
COUNT = 40
SHIFTS = (1.0, 4.0, 10.0, 30.0)


@pytest.fixture(scope="module")
def measured(tmp_path_factory, photographs, squeezenet):
    """Measure the first 40 photographs, shifted to the right, black fill."""
    place = tmp_path_factory.mktemp("photographs")
    folder, rows = photographs
    sources = {
        row["file"].removesuffix(".JPEG"): {
            "file": str(folder / row["file"]),
            "sha256": row["sha256"],
        }
        for row in rows[:COUNT]
    }
    prepare_images(sources, GEOMETRY, place / "images.h5", packages={})
    convert_weights(squeezenet, "squeezenet1_0", 1000, place / "weights.safetensors")
    network = build_network(
        "squeezenet1_0", place / "weights.safetensors", classes=1000, device="cpu"
    )
    measure_invariance(
        network,
        read_images(place / "images.h5"),
        place / "invariance.h5",
        layers=chosen_layers(load_architecture(TABLE, "squeezenet1_0")),
        transforms=[Transform("horizontal_translation", SHIFTS)],
        fill="black",
        labels=[int(row["class_index"]) for row in rows[:COUNT]],
        mean=MEAN,
        std=STD,
        attributes={},
        device=torch.device("cpu"),
    )
    return read_invariance(place / "invariance.h5")


@pytest.fixture(scope="module")
def relative(measured):
    """Return bottom and top relative distances, each ``(40, 4)``."""
    assert [layer["common_name"] for layer in measured.layers] == ["relu1", "fire9"]
    return np.moveaxis(measured.curves[0].relative_distance, -1, 0)


@pytest.mark.parametrize(("shift", "share"), [(1.0, 0.775), (4.0, 0.925), (10.0, 0.825)])
def test_small_shifts_move_the_top_less_than_the_bottom(relative, shift, share):
    bottom, top = relative[:, :, SHIFTS.index(shift)]
    assert np.median(top) < np.median(bottom)
    assert (top < bottom).mean() == pytest.approx(share, abs=0.026)


def test_a_large_shift_does_not(relative):
    bottom, top = relative[:, :, SHIFTS.index(30.0)]
    assert np.median(top) > np.median(bottom)
    assert (top < bottom).mean() == pytest.approx(0.325, abs=0.026)


def test_unrelated_photographs_are_further_apart_than_small_shifts(measured, relative):
    for layer in (0, 1):
        reference = measured.reference_relative_distance[:, layer].mean()
        assert len(measured.reference_pairs) > 4 * COUNT - 15
        assert (np.median(relative[layer, :, :3], axis=0) < reference).all()
