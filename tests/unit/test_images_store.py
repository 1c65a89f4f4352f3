"""images.h5 gives back what was written, and appears whole or not at all."""

import hashlib

import h5py
import numpy as np
import pytest

from convscope.errors import UserError
from convscope.images.store import read_images, read_index, writing_images

GEOMETRY = {"resize": 256, "crop": 224, "interpolation": "bilinear"}
PACKAGES = {"pillow": "1.2.3"}
IDS = ("cat", "ostrich", "baboon")


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (3, 224, 224), np.uint8)


def write(path, ids=IDS):
    with writing_images(path, ids, GEOMETRY, PACKAGES) as writer:
        for seed, name in enumerate(ids):
            writer.add(pixels(seed), hashlib.sha256(name.encode()).hexdigest())
    return path


def test_round_trip(tmp_path):
    batch = read_images(write(tmp_path / "images.h5"))
    assert batch.ids == IDS
    for row, name in enumerate(IDS):
        assert np.array_equal(batch.pixels[row], pixels(row))
        assert batch.source_sha256[row] == hashlib.sha256(name.encode()).hexdigest()
        assert batch.pixel_sha256[row] == hashlib.sha256(pixels(row).tobytes()).hexdigest()


def test_index_holds_everything_but_pixels(tmp_path):
    path = write(tmp_path / "images.h5")
    index = read_index(path)
    assert (index.ids, index.geometry, index.packages) == (IDS, GEOMETRY, PACKAGES)
    assert index.pixel_sha256 == read_images(path).pixel_sha256


def test_some_images_in_the_order_asked_for(tmp_path):
    batch = read_images(write(tmp_path / "images.h5"), ids=["baboon", "cat"])
    assert batch.ids == ("baboon", "cat")
    assert np.array_equal(batch.pixels, np.stack([pixels(2), pixels(0)]))
    assert batch.source_sha256[0] == hashlib.sha256(b"baboon").hexdigest()


def test_one_image_is_one_chunk_on_disk(tmp_path):
    with h5py.File(write(tmp_path / "images.h5")) as file:
        assert file["pixels"].chunks == (1, 3, 224, 224)
        assert file["pixels"].fletcher32


def test_equal_runs_give_equal_bytes(tmp_path):
    first, second = write(tmp_path / "a.h5"), write(tmp_path / "b.h5")
    assert first.read_bytes() == second.read_bytes()


def test_many_ids_fit(tmp_path):
    # HDF5 limits some kinds of attributes to 64 KiB: 1500 digests are more.
    ids = [f"image_{number:05d}" for number in range(1500)]
    path = tmp_path / "images.h5"
    image = pixels(0)
    with writing_images(path, ids, GEOMETRY, PACKAGES) as writer:
        for _ in ids:
            writer.add(image[:, :1].repeat(224, axis=1), "0" * 64)
    assert read_index(path).ids == tuple(ids)
    assert len(read_index(path).pixel_sha256) == 1500


def test_an_unknown_id_is_named(tmp_path):
    with pytest.raises(UserError, match="'dog'"):
        read_images(write(tmp_path / "images.h5"), ids=["dog"])


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_images_leave_no_file(tmp_path, count):
    path = tmp_path / "images.h5"

    def write_some():
        with writing_images(path, IDS, GEOMETRY, PACKAGES) as writer:
            for _ in range(count):
                writer.add(pixels(0), "0" * 64)

    with pytest.raises(ValueError, match="3 ids"):
        write_some()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [pixels(0)[:, :-1], pixels(0) / 255])
def test_wrong_pixels_leave_no_file(tmp_path, wrong):
    with (
        pytest.raises(ValueError, match="expected uint8"),
        writing_images(tmp_path / "images.h5", IDS, GEOMETRY, PACKAGES) as writer,
    ):
        writer.add(wrong, "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_repeated_ids_are_refused(tmp_path):
    with pytest.raises(ValueError, match="repeat"):
        write(tmp_path / "images.h5", ids=("cat", "cat"))


def test_damage_is_noticed(tmp_path):
    path = write(tmp_path / "images.h5")
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        place = file["pixels"].id.get_chunk_info(1).byte_offset
    data[place + 5000] ^= 0xFF
    path.write_bytes(data)
    assert read_images(path, ids=["cat"]).ids == ("cat",)
    with pytest.raises(UserError, match="damaged"):
        read_images(path)
