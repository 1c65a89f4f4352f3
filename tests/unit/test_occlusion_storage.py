"""occlusion.h5: what goes in comes out, equal runs give equal bytes."""

import logging

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from convscope.errors import UserError
from convscope.images.store import ImageBatch, pixel_digest
from convscope.occlusion.occlude import Method, Occlusion
from convscope.occlusion.occlude_batch import occlude_batch
from convscope.occlusion.occluders import occluder_of
from convscope.occlusion.storage import MAPS, read_index, read_maps, writing_maps
from occlusion_toys import MEAN, STD, Net, settled

SIZE = (30, 26)
NETWORK = {"architecture": "toy", "weights_sha256": "5" * 64}
IDS = ("one", "two", "three")


def sliding(method="exact", name="small"):
    torch.manual_seed(5)
    network = settled(Net([nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2)], SIZE), torch.float32)
    entry = {"name": name, "patch": [9, 12], "stride": [3, 4], "fill": "noise", "seed": 2}
    occluder = occluder_of(entry, SIZE)
    return Occlusion(network, occluder, mean=MEAN, std=STD, method=method, image_size=SIZE)


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(1).integers(0, 256, (3, 3, *SIZE), dtype=np.uint8)
    digests = tuple(pixel_digest(image) for image in pixels)
    return ImageBatch(IDS, pixels, ("a" * 64, "b" * 64, "c" * 64), digests)


def write(path, images, occlusion, labels=(1, None, 5)):
    options = {"network": NETWORK, "packages": {"torch": "1"}}
    return occlude_batch(occlusion, images, labels, path, **options)


def test_what_is_written_is_read(images, tmp_path):
    occlusion = sliding()
    seconds = write(tmp_path / "occlusion.h5", images, occlusion)
    assert len(seconds) == 3
    assert all(value > 0 for value in seconds)
    index = read_index(tmp_path / "occlusion.h5")
    assert index.ids == IDS
    assert index.grid == occlusion.grid
    assert index.occluder == occlusion.occluder.settings()
    assert (index.method, index.network, index.packages) == ("exact", NETWORK, {"torch": "1"})
    assert index.images["source_sha256"] == list(images.source_sha256)
    found = read_maps(tmp_path / "occlusion.h5")
    assert tuple(found) == IDS
    for image, pixels, label in zip(IDS, images.pixels, (1, None, 5), strict=True):
        maps, expected = found[image], occlusion.maps(pixels, label)
        for name, (_, dtype) in MAPS.items():
            stored = getattr(maps, name)
            assert stored.dtype == dtype
            assert np.array_equal(
                stored, getattr(expected, name).astype(dtype), equal_nan=dtype == np.float32
            )
        names = ("label", "top", "channel", "method", "grid", "positions_evaluated", "comparison")
        for name in names:
            assert getattr(maps, name) == getattr(expected, name)
        assert maps.clean_activity == pytest.approx(expected.clean_activity, rel=1e-6)
        for name in ("clean_logits", "clean_probabilities"):
            pair = getattr(expected, name)
            assert getattr(maps, name) == pytest.approx(pair, rel=1e-6, nan_ok=True)
    assert np.isnan(found["two"].probabilities[0]).all()


def test_some_images_in_any_order(images, tmp_path):
    write(tmp_path / "occlusion.h5", images, sliding())
    assert list(read_maps(tmp_path / "occlusion.h5", ["three", "one"])) == ["three", "one"]
    with pytest.raises(UserError, match="no image 'four'"):
        read_maps(tmp_path / "occlusion.h5", ["four"])


def test_equal_runs_give_equal_bytes_whatever_the_occluder_is_called(images, tmp_path):
    write(tmp_path / "first.h5", images, sliding())
    write(tmp_path / "second.h5", images, sliding(name="other"))
    assert (tmp_path / "first.h5").read_bytes() == (tmp_path / "second.h5").read_bytes()


def test_what_coarse_to_fine_left_out_is_stored(images, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        write(tmp_path / "occlusion.h5", images, sliding(Method("coarse_to_fine", compare=True)))
    maps = read_maps(tmp_path / "occlusion.h5")["one"]
    assert maps.method == "coarse_to_fine"
    assert 0 < maps.positions_evaluated < maps.evaluated.size
    assert maps.comparison.largest_error > 0
    with h5py.File(tmp_path / "occlusion.h5") as file:
        assert b'"every": 3' in file.attrs["method"]
    assert "one: " in caplog.text
    assert "two: the network does not have the image's class" in caplog.text


def test_a_file_appears_whole_or_not_at_all(images, tmp_path):
    occlusion = sliding()
    with pytest.raises(UserError, match="no class 6"):
        write(tmp_path / "occlusion.h5", images, occlusion, (1, 6, 0))
    facts = {"ids": list(IDS)}
    arguments = (occlusion.occluder, occlusion.grid, {"name": "exact"}, NETWORK, {})
    with (
        pytest.raises(ValueError, match="0 images were added for 3"),
        writing_maps(tmp_path / "occlusion.h5", facts, *arguments),
    ):
        pass
    other = Occlusion(
        occlusion.engines.network,
        occluder_of({"name": "a", "patch": 9}, SIZE),
        mean=MEAN,
        std=STD,
        image_size=SIZE,
    )
    with (
        pytest.raises(ValueError, match="expected maps on"),
        writing_maps(tmp_path / "occlusion.h5", facts, *arguments) as writer,
    ):
        writer.add(other.maps(images.pixels[0], 0))
    assert list(tmp_path.iterdir()) == []
