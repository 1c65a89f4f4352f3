"""The strongest images of every channel equal a full sort, however images are cut into batches."""

import logging

import h5py
import numpy as np
import pytest

from convscope.deconvnet.rank import merge_ranks, rank_batch
from convscope.deconvnet.units import TOP, read_units
from convscope.errors import UserError
from convscope.hdf5 import create_maps, create_table, writing

LAYERS = [("features.0", 4, 6), ("features.1", 3, 6), ("classifier", 2, 1)]
CHANNELS = sum(channels for _, channels, _ in LAYERS)
NETWORK = {"architecture": "toy", "weights_sha256": "0" * 64}
SILENT = 5


def layer_table():
    table, offset = [], 0
    for name, channels, side in LAYERS:
        entry = {"name": name, "common_name": name, "kind": "conv", "channels": channels}
        table.append({**entry, "height": side, "width": side, "offset": offset})
        offset += channels
    return table


def write_features(path, images, normal=None, network=NETWORK, layers=None):
    """Write features.h5 of images given as (id, digest, values, positions)."""
    rows = range(len(images)) if normal is None else normal
    attributes = {
        "network": network,
        "layers": layer_table() if layers is None else layers,
        "images": {"ids": [i[0] for i in images], "pixel_sha256": [i[1] for i in images]},
    }
    with writing(path, "features/1", attributes) as file:
        if len(rows):
            group = file.create_group("variants/normal")
            create_table(group, "image_index", (len(rows),), np.int32)[:] = rows
            shape = (len(rows), CHANNELS)
            create_maps(group, "peak_value", shape, np.float32)[:] = [images[r][2] for r in rows]
            positions = create_maps(group, "peak_position", (*shape, 2), np.int16)
            positions[:] = [images[r][3] for r in rows]
    return path


def toy_images(random, count, levels):
    """Return images with many equal values, one silent channel, and some images twice or thrice."""
    images = []
    for number in random.permutation(count):
        values = random.integers(-levels, levels, CHANNELS).astype(np.float32)
        values[SILENT] = 0.0
        positions = random.integers(0, 6, (CHANNELS, 2)).astype(np.int16)
        copy = images and random.random() < 0.2
        same = images[random.integers(len(images))][1:] if copy else None
        images.append((f"image_{number}", *(same or (f"pixels_{number}", values, positions))))
    return images


def full_sort(images, channel):
    """Return (value, id, position) of a channel over all images, sorted by value, then id."""
    first = {}
    for image in sorted(images, key=lambda entry: entry[0]):
        first.setdefault(image[1], image)
    kept = sorted(first.values(), key=lambda entry: (-entry[2][channel], entry[0]))
    return [(entry[2][channel], entry[0], entry[3][channel].tolist()) for entry in kept[:TOP]]


def check(path, images):
    units = read_units(path)
    ranking = units.ranking
    assert ranking.value.shape == ranking.image.shape == (CHANNELS, TOP)
    assert (ranking.value.dtype, ranking.image.dtype, ranking.position.dtype) == (
        np.float32,
        np.int32,
        np.int16,
    )
    appearing = set()
    for channel in range(CHANNELS):
        expected = full_sort(images, channel)
        found = [(s.value, s.image, [s.row, s.column]) for s in ranking.images_of(channel)]
        assert found == expected
        appearing.update(image for _, image, _ in expected)
        rest = slice(len(expected), None)
        assert (ranking.image[channel, rest] == -1).all()
        assert not ranking.value[channel, rest].any()
        assert not ranking.position[channel, rest].any()
    assert list(ranking.ids) == sorted(appearing)
    digests = {image[0]: image[1] for image in images}
    assert list(ranking.pixel_sha256) == [digests[image] for image in ranking.ids]
    assert units.network == NETWORK
    assert units.layers == layer_table()


def ranked(folder, images, random, sizes):
    """Cut shuffled images at random places, rank each batch, merge them in a random order."""
    images = [images[place] for place in random.permutation(len(images))]
    batches, start = [], 0
    while start < len(images):
        size = int(random.integers(1, sizes + 1))
        path = write_features(folder / f"features_{start}.h5", images[start : start + size])
        rank_batch(path, folder / f"ranks_{start}.h5", packages={})
        check(folder / f"ranks_{start}.h5", images[start : start + size])
        batches.append(folder / f"ranks_{start}.h5")
        start += size
    random.shuffle(batches)
    merge_ranks(batches, folder / "units.h5", packages={})
    return folder / "units.h5"


