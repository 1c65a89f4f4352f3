"""Inversion: errors by their definitions, controls, resumed runs, layers that can't be inverted."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from convscope.deconvnet.receptive_fields import ReceptiveFields
from convscope.errors import UserError
from convscope.images.store import ImageBatch, pixel_digest
from convscope.networks.layers import observing
from convscope.synthesis import invert
from convscope.synthesis.batches import Resuming
from convscope.synthesis.invert import invert_features, seen_share
from convscope.synthesis.measures import psnr
from convscope.synthesis.settings import preset_settings
from convscope.synthesis.storage import read_inversion
from synthesis_toys import MEAN, STD, squeezed, toy

SIZE = (16, 12)
LAYERS = {"7": "fc3", "0": "conv1", "4": "relu2"}
PRESETS = {name: preset_settings(name, iterations=40) for name in ("mahendran_vedaldi", "no_prior")}


def batch(count=5, twin=True):
    """Return smooth pictures, the last of which is the first again."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = [
        np.sin(rows / (2 + n) + c) * np.cos(columns / (3 + n) - c * n)
        for n in range(count)
        for c in range(3)
    ]
    pixels = np.rint(127.5 + 100 * np.array(waves).reshape(count, 3, *SIZE)).astype(np.uint8)
    if twin:
        pixels[-1] = pixels[0]
    ids = tuple(f"image_{number}" for number in range(count))
    return ImageBatch(ids, pixels, ids, tuple(pixel_digest(own) for own in pixels))


