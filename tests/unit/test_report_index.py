"""The first page of the report, built from a small experiment and read as HTML."""

import json

import numpy as np
import pandas as pd
import pytest

from convscope.errors import UserError
from convscope.hdf5 import create_maps, writing
from convscope.predictions.storage import write_parquet
from convscope.report.index import build_index
from html_pages import Page, check_links, check_self_contained, picture_of

HOSTILE = '<img src=x onerror="bad()">'
VARIANTS = {"normal": {"turns": 0}, "rotate_180": {"turns": 2}}


def draw(pixels, definition):
    return np.rot90(pixels, definition["turns"], (1, 2))


def make_rows(images, network, labelled=True):
    for image in images:
        for variant in VARIANTS:
            right = variant == "normal"
            yield {
                "image": image,
                "sample_set": "photographs",
                "label": "tabby" if labelled else None,
                "network": network,
                "variant": variant,
                "predicted": "tabby" if right else "a < b",
                "predicted_index": 1 if right else 0,
                "probability": 0.75,
                "label_probability": (0.75 if right else 0.25) if labelled else np.nan,
                "label_rank": (1 if right else 2) if labelled else None,
            }


def make_table(images):
    rows = [*make_rows(images, "one"), *make_rows(images, "two", labelled=False)]
    order = {name: place for place, name in enumerate(VARIANTS)}
    rows.sort(key=lambda r: (r["image"], order[r["variant"]], r["network"]))
    texts = dict.fromkeys(
        ["image", "sample_set", "label", "network", "variant", "predicted"], "string"
    )
    counts = {"predicted_index": "Int32", "label_rank": "Int32", "label_probability": "float64"}
    return pd.DataFrame(rows).astype({**texts, **counts})


@pytest.fixture
def settings(tmp_path):
    images = [HOSTILE, "cat_1", "cat_2"]
    write_parquet(make_table(images), tmp_path / "predictions" / "predictions.parquet")
    with writing(tmp_path / "images.h5", "images/1", {"ids": images}) as file:
        pixels = create_maps(file, "pixels", (3, 3, 224, 224), np.uint8)
        for place in range(3):
            pixels[place] = 0
            pixels[place, :, :112] = 250  # the upper half is bright
    checks = {}
    for name in ("one", "two"):
        checks[name] = str(tmp_path / f"{name}.json")
        summary = {
            "architecture": "vgg16",
            "classes": 2,
            "layers": 31,
            "notes": ["pools <globally>"],
            "parameters": 138357544,
            "weights_sha256": "ab" * 32,
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(summary))
    (tmp_path / "predictions" / "odd name#.csv").write_text("image\n")
    return {
        "experiment": "small",
        "images": 24,
        "predictions": str(tmp_path / "predictions" / "predictions.parquet"),
        "networks": [{"name": "one", "weights": "a file"}, {"name": "two", "weights": "a seed"}],
        "checks": checks,
        "sample_sets": [{"name": "photographs", "source": "images.tsv"}],
        "variants": [{"name": n, "definition": d} for n, d in VARIANTS.items()],
        "image_files": [{"path": str(tmp_path / "images.h5"), "sample_set": "photographs"}],
        "versions": {"torch": "2.0"},
        "downloads": [
            {"title": "all rows", "path": str(tmp_path / "predictions" / "odd name#.csv")}
        ],
        "pages": [{"title": "Overview", "href": "index.html"}],
        "imagenet_terms": True,
        "notes": ["a note with <b>tags</b>"],
    }


def build(tmp_path, settings):
    path = tmp_path / "report" / "index.html"
    build_index(path, settings, draw)
    return Page(path)


def test_every_image_and_variant_has_its_picture(tmp_path, settings):
    page = build(tmp_path, settings)
    pictures = page.all("img")
    assert [p["alt"] for p in pictures] == [
        f"{image}, {title}"
        for image in (HOSTILE, "cat_1", "cat_2")
        for title in ("normal", "rotated 180°")
    ]
    for picture in pictures:
        shown = np.asarray(picture_of(picture).convert("L"))
        upper_is_bright = shown[:60].mean() > shown[-60:].mean()
        assert upper_is_bright == picture["alt"].endswith("normal")


def test_what_was_run_is_said(tmp_path, settings):
    text = build(tmp_path, settings).said
    assert "2 networks looked at 3 images under 2 variants: normal, rotated 180°." in text
    for part in ("vgg16", "a file", "a seed", "ab" * 32, "138 357 544", "images.tsv"):
        assert part in text
    assert "torch 2.0" in text
    assert "pools <globally>" in text
    assert "3/3 100 %" in text
    assert "0/3 0 %" in text


def test_verdicts_are_words_and_signs_for_labelled_networks_only(tmp_path, settings):
    marks = [a.get("aria-label") for a in build(tmp_path, settings).all("span")]
    assert marks.count("equal to the label") == 3
    assert marks.count("not the label") == 3


def test_nothing_of_the_user_becomes_markup(tmp_path, settings):
    page = build(tmp_path, settings)
    assert not [a for _, a in page.tags if "onerror" in a]
    assert HOSTILE in page.text
    assert "a note with <b>tags</b>" in page.text
    assert page.all("b") == []


def test_links_are_local_files_that_exist_anchors_or_the_terms(tmp_path, settings):
    page = build(tmp_path, settings)
    assert "https://www.image-net.org/download.php" in page.links
    check_links({"index.html": page})
    check_self_contained({"index.html": page})


def test_terms_stand_only_where_they_apply(tmp_path, settings):
    settings["imagenet_terms"] = False
    assert "ImageNet" not in build(tmp_path, settings).text


def test_fewer_images_are_said_and_how_to_show_more(tmp_path, settings):
    settings["images"] = 2
    page = build(tmp_path, settings)
    text = page.said
    assert len(page.all("img")) == 4
    assert "2 of 3 images shown" in text
    assert "set images under report" in text
    assert "cat_2" not in text
    assert "3/3 100 %" in text  # the summary still counts all


def test_all_images_shown_needs_no_remark(tmp_path, settings):
    assert "images shown" not in build(tmp_path, settings).text


def test_tables_have_captions_and_scoped_headers(tmp_path, settings):
    page = build(tmp_path, settings)
    assert len(page.all("table")) == len(page.all("caption")) == 4
    assert all("scope" in a for a in page.all("th"))


def test_a_missing_download_is_refused(tmp_path, settings):
    settings["downloads"][0]["path"] = str(tmp_path / "gone.csv")
    with pytest.raises(UserError, match=r"gone\.csv: the report links to this file"):
        build(tmp_path, settings)
    assert not (tmp_path / "report").exists()


def test_the_page_is_the_same_twice(tmp_path, settings):
    build(tmp_path, settings)
    first = (tmp_path / "report" / "index.html").read_bytes()
    build(tmp_path, settings)
    assert (tmp_path / "report" / "index.html").read_bytes() == first