@pytest.mark.parametrize("levels", [2, 1000])
@pytest.mark.parametrize(("count", "sizes"), [(5, 2), (60, 7), (60, 40), (60, 60)])
def test_any_cut_into_batches_gives_what_a_full_sort_gives(tmp_path, count, sizes, levels):
    images = toy_images(np.random.default_rng(count), count, levels)
    contents = set()
    for seed in range(2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = ranked(folder, images, np.random.default_rng(seed), sizes)
        check(path, images)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_one_id_in_two_batches_is_one_image(tmp_path):
    images = toy_images(np.random.default_rng(0), 4, 9)
    parts = []
    for number, members in enumerate([images[:3], images[1:]]):
        path = write_features(tmp_path / f"features_{number}.h5", members)
        parts.append(tmp_path / f"ranks_{number}.h5")
        rank_batch(path, parts[-1], packages={})
    merge_ranks(parts, tmp_path / "units.h5", packages={})
    check(tmp_path / "units.h5", images)


def test_a_silent_channel_lists_the_first_ids(tmp_path):
    images = [(f"i{n}", f"p{n}", np.zeros(CHANNELS), np.ones((CHANNELS, 2))) for n in range(12)]
    rank_batch(write_features(tmp_path / "f.h5", images[::-1]), tmp_path / "u.h5", packages={})
    names = [strong.image for strong in read_units(tmp_path / "u.h5").ranking.images_of(SILENT)]
    assert names == sorted(image[0] for image in images)[:TOP]


def test_images_without_the_normal_variant_are_left_out_and_named(tmp_path, caplog):
    images = toy_images(np.random.default_rng(3), 12, 5)
    normal = [9, 0, 3]
    with caplog.at_level(logging.INFO):
        path = write_features(tmp_path / "f.h5", images, normal)
        rank_batch(path, tmp_path / "u.h5", packages={})
    check(tmp_path / "u.h5", [images[row] for row in normal])
    message = next(record for record in caplog.messages if "left out" in record)
    assert f"9 images ({images[1][0]}, {images[2][0]}, {images[4][0]}," in message


def test_a_batch_without_any_normal_image_changes_nothing(tmp_path):
    images = toy_images(np.random.default_rng(3), 12, 5)
    for name, normal in (("empty", []), ("full", None)):
        path = write_features(tmp_path / f"{name}.h5", images, normal)
        rank_batch(path, tmp_path / f"{name}_ranks.h5", packages={})
    check(tmp_path / "empty_ranks.h5", [])
    parts = [tmp_path / "empty_ranks.h5", tmp_path / "full_ranks.h5"]
    merge_ranks(parts, tmp_path / "units.h5", packages={})
    check(tmp_path / "units.h5", images)


def test_copies_whose_peaks_differ_by_rounding_still_rank_the_same_in_any_cut(tmp_path):
    images = toy_images(np.random.default_rng(4), 30, 3)
    name, digest, values, positions = images[0]
    images.append(("zzz", digest, np.nextafter(values, np.float32(np.inf)), positions))
    contents = set()
    for sizes in (3, 31):
        folder = tmp_path / str(sizes)
        folder.mkdir()
        # Within a batch too, so that the cut is all that differs.
        start, parts = 0, []
        while start < len(images):
            path = write_features(folder / f"f{start}.h5", images[start : start + sizes])
            parts.append(folder / f"r{start}.h5")
            rank_batch(path, parts[-1], packages={})
            start += sizes
        merge_ranks(parts, folder / "units.h5", packages={})
        contents.add((folder / "units.h5").read_bytes())
        ranking = read_units(folder / "units.h5").ranking
        for channel in range(CHANNELS):
            shown = {strong.image for strong in ranking.images_of(channel)}
            assert not {name, "zzz"} <= shown
    assert len(contents) == 1


def test_nan_is_refused_by_layer_and_image(tmp_path):
    images = toy_images(np.random.default_rng(3), 20, 5)
    images[17][2][5] = np.nan
    path = write_features(tmp_path / "f.h5", images)
    with pytest.raises(UserError, match=rf"layer features\.1, image {images[17][0]}.*channel 1"):
        rank_batch(path, tmp_path / "u.h5", packages={})
    assert not (tmp_path / "u.h5").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": {**NETWORK, "weights_sha256": "1" * 64}}, "other weights"),
        ({"layers": [{**entry, "height": 9} for entry in layer_table()]}, "another layer table"),
        ({}, "image_.* has other pixels"),
    ],
)
def test_batches_of_another_network_are_refused_by_file(tmp_path, change, message):
    images = toy_images(np.random.default_rng(3), 4, 5)
    # The same ids with other pixels.
    second = [(image[0], f"other_{image[1]}", *image[2:]) for image in images]
    rank_batch(write_features(tmp_path / "f1.h5", images), tmp_path / "r1.h5", packages={})
    path = write_features(tmp_path / "f2.h5", second, **change)
    rank_batch(path, tmp_path / "r2.h5", packages={})
    with pytest.raises(UserError, match=rf"r2\.h5: .*{message}"):
        merge_ranks([tmp_path / "r1.h5", tmp_path / "r2.h5"], tmp_path / "u.h5", packages={})
    assert not (tmp_path / "u.h5").exists()


def test_the_file_holds_what_the_layout_says(tmp_path):
    path = write_features(tmp_path / "f.h5", toy_images(np.random.default_rng(3), 4, 5))
    rank_batch(path, tmp_path / "u.h5", packages={"numpy": "2"})
    with h5py.File(tmp_path / "u.h5") as file:
        assert file.attrs["schema"] == b"units/1"
        assert set(file.attrs) == {"schema", "network", "layers", "images", "packages"}
        assert set(file) == {"value", "image", "position"}


def test_an_unknown_layer_is_refused_with_its_neighbours(tmp_path):
    path = write_features(tmp_path / "f.h5", toy_images(np.random.default_rng(3), 4, 5))
    rank_batch(path, tmp_path / "u.h5", packages={})
    with pytest.raises(UserError, match=r"features\.7.*no such layer.*features\.[01]"):
        read_units(tmp_path / "u.h5").rows("features.7")
