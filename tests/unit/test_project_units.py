"""Chosen channels in their strongest images equal the engine called unit by unit."""

import copy
from collections import Counter

import numpy as np
import pytest
import torch

from convscope.deconvnet.channels import choose_channels
from convscope.deconvnet.peak_checks import check_peaks
from convscope.deconvnet.project import Projector
from convscope.deconvnet.project_units import project_units
from convscope.deconvnet.rank import no_ranking
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.table import reading_projections
from convscope.deconvnet.units import Ranking, Units, read_units
from convscope.errors import UserError
from toy_units import (
    ATTRIBUTES,
    MEAN,
    PROJECTING,
    SILENT,
    STD,
    network_input,
    rank,
    slow_activations,
    strongest_first,
    toy_network,
    toy_pixels,
    write_images,
)

CHANNELS = {"features.3": [2, 0], "features.7": [5, 1], "classifier.2": [1]}
LAYERS = list(CHANNELS)


@pytest.fixture(scope="module")
def network():
    return toy_network()


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("units")
    images = write_images(folder)
    return rank(network, folder, images), images


def project(network, files, output, **changes):
    arguments = {
        "layers": LAYERS,
        "channels": CHANNELS,
        "seed": 0,
        "top": 2,
        **PROJECTING,
        **changes,
    }
    units, images = files
    project_units(network, units, images, output, **arguments)
    return output


def close(found, expected, tolerance=1e-5):
    return np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize(
    ("rule", "unpooling"), [("deconvnet", "switches"), ("guided", "interpolate")]
)
def test_each_row_is_what_the_engine_gives_for_its_unit(network, files, tmp_path, rule, unpooling):
    path = project(network, files, tmp_path / "p.h5", rule=rule, unpooling=unpooling)
    activations = {image: slow_activations(network, image) for image in "abcd"}
    projector = Projector(network, rule=rule, unpooling=unpooling)
    with reading_projections(path) as table:
        names, ids = table.attribute("network_layers"), table.attribute("images")["ids"]
        rows = {(LAYERS[r.layer], r.channel, r.rank): r for r in table.rows}
        asked = [(layer, c, k) for layer, some in CHANNELS.items() for c in some for k in (0, 1)]
        assert sorted(rows) == sorted(asked)
        for layer, channel, place in asked:
            row = rows[layer, channel, place]
            value, image, down, across = strongest_first(activations, layer, channel)[place]
            assert (ids[row.image], row.row, row.column) == (image, down, across)
            assert row.peak == pytest.approx(value, rel=1e-5)
            assert (row.variant, row.epoch, row.control) == (0, -1, -1)
            (expected,) = projector.project_image(
                network_input(image), [Unit(layer, channel, down, across)]
            )
            assert row.box == expected.box
            assert row.activation == pytest.approx(expected.activation, rel=1e-5)
            assert close(table.projection(row), expected.pixels)
            lost = None if row.zero_at < 0 else names[row.zero_at]
            assert lost == expected.rectified_to_zero_at
            top, left, bottom, right = row.box
            assert np.array_equal(table.patch(row), toy_pixels(image)[:, top:bottom, left:right])


def test_the_file_says_what_it_shows(network, files, tmp_path):
    with reading_projections(project(network, files, tmp_path / "p.h5")) as table:
        assert [layer["name"] for layer in table.attribute("layers")] == LAYERS
        assert table.attribute("layers")[0]["common_name"] == "relu1_2"
        assert [variant["name"] for variant in table.attribute("variants")] == ["normal"]
        assert table.attribute("network") == ATTRIBUTES["network"]
        ids = table.attribute("images")["ids"]
        assert ids == sorted({ids[row.image] for row in table.rows})
        assert len(table.attribute("images")["pixel_sha256"]) == len(ids)
        assert table.attribute("transform") == {"mean": list(MEAN), "std": list(STD)}
        assert table.attribute("settings")["rule"] == "deconvnet"


def test_two_runs_give_the_same_bytes_and_each_image_goes_up_once(
    network, files, tmp_path, monkeypatch
):
    first = project(network, files, tmp_path / "a.h5")
    calls, record = [], Projector.record

    def counted(self, image, layers):
        calls.append(image)
        return record(self, image, layers)

    monkeypatch.setattr(Projector, "record", counted)
    again = project(network, (files[0], files[1][::-1]), tmp_path / "b.h5")
    assert first.read_bytes() == again.read_bytes()
    with reading_projections(again) as table:
        assert len(calls) == len({row.image for row in table.rows})


def test_a_silent_channel_that_is_named_is_zero(network, files, tmp_path):
    layer, channel = SILENT
    path = project(network, files, tmp_path / "p.h5", layers=[layer], channels={layer: [channel]})
    with reading_projections(path) as table:
        assert [(row.peak, row.activation, row.scale) for row in table.rows] == [(0, 0, 1)] * 2
        assert not any(table.projection(row).any() for row in table.rows)


