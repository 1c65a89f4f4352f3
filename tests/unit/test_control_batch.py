"""Controls of a batch equal those of single units; the file links them to their rows."""

import numpy as np
import pytest
import torch

from convscope.deconvnet.control_table import reading_controls
from convscope.deconvnet.controls import CONTROLS, measure_controls
from convscope.deconvnet.program import program_of
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.similarity import Similarity, median
from convscope.deconvnet.table import reading_projections
from convscope.errors import UserError
from convscope.hdf5 import reading
from convscope.images.store import ImageBatch
from convscope.variants.network_input import network_input, variant_rgb
from toy_batches import (
    ATTRIBUTES,
    CPU,
    MEAN,
    STD,
    VARIANTS,
    control,
    extract,
    linear_network,
    pooled_network,
    project,
    toy_images,
)

LAYERS = ["1", "6", "8"]
CASES = {
    "normal": {**VARIANTS["normal"], "images": ["b"]},
    "turned": {**VARIANTS["turned"], "images": ["a"]},
}


@pytest.fixture(scope="module")
def images():
    return toy_images()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("controls")


@pytest.fixture(scope="module")
def features(images, folder):
    return extract(linear_network(), images, folder / "features.h5")


@pytest.fixture(scope="module")
def deconv(images, features, folder):
    options = {"layers": LAYERS, "top": 1, "variants": CASES}
    return project(linear_network(), images, features, folder / "deconv.h5", **options)


@pytest.fixture(scope="module")
def controls(images, deconv, folder):
    return control(linear_network(), images, deconv, folder / "controls.h5")


def normalised(images, image, variant):
    pixels = images.pixels[[images.ids.index(image)]]
    rgb = variant_rgb(pixels, VARIANTS[variant]["definition"], MEAN, CPU)
    return network_input(rgb, MEAN, STD)


def assert_similar(found, expected):
    for name in ("ssim", "spearman"):
        first, second = getattr(found, name), getattr(expected, name)
        assert (first is None) == (second is None)
        assert first is None or first == pytest.approx(second, abs=1e-4)


def test_every_unit_is_measured_as_if_it_were_alone(images, deconv, controls):
    projector = Projector(linear_network())
    with reading_projections(deconv) as table, reading_controls(controls) as found:
        assert found.attribute("controls") == list(CONTROLS)
        assert len(found.units) == len(table.rows) == 2 * len(LAYERS)
        for key, row in zip(found.units, table.rows, strict=True):
            image, variant, layer = key
            assert key == (
                images.ids[row.image],
                list(CASES)[row.variant],
                LAYERS[row.layer],
            )
            entry = found.units[key]
            unit = Unit(layer, row.channel, row.row, row.column)
            (alone,) = measure_controls(
                projector, normalised(images, image, variant), [unit], range(9)
            )
            assert (entry.row.control, entry.row.activation) == (-1, 1.0)
            assert (entry.row.box, entry.row.peak) == (row.box, row.peak)
            assert (entry.row.channel, entry.row.row, entry.row.column) == (
                row.channel,
                *unit.position,
            )
            assert_close(found.projection(entry.row), alone.projection.pixels)
            assert list(entry.examples) == list(alone.examples)
            for name, example in entry.examples.items():
                assert example.channel == alone.examples[name].unit.channel
                assert example.box == row.box
                assert_close(found.projection(example), alone.examples[name].pixels)
                assert np.array_equal(found.patch(example), table.patch(row))
            for name in CONTROLS:
                assert len(entry.similarities[name]) == 9
                for one, other in zip(
                    entry.similarities[name], alone.similarities[name], strict=True
                ):
                    assert_similar(one, other)


def assert_close(found, expected):
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def medians_of(entry):
    return {name: median(found) for name, found in entry.similarities.items()}


def test_medians_are_over_what_is_defined(controls):
    with reading_controls(controls) as table:
        medians = [medians_of(unit) for unit in table.units.values()]

    with reading(controls, "projections/1") as file:
        ssim, rows = file["similarity/ssim"][:], file["similarity/row"][:]
        assert ssim.shape == file["similarity/spearman"].shape == (len(rows), 3, 9)
        assert ssim.dtype == np.float32
        own = file["units/control"][:] == -1
        assert np.array_equal(np.flatnonzero(own), rows)
    for number, found in enumerate(medians):
        for place, name in enumerate(CONTROLS):
            values = ssim[number, place]
            if np.isnan(values).all():
                assert found[name].ssim is None
            else:
                assert found[name].ssim == pytest.approx(np.nanmedian(values), abs=1e-6)


def test_a_layer_of_one_channel_has_no_other_channel(controls):
    with reading_controls(controls) as table:
        assert table.attribute("no_other_channel") == ["6"]
        for (_, _, layer), entry in table.units.items():
            other = medians_of(entry)["other_channel"]
            assert ("other_channel" in entry.examples) == (layer != "6")
            assert (other == Similarity(None, None)) == (layer == "6")
            assert medians_of(entry)["random_weights"].ssim is not None