def make(path, network=None, images=None, ids=("image_0", "image_2"), layers=LAYERS, **options):
    invert_features(
        network or toy(dtype=torch.float32),
        images or batch(),
        path,
        ids=ids,
        layers=layers,
        presets=PRESETS,
        seed=0,
        mean=MEAN,
        std=STD,
        device=torch.device("cpu"),
        attributes={"network": {"weights_sha256": "a" * 64}},
        **options,
    )
    return read_inversion(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made") / "i.h5")


def codes_of(layer, pixels):
    rgb = torch.from_numpy(np.asarray(pixels)).double() / 255
    inputs = (rgb - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    kept = {}
    network = toy()
    with observing(network, lambda name, output: kept.update({name: output.clone()}), [layer]):
        network(inputs)
    return kept[layer].flatten(1).numpy()


def test_rows_are_images_layers_from_the_bottom_up_and_presets(made):
    found = [(row["image"], row["layer"], row["preset"]) for row in made.rows]
    assert found == [
        (image, layer, preset)
        for image in ("image_0", "image_2")
        for layer in ("0", "4", "7")
        for preset in PRESETS
    ]
    assert [row["common_name"] for row in made.rows[::2]] == ["conv1", "relu2", "fc3"] * 2
    assert [row["place"] for row in made.rows[:6:2]] == [0, 4, 7]
    assert made.images == ["image_0", "image_2"]
    np.testing.assert_array_equal(made.original, batch().pixels[[0, 2]])


def test_errors_fall_and_stay_what_they_are_called(made):
    pixels = batch().pixels
    assert made.e1_curve.shape == (12, 41)
    assert (made.e1 < 0.5 * made.e1_curve[:, 0]).all()
    for number, row in enumerate(made.rows):
        codes = codes_of(row["layer"], pixels)
        true = codes[int(row["image"][-1])]
        distances = [
            np.linalg.norm(a - b)
            for i, a in enumerate(codes)
            for j, b in enumerate(codes)
            if i != j and {i, j} != {0, 4}
        ]
        unit = np.mean(distances)
        shown = row["shown_at"]
        assert made.e1[number] == made.e1_curve[number, shown]
        expected = np.sqrt(made.e1_curve[number]) * np.linalg.norm(true) / unit
        np.testing.assert_allclose(made.e2_curve[number], expected, rtol=1e-4)
        np.testing.assert_allclose(made.e2[number], expected[shown], rtol=1e-4)


def test_controls_are_the_best_of_the_other_images_and_never_a_twin(made):
    pixels = batch().pixels
    for number, row in enumerate(made.rows):
        codes = codes_of(row["layer"], pixels)
        own = int(row["image"][-1])
        others = [n for n in range(5) if (pixels[n] != pixels[own]).any()]
        errors = [
            np.square(codes[n] - codes[own]).sum() / np.square(codes[own]).sum() for n in others
        ]
        best = others[int(np.argmin(errors))]
        twins = {"image_0", "image_4"} if best in (0, 4) else {f"image_{best}"}
        assert row["control_image"] in twins
        np.testing.assert_allclose(made.control_e1[number], min(errors), rtol=1e-4)
        ratio = made.control_e2[number] / made.e2[number]
        np.testing.assert_allclose(ratio**2, min(errors) / made.e1[number], rtol=1e-3)


def test_the_errors_are_those_of_the_image_that_is_shown(made):
    # The strongest prior, that of the vector, keeps the image within the valid range.
    prior = ("7", "mahendran_vedaldi")
    strong = [n for n, row in enumerate(made.rows) if (row["layer"], row["preset"]) == prior]
    assert strong
    for number in strong:
        row = made.rows[number]
        true = codes_of(row["layer"], made.original[[made.images.index(row["image"])]])[0]
        code = codes_of(row["layer"], made.shown[[number]])[0]
        found = np.square(code - true).sum() / np.square(true).sum()
        assert abs(np.sqrt(found) - np.sqrt(made.e1[number])) < 0.1
    truth = made.original[[made.images.index(row["image"]) for row in made.rows]]
    np.testing.assert_allclose(made.psnr, psnr(made.shown, truth))


def test_several_batches_and_a_kill_change_nothing_that_counts(tmp_path, monkeypatch, made):
    make(tmp_path / "whole.h5", memory=2e5)
    resuming = Resuming(tmp_path / "checkpoints/i", "abc", seconds=0)
    calls = []

    def kill(state):
        calls.append(state.iteration)
        if len(calls) == 60:
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr("convscope.progress.sys.stderr.isatty", lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr(invert, "_mean_error", kill)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "i.h5", memory=2e5, resuming=resuming)
    again = make(tmp_path / "i.h5", memory=2e5, resuming=resuming)
    digests = [
        hashlib.sha256((tmp_path / name).read_bytes()).digest() for name in ("i.h5", "whole.h5")
    ]
    assert digests[0] == digests[1]
    assert list((tmp_path / "checkpoints").iterdir()) == []
    np.testing.assert_allclose(again.e1, made.e1, rtol=0.02, atol=1e-5)


def test_one_image_alone_has_neither_unit_nor_control(tmp_path):
    found = make(tmp_path / "i.h5", images=batch(1, twin=False), ids=["image_0"])
    assert np.isnan(found.e2).all()
    assert np.isnan(found.control_e1).all()
    assert {row["control_image"] for row in found.rows} == {None}
    assert np.isfinite(found.e1).all()


def test_branches_are_inverted_too(tmp_path):
    layers = {"2.left": "left", "2": "fire", "2.right_activation": "right"}
    found = make(tmp_path / "i.h5", network=squeezed().float(), layers=layers, ids=["image_1"])
    assert (found.e1 < 0.5 * found.e1_curve[:, 0]).all()


def test_what_cannot_be_inverted_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match="conv9: the network has no such layer"):
        make(tmp_path / "i.h5", layers={"conv9": "conv9"})
    with pytest.raises(UserError, match="no image 'fox' to invert"):
        make(tmp_path / "i.h5", ids=["fox"])
    dead = toy(dtype=torch.float32)
    dead[3].bias -= 1000
    with pytest.raises(UserError, match="layer 4: it cannot be inverted"):
        make(tmp_path / "i.h5", network=dead)
    assert not (tmp_path / "i.h5").exists()


def test_weights_follow_what_a_layers_units_see():
    parts = [nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3)]
    network = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    fields = ReceptiveFields(network, (40, 40))
    found = [seen_share(fields, layer) for layer in ("0", "1", "2", "3", "6")]
    assert found == [5 / 224, 5 / 224, 6 / 224, 10 / 224, 1]
