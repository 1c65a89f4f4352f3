"""Projections of a batch equal the engine called unit by unit; what does not fit is refused."""

import copy
import logging

import numpy as np
import pytest
import torch

from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.table import reading_projections
from convscope.variants.apply import apply_variant
from toy_batches import (
    ATTRIBUTES,
    DEAD,
    MEAN,
    STD,
    VARIANTS,
    extract,
    linear_network,
    pooled_network,
    project,
    toy_images,
)

LAYERS = ["1", "3", "4", "8"]


@pytest.fixture(scope="module")
def images():
    return toy_images()


@pytest.fixture(scope="module")
def features(images, tmp_path_factory):
    return extract(linear_network(), images, tmp_path_factory.mktemp("toy") / "features.h5")


@pytest.fixture(scope="module")
def pooled(images, tmp_path_factory):
    return extract(pooled_network(), images, tmp_path_factory.mktemp("toy") / "features.h5")


def rgb_of(images, image, variant):
    pixels = torch.from_numpy(images.pixels[[images.ids.index(image)]])
    return apply_variant(pixels, VARIANTS[variant]["definition"], MEAN)


def outputs(network, rgb):
    """Run the modules one after another; nothing in place can reach an earlier one."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    image = value = (rgb - mean) / std
    found = []
    for module in network:
        value = module(value.clone())
        found.append(value[0].numpy())
    return image, found


def slow_choice(output, top):
    """Return channel, peak and place of the strongest channels, found by looking at everything."""
    maps = output.reshape(len(output), -1)
    order = sorted(range(len(maps)), key=lambda channel: (-maps[channel].max(), channel))[:top]
    width = output.shape[2] if output.ndim == 3 else 1
    return [(c, maps[c].max(), *divmod(int(maps[c].argmax()), width)) for c in order]


def assert_projection(found, expected, tolerance=1e-5):
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max(initial=0)


@pytest.mark.parametrize("storage", ["float16", "float32"])
def test_rows_are_the_engines_projections_of_the_strongest_units(
    images, features, tmp_path, storage
):
    path = project(
        linear_network(), images, features, tmp_path / "d.h5", layers=LAYERS, storage=storage
    )
    projector = Projector(linear_network())
    tolerance = 1e-3 if storage == "float16" else 1e-5

    with reading_projections(path) as table:
        rows = iter(table.rows)
        for number, image in enumerate(images.ids):
            for place, (variant, entry) in enumerate(VARIANTS.items()):
                if image not in entry["images"]:
                    continue
                rgb = rgb_of(images, image, variant)
                normalised, values = outputs(linear_network(), rgb)
                seen = (rgb[0].numpy() * 255).round().astype(np.uint8)
                for index, layer in enumerate(LAYERS):
                    for rank, chosen in enumerate(slow_choice(values[int(layer)], 3)):
                        channel, peak, row, column = chosen
                        (expected,) = projector.project_image(
                            normalised, [Unit(layer, channel, row, column)]
                        )
                        found = next(rows)
                        assert (found.image, found.variant, found.layer) == (number, place, index)
                        assert (found.rank, found.channel) == (rank, channel)
                        assert (found.row, found.column) == (row, column)
                        assert found.box == expected.box
                        assert found.peak == pytest.approx(peak, rel=1e-5)
                        assert found.activation == pytest.approx(peak, rel=1e-5)
                        assert (found.control, found.epoch) == (-1, -1)
                        assert_projection(table.projection(found), expected.pixels, tolerance)
                        top, left, bottom, right = found.box
                        assert np.array_equal(table.patch(found), seen[:, top:bottom, left:right])
        assert next(rows, None) is None


def test_the_file_says_where_it_comes_from(images, features, tmp_path):
    path = project(linear_network(), images, features, tmp_path / "d.h5", image_ids=["c", "b"])

    with reading_projections(path) as table:
        assert table.attribute("network") == ATTRIBUTES["network"]
        assert table.attribute("images") == {
            "ids": ["b", "c"],
            "pixel_sha256": list(images.pixel_sha256[1:]),
        }
        assert [layer["common_name"] for layer in table.attribute("layers")] == ["at_1", "at_3"]
        assert table.attribute("network_layers") == [str(k) for k in range(9)]
        assert [v["name"] for v in table.attribute("variants")] == list(VARIANTS)
        assert table.attribute("settings")["top"] == 3
        assert table.attribute("transform") == {"mean": list(MEAN), "std": list(STD)}
        assert table.attribute("explained_from") == {}
        assert {(row.image, row.variant) for row in table.rows} == {(0, 0), (1, 0), (1, 1)}


@pytest.mark.parametrize("select", ["map", "layer"])
def test_whole_maps_and_layers(images, features, tmp_path, select):
    path = project(
        linear_network(), images, features, tmp_path / "d.h5", select=select, image_ids=["b"]
    )
    normalised, values = outputs(linear_network(), rgb_of(images, "b", "normal"))
    projector = Projector(linear_network())

    with reading_projections(path) as table:
        assert [(r.layer, r.rank) for r in table.rows] == (
            [(0, 0), (1, 0)] if select == "layer" else [(k, r) for k in (0, 1) for r in range(3)]
        )
        for found in table.rows:
            layer = ("1", "3")[found.layer]
            channel, peak, row, column = slow_choice(values[int(layer)], 3)[found.rank]
            unit = Unit(layer) if select == "layer" else Unit(layer, channel)
            (expected,) = projector.project_image(normalised, [unit])
            assert found.channel == (-1 if select == "layer" else channel)
            assert (found.row, found.column) == (row, column)
            assert found.box == expected.box
            assert found.activation == pytest.approx(peak, rel=1e-5)
            assert_projection(table.projection(found), expected.pixels)


def test_an_all_zero_channel_is_stored_as_zero(images, features, tmp_path):
    path = project(linear_network(), images, features, tmp_path / "d.h5", layers=["1"], top=6)

    with reading_projections(path) as table:
        silent = [row for row in table.rows if row.channel == DEAD]
        assert len(silent) == 5
        for row in silent:
            assert (row.peak, row.activation, row.zero_at, row.rank) == (0, 0, -1, 5)
            assert not table.projection(row).any()


def test_where_a_projection_vanished_is_said(images, tmp_path):
    network = copy.deepcopy(linear_network())
    network[6].weight.fill_(-1.0)  # what goes down to the ReLU below is negative
    network[6].bias.fill_(1e4)
    features = extract(network, images, tmp_path / "features.h5")

    path = project(network, images, features, tmp_path / "d.h5", layers=["6"], top=1)

    with reading_projections(path) as table:
        for row in table.rows:
            assert row.activation > 0
            assert table.attribute("network_layers")[row.zero_at] == "4"
            assert not table.projection(row).any()


def test_pooled_classes_are_explained_from_the_convolution(images, pooled, tmp_path):
    path = project(
        pooled_network(),
        images,
        pooled,
        tmp_path / "d.h5",
        layers=["1", "5"],
        explained_from={"5": "3"},
        image_ids=["a"],
        variants={"normal": VARIANTS["normal"]},
    )
    normalised, values = outputs(pooled_network(), rgb_of(images, "a", "normal"))

    with reading_projections(path) as table:
        assert table.attribute("explained_from") == {"5": "3"}
        rows = [row for row in table.rows if row.layer == 1]
        assert len(rows) == 3
        for row, (channel, logit, _, _) in zip(rows, slow_choice(values[5], 3), strict=True):
            place = divmod(int(values[3][channel].argmax()), values[3].shape[2])
            (expected,) = Projector(pooled_network()).project_image(
                normalised, [Unit("3", channel, *place)]
            )
            assert (row.channel, (row.row, row.column)) == (channel, place)
            assert row.peak == pytest.approx(logit, rel=1e-5)
            assert row.activation == pytest.approx(values[3][channel].max(), rel=1e-5)
            assert row.box == expected.box != (0, 0, 224, 224)
            assert_projection(table.projection(row), expected.pixels)


def test_a_layer_that_counts_otherwise_explains_no_class(images, pooled, tmp_path):
    with pytest.raises(ValueError, match="5 cannot be explained from 0"):
        project(
            pooled_network(),
            images,
            pooled,
            tmp_path / "d.h5",
            layers=["5"],
            explained_from={"5": "0"},
        )


def test_class_layers_with_fewer_classes_than_top_give_all(images, features, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        path = project(
            linear_network(), images, features, tmp_path / "d.h5", layers=["1", "8"], top=5
        )

    assert "layer 8: all 4 classes, fewer than top 5" in caplog.text
    with reading_projections(path) as table:
        assert table.attribute("fewer_than_top") == {"8": 4}
        assert sorted(r.channel for r in table.rows[:9] if r.layer == 1) == [0, 1, 2, 3]
        assert sum(r.layer == 0 for r in table.rows[:9]) == 5


def test_two_runs_and_any_order_of_images_give_the_same_bytes(images, features, tmp_path):
    before = {k: v.clone() for k, v in linear_network().state_dict().items()}
    first = project(linear_network(), images, features, tmp_path / "a.h5")
    second = project(linear_network(), images, features, tmp_path / "b.h5", image_ids="cab")

    assert first.read_bytes() == second.read_bytes()
    after = linear_network().state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_no_image_is_a_file_without_rows(images, features, tmp_path):
    with reading_projections(
        project(linear_network(), images, features, tmp_path / "d.h5", image_ids=[])
    ) as table:
        assert table.rows == []