def test_the_other_channels_peak_is_not_known(controls):
    with reading_controls(controls) as table:
        for entry in table.units.values():
            for name, example in entry.examples.items():
                assert np.isnan(example.peak) == (name == "other_channel")
                assert (example.channel != entry.row.channel) == (name == "other_channel")


def test_images_that_share_random_weights_change_nothing(images, deconv, controls, tmp_path):
    again = control(linear_network(), images, deconv, tmp_path / "controls.h5", chunk_bytes=1)

    assert again.read_bytes() == controls.read_bytes()


def test_weights_are_drawn_once_a_seed_for_all_images(images, deconv, tmp_path, monkeypatch):
    from convscope.deconvnet import controls

    drawn = []
    randomised = controls.randomised

    def counted(program, places, generator):
        drawn.append(places)
        return randomised(program, places, generator)

    monkeypatch.setattr(controls, "randomised", counted)
    monkeypatch.setattr(controls, "prepare", lambda pixels: None)
    monkeypatch.setattr(controls, "compare", lambda first, second: Similarity(0.0, 0.0))
    control(linear_network(), images, deconv, tmp_path / "controls.h5", seeds=10)

    weighted = [k for k, s in enumerate(program_of(linear_network()).steps) if s.tensors]
    assert drawn == [weighted] * 10


@pytest.mark.parametrize("select", ["map", "layer"])
def test_of_maps_and_layers_the_unit_at_the_peak_is_measured(
    images, features, deconv, controls, tmp_path, select
):
    options = {"layers": LAYERS[:2], "top": 1, "image_ids": ["b"], "select": select}
    options |= {"variants": CASES}
    whole = project(linear_network(), images, features, tmp_path / "deconv.h5", **options)

    path = control(linear_network(), images, whole, tmp_path / "controls.h5")

    with reading_controls(path) as found, reading_controls(controls) as expected:
        assert len(found.units) == 2
        for key, entry in found.units.items():
            assert entry.row.channel == expected.units[key].row.channel
            assert entry.row.box == expected.units[key].row.box
            assert_close(found.projection(entry.row), expected.projection(expected.units[key].row))
            for name, value in medians_of(entry).items():
                assert_similar(value, medians_of(expected.units[key])[name])


def test_pooled_classes_are_measured_where_they_are_explained_from(images, tmp_path):
    network = pooled_network()
    features = extract(network, images, tmp_path / "features.h5")
    options = {"image_ids": ["a"], "top": 2, "variants": {"normal": VARIANTS["normal"]}}
    deconv = project(
        network,
        images,
        features,
        tmp_path / "deconv.h5",
        layers=["5"],
        explained_from={"5": "3"},
        **options,
    )

    path = control(network, images, deconv, tmp_path / "controls.h5", storage="float16")

    with reading_projections(deconv) as table, reading_controls(path) as found:
        row = table.rows[0]
        (alone,) = measure_controls(
            Projector(network),
            normalised(images, "a", "normal"),
            [Unit("3", row.channel, row.row, row.column)],
            range(9),
        )
        entry = found.units["a", "normal", "5"]
        assert entry.row.box == row.box
        for name, value in medians_of(entry).items():
            assert_similar(value, medians_of(alone)[name])


def test_no_image_is_a_file_without_units(images, features, tmp_path):
    deconv = project(linear_network(), images, features, tmp_path / "deconv.h5", image_ids=[])

    path = control(linear_network(), images, deconv, tmp_path / "controls.h5")

    with reading_controls(path) as table:
        assert table.units == {}


OTHER = {**ATTRIBUTES, "network": {"architecture": "toy", "weights_sha256": "6" * 64}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 8}, r"deconvnet\.control_seeds: 8 seeds are too few.*at least 9"),
        ({"attributes": OTHER}, r"deconv\.h5: the weights changed underneath.*Delete"),
    ],
    ids=["seeds", "weights"],
)
def test_what_does_not_fit_is_refused(images, deconv, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        control(linear_network(), images, deconv, tmp_path / "controls.h5", **changes)
    assert list(tmp_path.iterdir()) == []


def test_other_pixels_and_other_values_are_refused(images, deconv, tmp_path):
    others = ImageBatch(images.ids, images.pixels, images.source_sha256, ("0" * 64,) * 3)
    with pytest.raises(UserError, match=r"deconv\.h5: image 'a' had other pixels"):
        control(linear_network(), others, deconv, tmp_path / "controls.h5")
    noise = torch.from_numpy(images.pixels).flip(3).numpy()
    swapped = ImageBatch(images.ids, noise, images.source_sha256, images.pixel_sha256)
    with pytest.raises(UserError, match=r"deconv\.h5, image a.*the weights changed underneath"):
        control(linear_network(), swapped, deconv, tmp_path / "controls.h5")
