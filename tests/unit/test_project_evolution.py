"""Channels at each epoch equal the engine called on each epoch's strongest image."""

import numpy as np
import pytest
import torch

from convscope.deconvnet.channels import choose_channels
from convscope.deconvnet.evolution import project_evolution, strongest_images
from convscope.deconvnet.picks import PreparedImages
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.table import reading_projections
from convscope.deconvnet.units import read_units
from convscope.errors import UserError
from convscope.networks.epochs import network_of_epoch
from convscope.networks.reference import initialised_network
from convscope.networks.training_files import kept_epochs, save_checkpoints, snapshot_of
from toy_units import (
    ATTRIBUTES,
    LAYERS,
    MEAN,
    PROJECTING,
    SILENT,
    SIZES,
    STD,
    network_input,
    rank,
    slow_activations,
    strongest_first,
    toy_network,
    toy_pixels,
    write_images,
)

EPOCHS = {0: 7, 1: 8, 4: 2}
"""Kept epochs, each with the seed of its weights; the last has those of the trained network."""
SHOWN = ["features.1", "features.3", "features.8", "classifier.1"]
REFERENCE = {name: SIZES[name] for name in ("widths", "hidden")}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evolution")
    images = write_images(folder)
    return rank(toy_network(EPOCHS[4]), folder, images), images


def network_at(epoch):
    return toy_network(EPOCHS[epoch])


def project(files, output, networks=network_at, **changes):
    arguments = {
        "layers": SHOWN,
        "channels": 2,
        "seed": 0,
        "ids": "abcde",
        "final_epoch": 4,
        **PROJECTING,
        **changes,
    }
    units, images = files
    project_evolution(networks, [4, 0, 1], units, images, output, **arguments)
    return output


def test_each_row_is_the_strongest_image_of_its_epoch(files, tmp_path):
    chosen = choose_channels(read_units(files[0]), SHOWN, 2, 0)
    with reading_projections(project(files, tmp_path / "e.h5")) as table:
        assert table.attribute("epochs") == sorted(EPOCHS)
        ids = table.attribute("images")["ids"]
        rows = {(r.epoch, SHOWN[r.layer], r.channel): r for r in table.rows}
        assert len(rows) == len(table.rows) == sum(map(len, chosen.values())) * len(EPOCHS)
        for epoch in EPOCHS:
            network = network_at(epoch)
            projector = Projector(network)
            activations = {image: slow_activations(network, image) for image in "abcd"}
            for layer, channels in chosen.items():
                for channel in channels:
                    row = rows[epoch, layer, channel]
                    value, image, down, across = strongest_first(activations, layer, channel)[0]
                    assert (ids[row.image], row.row, row.column) == (image, down, across)
                    assert row.peak == pytest.approx(value, rel=1e-5)
                    assert (row.rank, row.variant, row.control) == (0, 0, -1)
                    unit = Unit(layer, channel, down, across)
                    (expected,) = projector.project_image(network_input(image), [unit])
                    check(table, row, expected, image)
        assert ids == sorted({ids[row.image] for row in table.rows})
    assert len(ids) > 1


def check(table, row, expected, image):
    assert row.box == expected.box
    assert row.activation == pytest.approx(expected.activation, rel=1e-5)
    found = table.projection(row)
    assert np.abs(found - expected.pixels).max() <= 1e-5 * np.abs(expected.pixels).max()
    top, left, bottom, right = row.box
    assert np.array_equal(table.patch(row), toy_pixels(image)[:, top:bottom, left:right])


def test_channels_are_those_that_live_at_the_end(files, tmp_path):
    layer, silent = SILENT
    path = project(files, tmp_path / "e.h5", layers=[layer], channels=4)
    with reading_projections(path) as table:
        assert {row.channel for row in table.rows} == {0, 1, 2, 3} - {silent}


