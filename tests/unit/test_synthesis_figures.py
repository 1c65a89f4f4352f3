"""Figures: whole, readable, of fixed size, the same bytes every time."""

import csv
import hashlib

import numpy as np
import pytest
from PIL import Image

from canvas_texts import Texts
from convscope.predictions.storage import read_parquet, write_csv, write_parquet
from convscope.synthesis.figures.curves import draw_curves
from convscope.synthesis.figures.files import draw_maximisation, draw_networks_of_classes
from convscope.synthesis.figures.inversion_table import inversion_table
from convscope.synthesis.figures.ladder import draw_course, draw_ladder, draw_networks, probability
from convscope.synthesis.figures.sheet import GAP, MARGIN
from convscope.synthesis.figures.strip import draw_inversion
from convscope.synthesis.figures.table import COLUMNS, summary_rows, summary_table
from convscope.synthesis.figures.titles import preset_rows, title_of
from convscope.synthesis.settings import preset_settings
from convscope.synthesis.storage import read_inversion, read_maximisation
from convscope.synthesis.transfer import (
    Transfer,
    read_transfers,
    transfers_by_file,
    write_transfers,
)
from synthesis_files import SIDE, write_inversion, write_maximisation

JUDGED = [
    Transfer("ladder_a", 0, "alexnet", "a very long name of a class of birds", 0.53, 0.0002),
    Transfer("ladder_e", 0, "alexnet", "flamingo", 0.97, 0.97),
    Transfer("ladder_e", 1, "alexnet", "crane", 0.5, None),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "m.h5"
    write_maximisation(path)
    return read_maximisation(path)


@pytest.fixture(scope="module")
def inversion(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "i.h5"
    write_inversion(path, [f"features.{number}" for number in range(7)])
    return read_inversion(path)


def figures(made, inversion):
    return {
        "ladder": lambda path: draw_ladder(path, "vgg16", made, seed=0, transfers=JUDGED),
        "course": lambda path: draw_course(path, "vgg16", made, seed=0),
        "networks": lambda path: draw_networks(
            path, [("vgg16", made), ("alexnet", made)], seed=0, transfers={"vgg16": JUDGED}
        ),
        "curves": lambda path: draw_curves(path, "vgg16", made, seed=0),
        "inversion": lambda path: draw_inversion(path, "vgg16", inversion, "cat"),
    }


NAMES = ("ladder", "course", "networks", "curves", "inversion")


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_the_same_bytes_twice_and_no_software_inside(made, inversion, tmp_path, name):
    draw = figures(made, inversion)[name]
    digests = set()
    for number in range(2):
        draw(tmp_path / f"{number}.png")
        digests.add(hashlib.sha256((tmp_path / f"{number}.png").read_bytes()).digest())
    assert len(digests) == 1
    with Image.open(tmp_path / "0.png") as picture:
        assert not picture.info.keys() & {"Software", "Creation Time", "date"}
        assert 400 < picture.width < 2000


@pytest.mark.parametrize("name", [name for name in NAMES if name != "curves"])
def test_words_are_whole_inside_and_apart(made, inversion, tmp_path, monkeypatch, name):
    texts = Texts(monkeypatch)
    figures(made, inversion)[name](tmp_path / "f.png")
    assert [words for words in texts.cut() if "very long name" not in words] == []
    with Image.open(tmp_path / "f.png") as picture:

        class Sheet:
            size = picture.size

        assert texts.outside(Sheet) == []
    assert texts.overlapping() == []


def test_the_ladder_says_score_probability_and_what_others_see(made, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw_ladder(tmp_path / "f.png", "vgg16", made, seed=0, transfers=JUDGED)
    words = texts.together
    for expected in ("vgg16: flamingo", "(a) nothing", "(e) L2, blur 1.5 px", "p 0.000"):
        assert expected in words
    assert "alexnet: flamingo 0.970" in words
    assert "alexnet: p < 0.001" in words
    assert "crane" not in words
    draw_ladder(tmp_path / "g.png", "vgg16", made, seed=1, transfers=JUDGED)
    assert "alexnet: crane 0.500" in texts.together
    assert "NaN at step 2" in texts.together


def test_pictures_stand_in_the_order_of_the_ladder_at_a_fixed_place(made, tmp_path):
    draw_ladder(tmp_path / "f.png", "vgg16", made, seed=0)
    sheet = np.asarray(Image.open(tmp_path / "f.png"))
    assert sheet.shape[1] == 2 * MARGIN + 2 * 224 + GAP
    large = made.shown[0].transpose(1, 2, 0).repeat(224 // SIDE, 0).repeat(224 // SIDE, 1)
    tops = [
        top
        for top in range(sheet.shape[0] - 224)
        if np.array_equal(sheet[top : top + 224, MARGIN : MARGIN + 224], large)
    ]
    assert len(tops) == 1


def test_missing_images_say_so_and_rows_follow_the_ladder(made, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw_ladder(tmp_path / "f.png", "vgg16", made, seed=7)
    assert texts.words.count("not made") == 4
    assert preset_rows(["mine", "ladder_b", "yosinski_2", "ladder_a"]) == [
        ["ladder_a", "ladder_b"],
        ["yosinski_2"],
        ["mine"],
    ]
    assert title_of("mine") == "mine"
    assert title_of("ladder_c", preset_settings("ladder_c")) == "(c) L2, blur 0.5 px"


def test_probabilities_are_never_0_or_1_where_they_are_not():
    assert [probability(p) for p in (0, 1e-9, 0.5, 0.99999, 1)] == [
        "0.000",
        "< 0.001",
        "0.500",
        "> 0.999",
        "1.000",
    ]


def test_the_strip_shows_errors_controls_and_exact_layers(inversion, tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    draw_inversion(tmp_path / "f.png", "vgg16", inversion, "cat")
    assert {"conv0", "features.0"} <= set(texts.words)
    assert "E2 0.005 (2.01)" in texts.words
    assert "PSNR exact" in texts.words
    assert texts.words.count("the image") == 2
    with pytest.raises(ValueError, match="not in list"):
        draw_inversion(tmp_path / "g.png", "vgg16", inversion, "fox")


def test_one_image_alone_has_no_unit_of_e2(tmp_path, monkeypatch):
    write_inversion(tmp_path / "i.h5", control=False)
    texts = Texts(monkeypatch)
    draw_inversion(tmp_path / "f.png", "vgg16", read_inversion(tmp_path / "i.h5"), "dog")
    assert not [words for words in texts.words if words.startswith("E2 ")]


def test_the_table_has_a_row_an_image_and_judge(made, tmp_path):
    rows = summary_rows([("vgg16", made)], {("vgg16", 3): JUDGED})
    assert len(rows) == 8
    first = rows[0]
    assert tuple(first) == COLUMNS
    assert first["judge_class"] == JUDGED[0].top_class
    assert first["score"] == pytest.approx(40 * 5 / 47)
    assert (rows[-1]["stopped"], rows[-1]["judge"]) == (2, None)
    write_csv(summary_table(rows), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as stream:
        found = list(csv.DictReader(stream))
    assert [row["preset"] for row in found] == [row["preset"] for row in rows]
    assert float(found[0]["judge_label_probability"]) == 0.0002
    assert [found[place]["stopped"] for place in (0, -1)] == ["", "2"]
    assert found[0]["shown_class_is_label"] == "yes"
    write_parquet(summary_table(rows), tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet")["stopped"].iloc[-1] == 2


def test_the_table_of_inversions_has_a_row_an_image_layer_and_preset(tmp_path):
    write_inversion(tmp_path / "i.h5")
    inversion = read_inversion(tmp_path / "i.h5")
    table = inversion_table([("vgg16", "cats", inversion)])
    assert len(table) == len(inversion.rows) == 12
    assert table["e1"].tolist() == inversion.e1.tolist()
    assert table["control_e2"].tolist() == inversion.control_e2.tolist()
    # An exact copy has no finite ratio.
    assert table["psnr"].isna().sum() == np.isinf(inversion.psnr).sum() == 1
    write_csv(table, tmp_path / "t.csv")
    write_parquet(table, tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet")["stopped"].isna().all()


def test_transfers_belong_to_the_files_that_were_judged(tmp_path):
    write_transfers(tmp_path / "t.tsv", JUDGED)
    files = [{"judged": False}, {"judged": True}, {"judged": False}]
    assert transfers_by_file(files, [str(tmp_path / "t.tsv")]) == [[], JUDGED, []]


def test_figures_of_every_seed_lie_in_folders(tmp_path):
    write_maximisation(tmp_path / "m.h5")
    draw_maximisation(tmp_path / "figures", "vgg16", tmp_path / "m.h5", JUDGED)
    names = {path.relative_to(tmp_path / "figures").as_posix() for path in tmp_path.rglob("*.png")}
    kinds = ("ladder", "curves", "course")
    assert names == {"small.png"} | {f"seed_{s}/{kind}.png" for s in (0, 1) for kind in kinds}
    entry = {"path": tmp_path / "m.h5", "transfers": []}
    files = [{"network": name, **entry} for name in ("vgg16", "vgg19")]
    draw_networks_of_classes(tmp_path / "together", files)
    found = {
        path.relative_to(tmp_path / "together").as_posix()
        for path in (tmp_path / "together").rglob("*.png")
    }
    assert found == {"n02007558/seed_0.png", "n02007558/seed_1.png"}
    draw_networks_of_classes(tmp_path / "alone", files[:1])
    assert [path.name for path in (tmp_path / "alone").iterdir()] == ["index.json"]


def test_transfers_are_read_as_they_were_written(tmp_path):
    write_transfers(tmp_path / "t.tsv", JUDGED)
    assert read_transfers(tmp_path / "t.tsv") == JUDGED
