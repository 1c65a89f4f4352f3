"""Mosaics and strips: blocks of channels, columns of epochs, words where nothing can be shown."""

import numpy as np
import pytest
from PIL import Image

from canvas_texts import Texts
from convscope.deconvnet.figures import mosaics, strips
from convscope.deconvnet.figures.layer_files import draw_mosaics, draw_strips
from convscope.deconvnet.table import reading_projections
from convscope.figures.indices import read_index
from projection_tables import HOSTILE, write_evolution_table, write_mosaic_table

DRAWERS = [("mosaics", draw_mosaics, write_mosaic_table)]
DRAWERS += [("strips", draw_strips, write_evolution_table)]


@pytest.fixture(params=DRAWERS, ids=[name for name, _, _ in DRAWERS])
def case(request, tmp_path, monkeypatch):
    kind, draw, write = request.param
    texts = Texts(monkeypatch)
    draw(tmp_path / "figures", write(tmp_path / "table.h5"), network="toy", classes={})
    return kind, tmp_path / "figures", texts


def test_a_figure_a_layer_named_safely(case):
    kind, folder, _ = case
    entries = read_index(folder)[kind]
    assert [e["layer"]["name"] for e in entries] == ["features.0", "features.12/<i>"]
    assert entries[0]["file"] == "00_features.0.png"
    assert {p.name for p in folder.iterdir()} == {"index.json", *(e["file"] for e in entries)}
    for entry in entries:
        assert Image.open(folder / entry["file"]).size == (entry["width"], entry["height"])
    assert len({(e["width"], e["height"]) for e in entries}) == 1


def test_two_runs_are_the_same_bytes(case, tmp_path):
    kind, folder, _ = case
    draw = {name: draw for name, draw, _ in DRAWERS}[kind]
    draw(tmp_path / "again", tmp_path / "table.h5", network="toy", classes={})
    for file in folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_a_mosaic_holds_projections_and_patches_of_every_channel(tmp_path):
    table_file = write_mosaic_table(tmp_path / "table.h5")
    draw_mosaics(tmp_path / "figures", table_file, network="toy", classes={})
    shown = np.asarray(Image.open(tmp_path / "figures" / "00_features.0.png").convert("RGB"))
    side = 2  # two images a channel
    grid = side * mosaics.CELL + mosaics.GAP
    high = mosaics.TITLE + grid + mosaics.APART
    top = shown.shape[0] - mosaics.MARGIN + mosaics.APART - high + mosaics.TITLE
    with reading_projections(table_file) as table:
        rows = [row for row in table.rows if row.layer == 0]
        for place, channel in enumerate((7, 30, 31)):
            first = next(row for row in rows if (row.channel, row.rank) == (channel, 0))
            values = table.projection(first).astype(np.float64)
            left = mosaics.MARGIN + place * (2 * grid + mosaics.BETWEEN + mosaics.APART)
            grey = np.rint(128 + 127 * values / np.abs(values).max())
            expected = grey.repeat(24, 1).repeat(24, 2).transpose(1, 2, 0)
            cell = shown[top : top + mosaics.CELL, left : left + mosaics.CELL]
            assert np.array_equal(cell, expected)
            left += grid + mosaics.BETWEEN
            patch = table.patch(first).repeat(24, 1).repeat(24, 2).transpose(1, 2, 0)
            assert np.array_equal(shown[top : top + 72, left : left + 72], patch)


def test_words_of_figures_are_whole_inside_and_apart(tmp_path, monkeypatch):
    for kind, draw, write in DRAWERS:
        texts = Texts(monkeypatch)
        module = mosaics if kind == "mosaics" else strips
        name = "draw_mosaic" if kind == "mosaics" else "draw_strip"
        original = getattr(module, name)

        def noted(*given, texts=texts, original=original):
            texts.written.clear()
            canvas = original(*given)
            hidden = [text for text in texts.cut() if not text.startswith("../")]
            assert hidden == []
            assert texts.outside(canvas) == []
            assert texts.overlapping() == []
            return canvas

        monkeypatch.setattr(f"convscope.deconvnet.figures.layer_files.{name}", noted)
        draw(tmp_path / kind, write(tmp_path / f"{kind}.h5"), network="toy", classes={})


def test_a_mosaic_says_channels_peaks_scales_and_silence(tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw_mosaics(
        tmp_path / "figures", write_mosaic_table(tmp_path / "t.h5"), network="toy", classes={}
    )
    for text in ("toy, features.0 (conv1_1)", "channel 30", "2 images", "peaks 5 to 4"):
        assert text in texts.words
    assert "silent: all zero" in texts.together
    assert texts.together.count("no more images") == 2  # projection and patch
    assert "1 image" in texts.words
    found = read_index(tmp_path / "figures")["mosaics"][0]["channels"]
    assert [channel["channel"] for channel in found] == [7, 30, 31]
    assert [unit["image"] for unit in found[2]["units"]] == ["cat", HOSTILE]
    assert [unit["words"] for unit in found[2]["units"]] == [None, "silent: all zero"]
    assert found[0]["units"][0]["scale"] > 0


def test_a_strip_says_epochs_images_and_what_is_missing(tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw_strips(
        tmp_path / "figures", write_evolution_table(tmp_path / "t.h5"), network="toy", classes={}
    )
    heads = [text for text in texts.words if text.startswith(("epoch", "final"))]
    assert heads == ["epoch 0", "epoch 4", "final weights"] * 2
    assert texts.words.count("ch 7") == 2
    assert texts.words.count("not computed") == 2
    assert "cat" in texts.words
    found = read_index(tmp_path / "figures")["strips"][0]["channels"]
    assert [u["epoch"] for u in found[0]["units"]] == ["epoch 0", "epoch 4", "final weights"]
    assert [u["epoch"] for u in found[1]["units"]] == ["epoch 0", "final weights"]


def test_nine_images_make_three_rows(tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    monkeypatch.setattr("projection_tables.IDS", [f"image_{n}" for n in range(9)])
    write_mosaic_table(tmp_path / "t.h5", images=9)
    draw_mosaics(tmp_path / "figures", tmp_path / "t.h5", network="toy", classes={})
    entry = read_index(tmp_path / "figures")["mosaics"][0]
    assert entry["width"] == 2 * 24 + 3 * (6 * 72 + 4 * 2 + 8) + 2 * 28
    assert "9 images" in texts.words