def made_units(layers, silent=()):
    """Return units of some layers with 20 channels each, of which some are silent."""
    entries = [{"name": layer, "channels": 20, "offset": 20 * k} for k, layer in enumerate(layers)]
    empty = no_ranking(20 * len(layers))
    value = np.ones_like(empty.value)
    value[list(silent)] = 0
    return Units({}, entries, Ranking(value, empty.image, empty.position, (), ()))


def test_a_random_subset_depends_on_seed_and_layer_alone():
    units = made_units(["one", "two"])
    chosen = choose_channels(units, ["one", "two"], 8, 0)
    assert choose_channels(made_units(["two"]), ["two"], 8, 0)["two"] == chosen["two"]
    assert choose_channels(units, ["one"], 5, 0)["one"] == chosen["one"][:5]
    assert choose_channels(units, ["one"], {"one": 5}, 0)["one"] == chosen["one"][:5]
    assert chosen["one"] != chosen["two"]
    assert choose_channels(units, ["one"], 8, 1)["one"] != chosen["one"]
    assert all(len(set(some)) == 8 and set(some) <= set(range(20)) for some in chosen.values())


def test_a_random_subset_is_uniform():
    units = made_units(["one"])
    counts = Counter()
    for seed in range(400):
        counts.update(choose_channels(units, ["one"], 5, seed)["one"])
    assert all(60 <= counts[channel] <= 140 for channel in range(20))


def test_silent_channels_are_passed_over_unless_they_are_named():
    order = choose_channels(made_units(["one"]), ["one"], 20, 0)["one"]
    units = made_units(["one"], silent=order[1:16])
    assert choose_channels(units, ["one"], 3, 0)["one"] == [order[0], *order[16:18]]
    assert choose_channels(units, ["one"], 9, 0)["one"] == [order[0], *order[16:]]
    named = {"one": [order[3], order[0], order[3]]}
    assert choose_channels(units, ["one"], named, 0)["one"] == [order[3], order[0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ["features.33"], "channels": 1}, r"features\.33: .*no such layer"),
        ({"channels": {**CHANNELS, "features.3": [4]}}, r"features\.3: .*channel 4.*0 to 3"),
        ({"channels": {**CHANNELS, "features.3": [-1]}}, r"features\.3: .*channel -1"),
        ({"channels": {"features.3": [1]}}, "layer classifier.2: .*same layers"),
        ({"layers": LAYERS[1:]}, r"layer features\.3: .*same layers"),
        ({"channels": 0}, "0 channels are asked for"),
        ({"top": 0}, "top: 0 images"),
        ({"top": 10}, "top: 10 images"),
        ({"rule": "relu"}, "rectification"),
        ({"unpooling": "nearest"}, "unpooling"),
    ],
)
def test_bad_requests_are_refused(network, files, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        project(network, files, tmp_path / "p.h5", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_network_whose_weights_changed_is_refused(network, files, tmp_path):
    other = copy.deepcopy(network)
    other.features[2].weight *= 1.01
    with pytest.raises(UserError, match=r"units\.h5, image .*weights changed underneath"):
        project(other, files, tmp_path / "p.h5")
    attributes = {**ATTRIBUTES, "network": {**ATTRIBUTES["network"], "weights_sha256": "1" * 64}}
    with pytest.raises(UserError, match=r"units\.h5: .*weights changed underneath"):
        project(network, files, tmp_path / "p.h5", attributes=attributes)
    assert list(tmp_path.iterdir()) == []


def test_images_that_are_missing_or_changed_are_refused(network, files, tmp_path, monkeypatch):
    units, images = files
    with pytest.raises(UserError, match="image d is in none of the files"):
        project(network, (units, images[:1]), tmp_path / "p.h5", top=9)
    monkeypatch.setattr("toy_units.COPIES", {"e": "b", "d": "a"})
    with pytest.raises(UserError, match="image d has other pixels by now"):
        project(network, (units, write_images(tmp_path)), tmp_path / "p.h5", top=9)


def test_peaks_may_differ_by_rounding_only():
    table = np.array([100.0, 0.0, -3.0])
    near = table + np.array([0.09, -0.09, 0.09])
    check_peaks(near, table, "features.3", 100.0, "features.h5")
    for wrong in (0.11, -0.11, np.nan):
        far = table + np.array([0, 0, wrong])
        with pytest.raises(UserError, match=r"features\.h5: .*layer features\.3 gives .*says -3"):
            check_peaks(far, table, "features.3", 100.0, "features.h5")


def test_copies_stand_once(files):
    ranking = read_units(files[0]).ranking
    assert ranking.ids == ("a", "b", "c", "d")
    for channel in range(len(ranking.value)):
        assert len(list(ranking.images_of(channel))) == 4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")
def test_a_gpu_projects_the_same(network, files, tmp_path):
    device = torch.device("cuda")
    paths = (
        project(network, files, tmp_path / "cpu.h5"),
        project(copy.deepcopy(network).to(device), files, tmp_path / "gpu.h5", device=device),
    )
    with reading_projections(paths[0]) as cpu, reading_projections(paths[1]) as gpu:
        for one, other in zip(cpu.rows, gpu.rows, strict=True):
            assert (one.image, one.channel, one.box) == (other.image, other.channel, other.box)
            assert close(gpu.projection(other), cpu.projection(one), 1e-4)
