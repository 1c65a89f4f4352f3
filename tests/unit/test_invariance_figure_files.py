"""A folder holds every figure, and its index the values that a page shows on hovering."""

import numpy as np
import pytest
import torch
from PIL import Image

from convscope.errors import UserError
from convscope.figures.indices import read_index
from convscope.images.store import read_images, writing_images
from convscope.invariance.bands import mean_with_band
from convscope.invariance.figure_files import draw_figures
from convscope.invariance.storage import read_invariance
from convscope.invariance.transforms import Transform
from invariance_toys import MEAN, noise_batch, toy_network, write_file

NAMES = ["ant", "bee", "cat", "dog", "elk"]
TRANSFORMS = [Transform("rotation", (0.0, 45.0, 90.0)), Transform("scale", (0.9, 1.0, 1.25))]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the files of two networks on two batches of one sample set."""
    place = tmp_path_factory.mktemp("figures")
    entries = []
    for number, count in enumerate((2, 1)):
        pixels = noise_batch(count, side=224, seed=number).pixels
        ids = [f"b{number}_{image}" for image in range(count)]
        path = place / f"images_{number}.h5"
        with writing_images(path, ids, {}, {}) as writer:
            for image in pixels:
                writer.add(image, "0" * 64)
        for seed, network in enumerate(("toy", "other")):
            found = place / f"{network}_{number}.h5"
            write_file(
                found,
                toy_network(torch.float32, seed),
                read_images(path),
                [None] * count,
                TRANSFORMS,
            )
            entries.append(
                {"path": str(found), "images": str(path), "network": network, "sample_set": "noise"}
            )
    return entries


def draw(output, files, **options):
    networks = {file["network"] for file in files}
    draw_figures(
        output,
        files,
        means=dict.fromkeys(networks, MEAN),
        class_names=dict.fromkeys(networks, NAMES),
        **options,
    )
    return read_index(output)


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    output = tmp_path_factory.mktemp("drawn") / "figures"
    draw(output, files)
    return output


def test_the_index_names_every_figure_by_its_size(folder):
    (entry,) = read_index(folder)["sample_sets"]
    assert entry["sample_set"] == "noise"
    assert [network["network"] for network in entry["networks"]] == ["toy", "other"]
    drawn = [entry["together"]]
    drawn += [network[kind] for network in entry["networks"] for kind in ("panel", "summary")]
    for figure in drawn:
        with Image.open(folder / figure["file"]) as picture:
            assert picture.size == (figure["width"], figure["height"])
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert names == {figure["file"] for figure in drawn}


def test_the_index_holds_the_values_and_where_they_are(folder, files):
    (entry,) = read_index(folder)["sample_sets"]
    panel = entry["networks"][0]["panel"]
    assert len(panel["plots"]) == 2 * 3
    plot = panel["plots"][3]  # the rotation's bottom layer, below that of the scale
    assert [line["name"] for line in plot["lines"]] == ["b0_0", "b0_1", "b1_0"]
    first, last = (read_invariance(files[place]["path"]) for place in (0, 2))
    assert plot["lines"][2]["amounts"] == [0, 45, 90]
    values = last.curves[0].relative_distance[0, :, 0]
    assert plot["lines"][2]["values"] == pytest.approx(values.tolist(), rel=1e-3)
    assert plot["limits"][:2] == [0, 90]
    assert 0 < plot["left"] < plot["left"] + plot["width"] < panel["width"]
    assert 0 < plot["top"] < plot["top"] + plot["height"] < panel["height"]
    summary = entry["networks"][0]["summary"]["plots"][0]
    both = np.concatenate([first.curves[0].relative_distance, last.curves[0].relative_distance])
    band = mean_with_band(both[:, :, 1])
    assert summary["lines"][1]["name"] == "relu3"
    assert summary["lines"][1]["values"] == pytest.approx(band.mean.tolist(), rel=1e-3)


def test_a_line_is_where_the_index_says(folder):
    (entry,) = read_index(folder)["sample_sets"]
    figure = entry["networks"][0]["summary"]
    plot = figure["plots"][1]  # the probability: one black line
    (line,) = plot["lines"]
    low, high, bottom, top = plot["limits"]
    with Image.open(folder / figure["file"]) as picture:
        grey = np.asarray(picture.convert("L")).astype(int)
    for amount, value in zip(line["amounts"][1:-1], line["values"][1:-1], strict=True):
        column = plot["left"] + plot["width"] * (amount - low) / (high - low)
        row = plot["top"] + plot["height"] * (top - value) / (top - bottom)
        assert grey[round(row) - 2 : round(row) + 3, round(column)].min() < 60


def test_chosen_images_only(files, tmp_path):
    (entry,) = draw(tmp_path / "figures", files[2:3], images=["b1_0"])["sample_sets"]
    lines = entry["networks"][0]["panel"]["plots"][0]["lines"]
    assert [line["name"] for line in lines] == ["b1_0"]


def test_an_unknown_image_is_refused_and_leaves_nothing(files, tmp_path):
    with pytest.raises(UserError, match=r"panel_images.*'cat'"):
        draw(tmp_path / "figures", files, images=["b1_0", "cat"])
    assert list(tmp_path.iterdir()) == []


def test_too_many_images_are_refused(files, tmp_path, monkeypatch):
    monkeypatch.setattr("convscope.invariance.figure_files.MOST_IMAGES", 2)
    with pytest.raises(UserError, match="at most 2"):
        draw(tmp_path / "figures", files, images=["b0_0", "b0_1", "b1_0"])
