"""The pages of projections, built from small figures and read as HTML."""

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.deconvnet.figures.layer_files import draw_mosaics, draw_strips
from convscope.deconvnet.figures.sheet_files import draw_sheets
from convscope.errors import UserError
from convscope.report import embedding
from convscope.report.embedding import embedded
from convscope.report.projections import build_projection_pages
from html_pages import Page, check_links, check_self_contained, contents, pages_in, picture_of
from projection_tables import (
    HOSTILE,
    write_controls,
    write_evolution_table,
    write_images,
    write_mosaic_table,
    write_sheets_table,
)

PAGES = [
    {"title": "Overview", "href": "index.html"},
    {"title": "Projections", "href": "projections/index.html"},
]


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "odd name#"
    folder.mkdir()
    write_images(folder / "images.h5")
    write_controls(folder / "controls.h5")
    write_sheets_table(folder / "deconv.h5")
    for network in ("one", "two"):
        draw_sheets(
            folder / network / "sheets",
            projections=folder / "deconv.h5",
            controls=folder / "controls.h5",
            images=folder / "images.h5",
            network=network,
            mean=[0.5, 0.5, 0.5],
            classes={},
        )
        table = write_mosaic_table(folder / "top.h5")
        draw_mosaics(folder / network / "mosaics", table, network=network, classes={})
    draw_strips(
        folder / "one/strips", write_evolution_table(folder / "e.h5"), network="one", classes={}
    )
    return folder


def build(figures, output, *, strips=True, terms=True):
    build_projection_pages(
        output,
        sheets=[str(figures / name / "sheets") for name in ("one", "two")],
        mosaics=[str(figures / name / "mosaics") for name in ("one", "two")],
        strips=[str(figures / "one/strips")] if strips else [],
        settings={"pages": PAGES, "imagenet_terms": terms},
    )
    return pages_in(output)


@pytest.fixture(scope="module")
def pages(figures):
    for index in figures.glob("*/sheets/index.json"):
        said = json.loads(index.read_text())
        said["sheets"].reverse()
        index.write_text(json.dumps(said))
    (figures / "report").mkdir()
    (figures / "report/index.html").write_text("the first page")
    return build(figures, figures / "report/projections")


def image_page(pages, name):
    return next(p for n, p in pages.items() if n.startswith("images/") and name in p.text)


def test_there_is_a_page_for_every_image_and_layer(pages):
    hostile = next(name for name in pages if name.startswith("images/") and "cat" not in name)
    assert re.fullmatch(r"images/[a-z0-9_]+\.html", hostile)
    assert set(pages) == {
        "index.html",
        "evolution.html",
        "images/cat.html",
        hostile,
        *(f"layers/{n}/{p}.html" for n in ("one", "two") for p in ("00", "01")),
    }


def test_every_link_leads_somewhere(pages):
    check_links(pages)


def test_every_page_leads_back_to_the_first_and_to_all_projections(pages, figures):
    for page in pages.values():
        targets = {page.target(link) for link in page.links}
        assert (figures / "report/index.html").resolve() in targets
        assert (figures / "report/projections/index.html").resolve() in targets
    current = [a["href"] for a in pages["index.html"].all("a") if "aria-current" in a]
    assert current == ["index.html"]


def test_every_picture_is_inside_the_page_whole_and_described(pages, figures):
    for page in pages.values():
        for picture in page.all("img"):
            shown = int(picture["width"]), int(picture["height"])
            assert picture_of(picture).size == shown
    # Two networks under two variants.
    assert len(pages["images/cat.html"].all("img")) == 4
    alt = pages["images/cat.html"].all("img")[0]["alt"]
    assert alt == "Projections of the strongest units of each layer of one for cat, normal"


def test_pictures_are_those_of_the_files(pages, figures):
    shown = picture_of(pages["images/cat.html"].all("img")[3]).convert("RGB")
    file = Image.open(figures / "two/sheets/cat/centre_occlusion.png").convert("RGB")
    difference = np.abs(np.asarray(shown).astype(int) - np.asarray(file))
    assert difference.mean() < 3


def test_nothing_of_an_image_becomes_markup(pages):
    assert HOSTILE.replace("\n", " ") in " ".join(pages["index.html"].text.split("\n"))
    for page in pages.values():
        assert not [a for _, a in page.tags if "onerror" in a or a.get("src") == "x"]
        assert page.all("i") == []
        assert "features.12/<i>" in page.text or "features.0" in page.text or "cat" in page.text


def test_pages_are_self_contained_and_reached_by_keyboard(pages):
    check_self_contained(pages)
    page = pages["images/cat.html"]
    variants = [a for a in page.all("details") if a["class"] == "variant"]
    assert ["open" in a for a in variants] == [True, False]
    # The image as it is comes first, whatever the order of the files.
    assert page.said.index("normal") < page.said.index("centre occlusion")
    labels = {a["for"] for a in page.all("label")}
    assert {a["id"] for a in page.all("input")} <= labels


def test_the_limits_and_the_reading_are_said(pages):
    text = pages["index.html"].said
    for part in ("Salient deconvolutional networks", "Sanity checks", "99.5th percentile"):
        assert part in text
    assert "By image" in text
    assert "By layer" in text


def test_controls_stand_in_a_table_too(pages):
    text = pages["images/cat.html"].said
    assert "0.35 / −0.35" in text
    assert "undefined / undefined" in text
    assert "not computed" in text
    assert "1 of 3" in text


def test_a_layer_names_its_images_and_links_those_that_have_a_page(pages):
    page = pages["layers/two/01.html"]
    assert "../../images/cat.html" in page.links
    assert "silent: all zero" in page.said
    current = [a["href"] for a in page.all("a") if a.get("aria-current") == "page"]
    assert current == ["01.html"]


def test_without_training_there_is_no_page_of_it(figures, tmp_path):
    shutil.copytree(figures / "one", tmp_path / "one")
    pages = build(figures, tmp_path / "report/projections", strips=False, terms=False)
    assert "evolution.html" not in pages
    assert not any("evolution.html" in link for p in pages.values() for link in p.links)
    assert not any("ImageNet" in page.text for page in pages.values())


def test_without_images_or_channels_the_first_page_says_so(tmp_path):
    build_projection_pages(
        tmp_path / "projections",
        sheets=[],
        mosaics=[],
        strips=[],
        settings={"pages": PAGES, "imagenet_terms": False},
    )
    assert "No image was chosen" in Page(tmp_path / "projections/index.html").text


def test_pages_are_the_same_twice(figures, pages):
    before = contents(pages)
    assert contents(build(figures, figures / "report/projections")) == before


def test_a_missing_index_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="index of a folder of figures is missing"):
        build_projection_pages(
            tmp_path / "projections",
            sheets=[str(tmp_path / "gone")],
            mosaics=[],
            strips=[],
            settings={"pages": PAGES, "imagenet_terms": False},
        )
    assert list(tmp_path.iterdir()) == []


def test_pictures_too_large_for_webp_stay_png(tmp_path, monkeypatch):
    path = Path(tmp_path / "a.png")
    Image.new("RGB", (40, 8)).save(path)
    assert embedded(path).startswith("data:image/webp;base64,")
    monkeypatch.setattr(embedding, "WEBP_SIDE", 39)
    data = embedded(path).removeprefix("data:image/png;base64,")
    assert base64.b64decode(data) == path.read_bytes()
