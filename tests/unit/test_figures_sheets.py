"""Sheets: what stands where, what is said where nothing can be shown, the same bytes twice."""

import shutil

import numpy as np
import pytest
from PIL import Image

from canvas_texts import Texts
from convscope.deconvnet.figures import sheets
from convscope.deconvnet.figures.control_rows import agreement_of
from convscope.deconvnet.figures.sheet_files import draw_sheets
from convscope.deconvnet.similarity import Similarity
from convscope.deconvnet.table import reading_projections
from convscope.errors import UserError
from convscope.figures.canvas import BLUE, EMPTY
from convscope.figures.indices import read_index
from convscope.images.store import read_images
from convscope.variants.draw import draw_variant
from projection_tables import (
    BOXES,
    HOSTILE,
    VARIANTS,
    write_controls,
    write_images,
    write_sheets_table,
)

MEAN = [0.485, 0.456, 0.406]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheets")
    write_sheets_table(folder / "deconv.h5")
    write_controls(folder / "controls.h5")
    write_images(folder / "images.h5")
    return folder


def draw(files, output, deconv="deconv.h5", classes=None):
    draw_sheets(
        output,
        projections=files / deconv,
        controls=files / "controls.h5",
        images=files / "images.h5",
        network="toy",
        mean=MEAN,
        classes=classes or {},
    )
    return read_index(output)


@pytest.fixture(scope="module")
def drawn(files):
    return files / "sheets", draw(files, files / "sheets")


def entry_of(index, image="cat", variant="normal"):
    found = [e for e in index["sheets"] if (e["image"], e["variant"]) == (image, variant)]
    assert len(found) == 1
    return found[0]


def pixels_of(drawn, **which):
    folder, index = drawn
    return np.asarray(Image.open(folder / entry_of(index, **which)["file"]).convert("RGB"))


def picture_at(shown, left, top, side):
    return shown[top : top + side, left : left + side]


def row_top(shown, layer):
    """Return the top of a layer's row: rows fill the sheet from its bottom upwards."""
    return shown.shape[0] - sheets.MARGIN + 8 - (2 - layer) * sheets.ROW


def test_every_image_and_variant_has_a_sheet_of_one_size(drawn):
    folder, index = drawn
    assert [(e["image"], e["variant"]) for e in index["sheets"]] == [
        (image, variant["name"]) for image in (HOSTILE, "cat") for variant in VARIANTS
    ]
    sizes = {Image.open(folder / e["file"]).size for e in index["sheets"]}
    assert sizes == {(e["width"], e["height"]) for e in index["sheets"]}
    assert len(sizes) == 1
    assert entry_of(index)["file"] == "cat/normal.png"


def test_no_file_lies_outside_the_folder_whatever_an_image_is_called(drawn):
    folder, index = drawn
    listed = {e[key] for e in index["sheets"] for key in ("file", "thumbnail")} | {"index.json"}
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == listed
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_./") for name in found)


@pytest.mark.parametrize("place", [0, 1])
def test_the_image_is_shown_as_the_network_saw_it_with_each_outline(files, drawn, place):
    shown = pixels_of(drawn, variant=VARIANTS[place]["name"])
    image = read_images(files / "images.h5", ["cat"]).pixels[0]
    expected = draw_variant(image, VARIANTS[place]["definition"], MEAN).transpose(1, 2, 0)
    left, top = sheets.MARGIN, sheets.MARGIN
    assert np.array_equal(picture_at(shown, left, top, 224), expected)
    marked = picture_at(shown, left + 224 + 16, top, 224)
    blue = (marked == BLUE).all(-1)
    above, start, below, end = BOXES[1]
    assert blue[above, start:end].all()
    assert blue[below - 1, start:end].all()
    assert blue[above:below, start].all()
    assert blue[above:below, end - 1].all()
    assert blue[8:16, 18:26].any()  # the small box of the first layer
    assert np.array_equal(marked[~blue], expected[~blue])


def test_every_row_starts_with_the_outline_of_its_own_layer(drawn):
    shown = pixels_of(drawn)
    left = sheets.MARGIN + sheets.NAME + 8
    for layer, box in enumerate(BOXES):
        small = picture_at(shown, left, row_top(shown, layer), sheets.SMALL)
        rows, columns = np.nonzero((small == BLUE).all(-1))
        expected = np.array(box) * sheets.SMALL / 224
        found = np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
        assert np.abs(found - expected).max() <= (3.5 if layer == 0 else 0.5)


def test_small_projections_and_patches_are_squares_of_their_own_grey(files, drawn):
    shown = pixels_of(drawn)
    with reading_projections(files / "deconv.h5") as table:
        row = next(r for r in table.rows if (r.image, r.variant, r.layer, r.rank) == (1, 0, 0, 1))
        values, patch = table.projection(row).astype(np.float64), table.patch(row)
    left, top = sheets.UNITS + sheets.STEP, row_top(shown, 0)
    grey = np.rint(128 + 127 * values / np.abs(values).max())
    for picture, start in ((grey, left), (patch, left + sheets.CELL + 2)):
        expected = picture.repeat(24, 1).repeat(24, 2).transpose(1, 2, 0)
        assert np.array_equal(picture_at(shown, start, top, sheets.CELL), expected)


