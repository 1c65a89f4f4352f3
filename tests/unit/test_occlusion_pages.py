"""The pages of occlusion, built from small figures and read as HTML; the table of occluders."""

import re

import numpy as np
import pytest
from PIL import Image

from convscope.errors import UserError
from convscope.occlusion.figures.files import draw_occlusion
from convscope.occlusion.grid import Grid
from convscope.occlusion.score_table import write_score_tables
from convscope.occlusion.times import write_times
from convscope.occlusion.trade_off import COLUMNS, read_trade_off, write_trade_off
from convscope.report.occlusion import build_occlusion_pages
from html_pages import Page, check_links, check_self_contained, contents, pages_in, picture_of
from occlusion_files import (
    HOSTILE,
    LOW,
    NAMES,
    maps_of,
    scores_of,
    without_partners,
    write_images,
    write_occlusion,
    write_scores,
)

PAGES = [
    {"title": "Overview", "href": "index.html"},
    {"title": "Occlusion", "href": "occlusion/index.html"},
]
GEOMETRY = {"resize": 224, "crop": 224, "interpolation": "bilinear"}
USUAL = Grid((224, 224), (50, 50), (5, 5))
WIDE = {"patch": 64, "stride": 40, "fill": "grey"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "odd name#"
    folder.mkdir()
    write_images(folder / "images.h5")
    write_occlusion(folder / "default.h5", folder / "images.h5", {"stride": 10})
    write_occlusion(folder / "<wide>.h5", folder / "images.h5", WIDE)
    for name in ("default", "<wide>"):
        for network in ("one", "two"):
            draw_occlusion(
                folder / network / name,
                occlusion=folder / f"{name}.h5",
                images=folder / "images.h5",
                network=network,
                occluder=name,
                sigma=1,
                classes=NAMES,
                labels={"cat": "cat"},
            )
    write_trade_off(folder / "trade_off.tsv", entries(folder))
    write_score_tables(folder / "scores.tsv", folder / "context.tsv", scored(folder))
    (folder / "report").mkdir()
    (folder / "report/index.html").write_text("the first page")
    return folder


def entries(folder):
    """Return two batches of one network and occluder, and one of the others."""
    found = []
    for name, entry in (("default", {"stride": 10}), ("<wide>", WIDE)):
        for batch, seconds in (("a", 1.5), ("b", 2.5)):
            stem = f"table {name} {batch}"
            grid = Grid((224, 224), *((s, s) for s in (entry.get("patch", 50), entry["stride"])))
            coarse = np.arange(grid.shape[0] * grid.shape[1]).reshape(grid.shape) % 2 == 0
            maps = maps_of(grid) if batch == "b" else maps_of(grid, evaluated=coarse)
            write_occlusion(folder / f"{stem}.h5", folder / "images.h5", entry, {"cat": maps})
            write_times(folder / f"{stem}.tsv", ["cat"], [seconds])
            files = {"occlusion": folder / f"{stem}.h5", "times": folder / f"{stem}.tsv"}
            networks = ("one", "two") if batch == "a" else ("one",)
            names = {"scenes": None, "scene_of": {}, "geometry": GEOMETRY, "occluder": name}
            found += [files | names | {"network": network} for network in networks]
    return found


def scored(folder):
    """Return a network that looks at the object, and one whose images are no scenes."""
    write_occlusion(folder / "o.h5", folder / "images.h5", maps={"cat": maps_of(USUAL)})
    found = []
    for network, scores in (("one", scores_of()), ("two", without_partners())):
        path = write_scores(folder / f"{network}.scores.h5", {"cat": scores})
        file = {"occlusion": folder / "o.h5", "scores": path, "occluder": "default"}
        found.append(file | {"network": network, "scenes": None})
    return found


def build(made, output, *, trade_off=True, terms=True):
    figures = [str(made / n / name) for name in ("default", "<wide>") for n in ("one", "two")]
    build_occlusion_pages(
        output,
        figures=figures,
        trade_off=made / "trade_off.tsv" if trade_off else None,
        scores=made / "scores.tsv" if trade_off else None,
        context=made / "context.tsv" if trade_off else None,
        settings={"pages": PAGES, "imagenet_terms": terms},
    )
    return pages_in(output)


@pytest.fixture(scope="module")
def pages(made):
    return build(made, made / "report/occlusion")


def test_there_is_a_page_for_every_image(pages):
    hostile = next(name for name in pages if name.startswith("images/") and "cat" not in name)
    assert re.fullmatch(r"images/[a-z0-9_]+\.html", hostile)
    assert set(pages) == {
        "index.html",
        "trade_off.html",
        "context.html",
        "images/cat.html",
        hostile,
    }


def test_every_link_leads_somewhere(pages, made):
    check_links(pages)
    for page in pages.values():
        targets = {page.target(link) for link in page.links}
        for name in ("index.html", "occlusion/index.html"):
            assert (made / "report" / name).resolve() in targets
    linked = pages["index.html"].links
    assert "trade_off.html" in linked
    assert "images/cat.html" in linked


def test_every_picture_is_inside_the_page_whole_and_described(pages, made):
    for page in pages.values():
        for picture in page.all("img"):
            shown = int(picture["width"]), int(picture["height"])
            assert picture_of(picture).size == shown
    pictures = pages["images/cat.html"].all("img")
    assert len(pictures) == 4
    assert pictures[0]["alt"].startswith("Occlusion maps of one for cat, default. label: cat;")
    decoded = picture_of(pictures[3])
    file = Image.open(made / "two/<wide>/cat.png").convert("RGB")
    assert np.abs(np.asarray(decoded.convert("RGB")).astype(int) - np.asarray(file)).mean() < 3


def test_values_for_pointing_are_those_of_the_maps(pages, made):
    page = pages["images/cat.html"]
    values = page.data
    named = [a["data-occlusion"] for a in page.all("div") if "data-occlusion" in a]
    assert named == list(values)
    assert len(named) == 4
    first = values["values-1-1"]
    grid = Grid((224, 224), (50, 50), (10, 10))
    assert first["grid"]["rows"] == grid.starts(0).tolist()
    assert np.array_equal(first["probabilities"], np.round(maps_of(grid).probabilities[0], 4))
    assert first["classes"][first["classMap"][LOW[0]][LOW[1]]] == "a <b>dog</b>"
    with Image.open(made / "one/default/cat.png") as picture:
        assert picture.size == (first["width"], first["height"])
    assert len(first["pointed"]) == 6
    assert len(first["outlined"]) == 2
    for left, top, width, height in first["pointed"] + first["outlined"]:
        assert 0 <= left < left + width <= first["width"]
        assert 0 <= top < top + height <= first["height"]


def test_the_script_is_inside_once_and_the_page_holds_the_numbers_without_it(pages):
    page = pages["images/cat.html"]
    assert page.html.count("ArrowUp: [-1, 0]") == 1
    assert "0.1000" in page.said
    assert "0.9000" in page.said
    assert "121 of 324" not in page.said
    assert "324 of 324 positions evaluated" in page.said


def test_nothing_of_an_image_or_class_becomes_markup(pages):
    for page in pages.values():
        assert not [a for _, a in page.tags if "onerror" in a or a.get("src") == "x"]
        assert page.all("b") == page.all("wide") == []
    assert "a <b>dog</b>" in pages["images/cat.html"].text
    assert "<wide>" in pages["trade_off.html"].text
    assert " ".join(HOSTILE.split()) in pages["index.html"].said


def test_pages_are_self_contained_and_reached_by_keyboard(pages):
    check_self_contained(pages)
    opened = [a for a in pages["images/cat.html"].all("details") if a["class"] == "variant"]
    assert ["open" in a for a in opened] == [True, False]


def test_reading_limits_and_grids_are_said(pages):
    text = pages["index.html"].said
    for part in (
        "no 50 × 50 patch removes a cue that the whole background carries",
        "5 i + 24.5",
        "the last 4 pixels of rows and columns are never covered",
        "36 × 36",
        "windows wrap round the border",
        "patch 64 × 64 px, grey; stride 40 px",
    ):
        assert part in text, part


def test_scores_are_beside_the_figures_and_networks_on_a_page_of_their_own(pages):
    said = pages["images/cat.html"].said
    assert "one0.500 (0.556)0.500 (0.344)––––0.9000.1000.800" in said
    assert "two0.500 (0.556)0.500 (0.344)–––––––" in said
    said = pages["context.html"].said
    assert "onedefault110.80 (0.80 to 0.80)0.10 (0.10 to 0.10)100.0%1.00 (0.21 to 1.00)" in said
    assert "twodefault" not in said
    assert "context.html" in pages["index.html"].links
    assert any(link.endswith("scores.tsv") for link in pages["context.html"].links)


def test_pages_are_the_same_twice(made, pages):
    before = contents(pages)
    assert contents(build(made, made / "report/occlusion")) == before


def test_without_table_or_images_pages_say_so(made, tmp_path):
    pages = build(made, tmp_path / "report/occlusion", trade_off=False, terms=False)
    assert not any("trade_off.html" in link for p in pages.values() for link in p.links)
    assert "context.html" not in pages
    assert not any("ImageNet" in page.text for page in pages.values())
    settings = {"pages": PAGES, "imagenet_terms": False}
    (tmp_path / "none.tsv").write_text("\t".join(COLUMNS) + "\n")
    build_occlusion_pages(
        tmp_path / "occlusion", figures=[], trade_off=tmp_path / "none.tsv", settings=settings
    )
    assert "No image was chosen" in Page(tmp_path / "occlusion/index.html").text
    assert "No occluder was run" in Page(tmp_path / "occlusion/trade_off.html").text


@pytest.mark.parametrize("text", [None, "", "network\toccluder\n", "\t".join(COLUMNS) + "\na\tb\n"])
def test_a_missing_or_damaged_table_is_refused_and_leaves_nothing(tmp_path, text):
    path = tmp_path / "trade_off.tsv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match="table of occluders is missing or damaged"):
        build_occlusion_pages(
            tmp_path / "occlusion",
            figures=[],
            trade_off=path,
            settings={"pages": PAGES, "imagenet_terms": False},
        )
    assert not (tmp_path / "occlusion").exists()


def test_the_table_counts_positions_and_seconds(made):
    rows = read_trade_off(made / "trade_off.tsv")
    assert [(row["network"], row["occluder"]) for row in rows] == [
        (network, name) for name in ("default", "<wide>") for network in ("one", "two")
    ]
    assert (rows[0]["patch"], rows[0]["stride"], rows[0]["fill"]) == ("50", "10", "black")
    assert (rows[0]["positions"], rows[2]["positions"]) == ("324", "25")
    # Every other cell of the first batch was evaluated, all of the second.
    assert [row["positions_evaluated"] for row in rows[:2]] == ["243", "162"]
    assert [(row["seconds"], row["images"]) for row in rows[:2]] == [("2", "2"), ("1.5", "1")]
    assert (rows[0]["scenes"], rows[0]["share"]) == ("0", "")