def test_batches_order_and_size_of_passes_change_nothing(files, tmp_path):
    first = project(files, tmp_path / "a.h5")
    again = project((files[0], files[1][::-1]), tmp_path / "b.h5", ids="edcba")
    assert first.read_bytes() == again.read_bytes()
    images = PreparedImages(files[1], MEAN, STD, torch.device("cpu"))
    networks = {epoch: network_at(epoch) for epoch in EPOCHS}
    chosen = {layer["name"]: range(layer["channels"]) for layer in LAYERS}
    one, many = (
        strongest_images(networks, chosen, read_units(files[0]), images, list("ceadb"), size)
        for size in (1, 3)
    )
    for epoch, network in networks.items():
        activations = {image: slow_activations(network, image) for image in "abcd"}
        for ranking in (one[epoch], many[epoch]):
            rows = iter(range(len(ranking.value)))
            for layer in LAYERS:
                for channel in range(layer["channels"]):
                    (strong,) = ranking.images_of(next(rows))
                    value, image, *place = strongest_first(activations, layer["name"], channel)[0]
                    assert strong.value == pytest.approx(value, rel=1e-5, abs=1e-6)
                    assert (strong.image, strong.row, strong.column) == (image, *place)
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_images_without_the_normal_variant_are_not_looked_at(files, tmp_path):
    path = project(files, tmp_path / "e.h5", ids=["c", "d"], final_epoch=5)
    with reading_projections(path) as table:
        assert set(table.attribute("images")["ids"]) <= {"c", "d"}


def test_an_ending_that_is_not_the_ranked_network_is_refused(files, tmp_path):
    def exchanged(epoch):
        return network_at({0: 4, 4: 0}.get(epoch, epoch))

    with pytest.raises(UserError, match=r"units\.h5: .*weights changed underneath"):
        project(files, tmp_path / "e.h5", exchanged)
    attributes = {**ATTRIBUTES, "network": {**ATTRIBUTES["network"], "weights_sha256": "1" * 64}}
    with pytest.raises(UserError, match="weights changed underneath"):
        project(files, tmp_path / "e.h5", attributes=attributes)
    # The last epoch was not kept, so that there is nothing to compare.
    project(files, tmp_path / "e.h5", exchanged, final_epoch=5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ["features.33"]}, r"features\.33: .*no such layer"),
        ({"channels": 0}, "0 channels are asked for"),
        ({"rule": "relu"}, "rectification"),
        ({"unpooling": "nearest"}, "unpooling"),
    ],
)
def test_bad_requests_are_refused(files, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        project(files, tmp_path / "e.h5", **changes)
    assert list(tmp_path.iterdir()) == []


def test_missing_images_and_nan_are_refused(files, tmp_path):
    with pytest.raises(UserError, match="image d is in none of the files"):
        project((files[0], files[1][:1]), tmp_path / "e.h5")

    def broken(epoch):
        network = network_at(epoch)
        network.features[2].weight[0, 0, 0, 0] = float("nan")
        return network

    with pytest.raises(UserError, match=r"layer features\.2: it computes NaN"):
        project(files, tmp_path / "e.h5", broken)
    assert list(tmp_path.iterdir()) == []


def test_the_network_of_an_epoch_has_its_weights(tmp_path):
    networks = {
        epoch: initialised_network(**SIZES, generator=torch.Generator().manual_seed(epoch))
        for epoch in (0, 3)
    }
    path = tmp_path / "checkpoints.safetensors"
    kept = {epoch: snapshot_of(network) for epoch, network in networks.items()}
    save_checkpoints(path, kept, {**SIZES, "classes": ["x", "y", "z"]})
    for epoch in kept_epochs(path):
        again = network_of_epoch(path, epoch, classes=3, device="cpu", reference=REFERENCE)
        assert not again.training
        assert again.state_dict().keys() == networks[epoch].state_dict().keys()
        for name, value in again.state_dict().items():
            assert torch.equal(value, networks[epoch].state_dict()[name])
        assert torch.isfinite(again(network_input("a"))).all()
    with pytest.raises(UserError, match="epoch 2 was not kept"):
        network_of_epoch(path, 2, classes=3, device="cpu", reference=REFERENCE)
    with pytest.raises(UserError, match="not those of this network with 4 classes"):
        network_of_epoch(path, 3, classes=4, device="cpu", reference=REFERENCE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")
def test_a_gpu_finds_and_projects_the_same(files, tmp_path):
    device = torch.device("cuda")
    first = project(files, tmp_path / "cpu.h5")
    second = project(
        files, tmp_path / "gpu.h5", lambda epoch: network_at(epoch).to(device), device=device
    )
    with reading_projections(first) as cpu, reading_projections(second) as gpu:
        for one, other in zip(cpu.rows, gpu.rows, strict=True):
            assert (one.epoch, one.image, one.box) == (other.epoch, other.image, other.box)
            found, expected = gpu.projection(other), cpu.projection(one)
            assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