@pytest.mark.parametrize("layer", [0, 1])
def test_nothing_to_show_is_words_not_grey(drawn, layer):
    shown = pixels_of(drawn)
    left, top = sheets.UNITS + 2 * sheets.STEP, row_top(shown, layer)
    cell = picture_at(shown, left, top, sheets.CELL)
    assert (cell[2, 2] == EMPTY).all()
    assert not (cell == 128).all(-1).any()
    assert (cell.astype(int).sum(-1) < 150).any()


def test_the_words_are_all_there_whole_inside_and_apart(files, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    canvases = []
    original = sheets.draw_sheet

    def noted(sheet):
        texts.written.clear()
        canvases.append(original(sheet))
        assert texts.cut() == []
        assert texts.outside(canvases[-1]) == []
        assert texts.overlapping() == []
        if sheet.image == "cat" and sheet.about.startswith("normal"):
            said.extend(texts.words)
        return canvases[-1]

    said = []
    monkeypatch.setattr("convscope.deconvnet.figures.sheet_files.draw_sheet", noted)
    draw(files, tmp_path / "sheets")
    together = " ".join(said)
    for part in (
        "toy: cat",
        "normal, deconvnet rectification, unpooled by switches",
        "features.0",
        "conv1_1",
        "fire9/expand",
        "silent: all zero",
        "rectified to zero at",
        "features.3.",
        "there is no other channel",
        "SSIM undefined",
        "ρ undefined",
        "99.5th percentile",
    ):
        assert part in together
    # Seven of nine seeds are defined for the first control: 0.2 to 0.5.
    assert "SSIM 0.35" in said
    assert "ρ −0.35 7/9" in said
    assert "SSIM 0.30" in said
    assert said.count("ch 100") == 4  # the strongest of two layers, and again beside its controls
    assert "peak 2.5" in said
    assert "3×3 px" in said
    assert "160×160 px" in said


def test_the_printed_scale_is_that_of_the_grey(files, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw(files, tmp_path / "sheets")
    with reading_projections(files / "deconv.h5") as table:
        largest = np.abs(table.projection(table.rows[0])).max()
    assert f"±{largest:.3g}" in texts.words


def test_without_controls_this_is_said(drawn, files, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw(files, tmp_path / "sheets")
    # Controls of the second variant were not computed: two layers, two images, four squares.
    assert texts.together.count("not computed") == 16
    _, index = drawn
    assert entry_of(index, variant="centre_occlusion")["layers"][0]["agreement"] == []


@pytest.mark.parametrize(("select", "name"), [("map", "map 101"), ("layer", "whole layer")])
def test_maps_and_layers_are_called_so(files, tmp_path, monkeypatch, select, name):
    texts = Texts(monkeypatch)
    top = 1 if select == "layer" else 2
    write_sheets_table(files / f"{select}.h5", select=select, top=top)
    index = draw(files, tmp_path / "sheets", f"{select}.h5")
    assert name in texts.words
    assert texts.cut() == []
    assert "toy: cat" in texts.words
    start = {"map": "all of one channel", "layer": "all of the layer"}[select]
    assert start in texts.together
    channels = {layer["channel"] for e in index["sheets"] for layer in e["layers"]}
    assert channels == ({-1} if select == "layer" else {100})


def test_the_index_says_what_a_page_needs(drawn):
    _, index = drawn
    first, second = entry_of(index)["layers"]
    assert (first["channel"], first["peak"], first["box"]) == (100, 2.5, list(BOXES[0]))
    assert (first["silent"], first["units"]) == (1, 3)
    assert first["agreement"][0]["ssim"] == pytest.approx(0.35)
    assert first["agreement"][0]["defined"] == 7
    assert second["agreement"][2] == {"ssim": None, "spearman": None, "defined": 0, "seeds": 9}
    assert len(index["controls"]) == 3


def test_two_runs_are_the_same_bytes(files, drawn, tmp_path):
    folder, _ = drawn
    draw(files, tmp_path / "again")
    for file in folder.rglob("*.*"):
        assert (tmp_path / "again" / file.relative_to(folder)).read_bytes() == file.read_bytes()


def test_a_missing_image_is_refused_and_nothing_is_left(files, tmp_path):
    shutil.copy(files / "deconv.h5", tmp_path / "images.h5")
    with pytest.raises(UserError, match=r"images\.h5"):
        draw_sheets(
            tmp_path / "sheets",
            projections=files / "deconv.h5",
            controls=files / "controls.h5",
            images=tmp_path / "images.h5",
            network="toy",
            mean=MEAN,
            classes={},
        )
    assert [p.name for p in tmp_path.iterdir()] == ["images.h5"]


def test_agreement_counts_the_seeds_where_both_are_defined():
    found = agreement_of([Similarity(0.5, None), Similarity(0.1, 0.2), Similarity(None, None)])
    assert (found.median.ssim, found.median.spearman) == (0.3, 0.2)
    assert (found.defined, found.seeds) == (1, 3)


def test_channels_of_a_class_layer_are_called_by_their_classes(files, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    with reading_projections(files / "deconv.h5") as table:
        layer = table.attribute("layers")[-1]["name"]
    classes = {layer: [f"class {k}" for k in range(5000)]}
    draw(files, tmp_path / "sheets", classes=classes)
    assert any(word.startswith("class ") for word in texts.words)
    assert any(word.startswith("ch ") for word in texts.words)
