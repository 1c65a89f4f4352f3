"""Figures of occlusion: each cell at its place, the right colour, all words whole, equal bytes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canvas_texts import Texts
from convscope.errors import UserError
from convscope.figures.canvas import Canvas
from convscope.figures.indices import read_index
from convscope.images.store import read_images
from convscope.occlusion.figures import colours, panels, places
from convscope.occlusion.figures.curves import curve_label
from convscope.occlusion.figures.files import draw_occlusion
from convscope.occlusion.grid import Grid, at_pixels, smoothed
from occlusion_files import (
    HOSTILE,
    LOW,
    NAMES,
    feature_at,
    maps_of,
    scores_of,
    without_partners,
    write_images,
    write_occlusion,
    write_scores,
)

USUAL = Grid((224, 224), (50, 50), (5, 5))
FACTOR = panels.SIDE / 224


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("occlusion")
    write_images(folder / "images.h5")
    write_occlusion(folder / "occlusion.h5", folder / "images.h5")
    return folder


def draw(made, output, occlusion="occlusion.h5", **changes):
    given = {
        "network": "toy",
        "occluder": "default",
        "sigma": 1.0,
        "classes": NAMES,
        "labels": {HOSTILE: "a zebra", "cat": "cat"},
    }
    source = occlusion if isinstance(occlusion, Path) else made / occlusion
    draw_occlusion(output, occlusion=source, images=made / "images.h5", **(given | changes))
    return read_index(output)


@pytest.fixture(scope="module")
def drawn(made):
    return made / "figures", draw(made, made / "figures")


def entry_of(index, image="cat"):
    return next(entry for entry in index["images"] if entry["image"] == image)


def panel(folder, index, name, image="cat"):
    entry = entry_of(index, image)
    left, top, width, height = entry["boxes"][name]
    shown = np.asarray(Image.open(folder / entry["file"]).convert("RGB"))
    return shown[top : top + height, left : left + width].astype(int)


@pytest.mark.parametrize("name", ["probability", "log_odds", "activity", "classes"])
def test_a_cell_stands_at_the_centre_of_its_patch(drawn, name):
    found = panel(*drawn, name)
    row, column = (round(FACTOR * (5 * place + 25)) for place in LOW)
    colour = found[row, column]
    rows, columns = np.nonzero((found == colour).all(-1))
    for places_found, place in ((rows, LOW[0]), (columns, LOW[1])):
        middle = (places_found.min() + places_found.max() + 1) / 2 / FACTOR
        # An edge of a cell lies on an edge of pixels, its centre half a pixel off their middle.
        assert abs(middle - (5 * place + 25)) <= 1
        assert abs((np.ptp(places_found) + 1) / FACTOR - 5) <= 1
    assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


@pytest.mark.parametrize("name", ["smoothed", "overlay"])
def test_a_smoothed_map_is_lowest_where_the_cell_is(drawn, name):
    found = panel(*drawn, name)
    # The darkest colour is the lowest; over the image, the least yellow one.
    values = found[..., 0] - found[..., 2] if name == "overlay" else found @ [0.3, 0.59, 0.11]
    inside = slice(round(FACTOR * 26), round(FACTOR * 193))
    lowest = np.argwhere(values[inside, inside] == values[inside, inside].min()).mean(0)
    for place, cell in zip(lowest, LOW, strict=True):
        assert abs((place + inside.start + 0.5) / FACTOR - (5 * cell + 25)) <= 1


def test_colours_are_those_of_the_scale(drawn):
    found = panel(*drawn, "probability")
    table = colours.Scale(colours.PROBABILITY, 0.0, 1.0)
    middle = round(FACTOR * 120)
    assert (found[middle, middle] == table.colours(np.array(0.8))).all()
    low = tuple(round(FACTOR * (5 * place + 25)) for place in LOW)
    assert (found[low] == table.colours(np.array(0.1))).all()


@pytest.mark.parametrize("name", ["probability", "smoothed", "log_odds", "activity", "classes"])
def test_pixels_outside_the_outermost_centres_are_hatched(drawn, name):
    found = panel(*drawn, name)
    hatch = colours.hatched(panels.SIDE, panels.SIDE)
    pixels = ((np.arange(panels.SIDE) + 0.5) / FACTOR).astype(int)
    outside = (pixels < 24.5) | (pixels > 194.5)
    border = outside[:, None] | outside[None]
    assert np.array_equal(found[border], hatch[border])
    assert not (found[~border] == colours.EMPTY).all(-1).any()


def test_the_image_is_shown_with_the_patch_that_takes_most(made, drawn):
    found = panel(*drawn, "image")
    rows, columns = np.nonzero((found == (16, 96, 255)).all(-1))
    box = np.array(USUAL.box(*LOW)) * FACTOR
    edges = np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
    assert np.abs(edges - box).max() <= 0.5
    image = read_images(made / "images.h5", ["cat"]).pixels[0].transpose(1, 2, 0).astype(int)
    near = places.enlarged(image, panels.SIDE)
    far = np.ones(found.shape[:2], bool)
    far[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = False
    assert np.abs(found - near)[far].mean() < 3


def test_the_values_of_cells_are_in_the_index(drawn):
    _, index = drawn
    entry = entry_of(index)
    expected = np.full((35, 35), 0.8)
    expected[LOW] = 0.1
    assert np.array_equal(entry["probabilities"], expected)
    assert entry["clean"] == 0.9
    assert entry["lowest"] == list(LOW)
    assert entry["classes"][0] == {"name": "cat", "share": 0.9992}
    assert entry["class_map"][LOW[0]][LOW[1]] == 1
    assert (index["network"], index["occluder"]) == ("toy", "default")
    assert index["grid"]["patch"] == [50, 50]
    assert index["grid"]["rows"] == list(range(0, 171, 5))
    assert "black; stride 5 px; 35 × 35 positions; the last 4 px" in index["words"]


def test_words_are_there_whole_inside_and_apart(made, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    path = write_occlusion(tmp_path / "one.h5", made / "images.h5", maps={"cat": maps_of(USUAL)})
    entry = entry_of(draw(made, tmp_path / "figures", path))
    assert texts.cut() == []
    assert texts.outside(Canvas(entry["width"], entry["height"])) == []
    assert texts.overlapping() == []
    for words in (
        "toy: cat",
        "label: cat; probability of the clean image 0.9000; the most probable class",
        "method: exact (incremental), 1225 of 1225 positions evaluated",
        "patch where the probability is lowest: 0.1000",
        "total activation of channel 3, last convolution",
        "cat: 100 %",
        "a <b>dog</b>: 0.1 %",
        "0.2",
        "0.8",
    ):
        assert any(words in given for given in texts.words), words


def test_what_a_reader_must_know_is_said(made, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw(made, tmp_path / "figures")
    said = texts.together
    for words in (
        "label: a zebra; maps are of the most probable class of the clean image",
        "The network does not have the image's class.",
        "613 of 1225 positions were computed, the others interpolated.",
        "SSIM 0.930, largest error 0.04",
        "nearly 1, so that much of the map is flat",
        "no ReLU follows the last convolution",
        "12 classes",
        "5 other classes",
    ):
        assert words in said, words


def test_one_position_and_a_lost_class_are_said(made, tmp_path):
    grid = Grid((224, 224), (224, 224), (5, 5))
    maps = maps_of(grid, clean_probabilities=(1e-7, 0.9), clean_logits=(-9.0, 2.0), top=1)
    path = write_occlusion(tmp_path / "one.h5", made / "images.h5", {"patch": 224}, {"cat": maps})
    index = draw(made, tmp_path / "figures", path)
    entry = entry_of(index)
    assert "1 position" in index["words"]
    said = " ".join(entry["remarks"])
    assert "The patch has one position only." in said
    assert "probability of its class is already 1e-07" in said
    assert (
        panel(tmp_path / "figures", index, "probability")
        == panel(tmp_path / "figures", index, "probability")[0, 0]
    ).all()


def test_an_image_without_label_is_not_blamed_on_the_network(made, tmp_path):
    index = draw(made, tmp_path / "figures", labels={})
    assert entry_of(index, HOSTILE)["remarks"][0] == "The image has no label."
    assert entry_of(index, HOSTILE)["answer"].startswith("no label; maps are of")


def test_projection_and_curves_have_a_place_where_there_are_any(made, drawn, tmp_path, monkeypatch):
    features = {"cat": feature_at(60, 100)}
    scores = {HOSTILE: without_partners(), "cat": scores_of()}
    path = write_scores(tmp_path / "scores.h5", scores, features)
    texts = Texts(monkeypatch)
    index = draw(made, tmp_path / "with", scores=path)
    plain, entry = entry_of(drawn[1]), entry_of(index)
    assert entry["width"] == plain["width"] + panels.WIDTH
    found = panel(tmp_path / "with", index, "projection")
    assert (found[-1, -1] == 128).all()
    place = round(80 * FACTOR), round(120 * FACTOR)
    assert (found[place] == 255).all()
    assert "rectified to zero at relu4" in texts.together
    assert not {"projection", "curves"} & set(plain["boxes"])
    assert "projection" not in entry_of(index, HOSTILE)["boxes"]
    # Deletion falls from 0.9 to 0.1, insertion rises from 0.1 to 0.9.
    curves = panel(tmp_path / "with", index, "curves")
    blue = (np.abs(curves - (0, 114, 178)) < 40).all(-1)
    rows, columns = np.nonzero(blue)
    assert np.median(rows[columns < 80]) < np.median(rows[(columns > 200) & (columns < 255)])


def test_the_legend_tells_the_areas():
    falling, shares = np.array([0.9, 0.5, 0.1]), np.array([0, 0.5, 1])
    assert curve_label("deletion", "map", falling, shares) == "deletion 0.50"
    assert curve_label("insertion", "random", falling / 2, shares) == "insertion, random 0.25"


def test_without_curves_only_the_projection_is_added(made, tmp_path):
    scores = {HOSTILE: without_partners(False), "cat": without_partners(False)}
    path = write_scores(tmp_path / "scores.h5", scores, {"cat": feature_at(0, 0)}, None)
    index = draw(made, tmp_path / "with", scores=path)
    boxes = entry_of(index)["boxes"]
    assert "projection" in boxes
    assert "curves" not in boxes
    path = write_scores(tmp_path / "other.h5", {"cat": scores_of()})
    with pytest.raises(UserError, match="there is no image"):
        draw(made, tmp_path / "without", scores=path)


def test_figures_are_the_same_twice_and_all_files_lie_in_the_folder(made, drawn, tmp_path):
    folder, index = drawn
    draw(made, tmp_path / "again")
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    listed = [e[key] for e in index["images"] for key in ("file", "thumbnail")]
    assert found == sorted([*listed, "index.json"])
    for name in found:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    for entry in index["images"]:
        with Image.open(folder / entry["file"]) as picture:
            assert picture.size == (entry["width"], entry["height"])


def test_other_images_and_missing_names_are_refused(made, tmp_path):
    with pytest.raises(UserError, match="class 11 has no name: 2 names"):
        draw(made, tmp_path / "figures", classes=("cat", "dog"))
    maps = {"cat": maps_of(USUAL)}
    path = write_occlusion(tmp_path / "o.h5", made / "images.h5", maps=maps)
    swapped = tmp_path / "swapped.h5"
    write_images(swapped, phases=(2, 0))
    with pytest.raises(UserError, match="not the images that the maps were made of"):
        draw_occlusion(
            tmp_path / "figures",
            occlusion=path,
            images=swapped,
            network="toy",
            occluder="default",
            sigma=1.0,
            classes=NAMES,
            labels={},
        )
    assert not (tmp_path / "figures").exists()


def test_the_smoothed_panel_follows_sigma(made, drawn, tmp_path):
    folder, index = drawn
    draw(made, tmp_path / "flat", sigma=0)
    flat = panel(tmp_path / "flat", read_index(tmp_path / "flat"), "smoothed")
    scale = colours.Scale(colours.PROBABILITY, 0.0, 1.0)
    for found, sigma in ((flat, 0), (panel(folder, index, "smoothed"), 1.0)):
        values = at_pixels(smoothed(np.array(entry_of(index)["probabilities"]), sigma), USUAL)
        expected = places.enlarged(scale.colours(values), panels.SIDE).astype(int)
        inside = places.enlarged(places.measured(USUAL), panels.SIDE)
        assert np.abs(found - expected)[inside].max() <= 3
