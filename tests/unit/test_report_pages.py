"""Pages: self-contained, escaped, navigable; which images they show; small pictures."""

import base64
import io
import re
from importlib import import_module
from pathlib import Path

import jinja2
import numpy as np
import pytest
from PIL import Image

from convscope.hdf5 import create_maps, writing
from convscope.report import pages
from convscope.report.pages import write_page
from convscope.report.pictures import read_pixels, thumbnail
from convscope.report.selection import select, shares
from convscope.report.templates import environment
from html_pages import Page

NAVIGATION = [{"title": "Overview", "href": "index.html"}, {"title": "A & B", "href": "b.html"}]


def page(path, title="Title", template="base.html.j2", context=None):
    write_page(path, title=title, template=template, context=context or {}, navigation=NAVIGATION)
    return Page(path)


def test_a_page_is_self_contained_and_accessible(tmp_path):
    shown = page(tmp_path / "index.html")
    html, tags = shown.html, shown.tags
    assert ("html", {"lang": "en"}) in tags
    assert [a for t, a in tags if t == "meta" and a.get("name") == "viewport"]
    loaded = [a.get("src") or a.get("href") for t, a in tags if t in ("link", "script", "img")]
    assert [address for address in loaded if address] == ["data:,"]
    assert "@import" not in html
    assert "url(" not in html
    skip = next(a for t, a in tags if t == "a" and a.get("class") == "skip")
    assert skip["href"] == "#content"
    assert [a for t, a in tags if a.get("id") == "content"]
    assert "prefers-color-scheme: dark" in html


def test_navigation_marks_the_page_itself(tmp_path):
    shown = page(tmp_path / "b.html")
    current = [a["href"] for a in shown.all("a") if a.get("aria-current") == "page"]
    assert current == ["b.html"]
    assert "A &amp; B" in shown.html


def test_titles_are_escaped(tmp_path):
    html = page(tmp_path / "index.html", title="</title><script>bad()</script>").html
    assert "bad()</script>" not in html
    assert "&lt;script&gt;bad()" in html


def test_a_missing_name_is_an_error_and_leaves_no_file(tmp_path):
    with pytest.raises(jinja2.UndefinedError):
        page(tmp_path / "index.html", template="index.html.j2")
    assert list(tmp_path.iterdir()) == []


def test_every_template_escapes(tmp_path):
    (tmp_path / "one.html.j2").write_text("<p title='{{ x }}'>{{ x }}</p>")
    text = environment(str(tmp_path / "module.py")).get_template("one.html.j2").render(x="<'\">&")
    assert text == "<p title='&lt;&#39;&#34;&gt;&amp;'>&lt;&#39;&#34;&gt;&amp;</p>"


@pytest.mark.parametrize(
    "module", ["index", "projections", "occlusion", "invariance", "maximisation", "inversion"]
)
def test_all_templates_of_a_page_count_for_its_code(module):
    templates = import_module(f"convscope.report.{module}").DATA_FILES + pages.DATA_FILES
    for name in templates:
        text = Path(pages.__file__).with_name(name).read_text(encoding="utf-8")
        assert {*re.findall(r'{% (?:extends|import) "(.+?)"', text)} <= {*templates}, name


def test_pages_are_the_same_twice(tmp_path):
    assert page(tmp_path / "index.html").html == page(tmp_path / "index.html").html


@pytest.mark.parametrize(
    ("counts", "limit", "expected"),
    [
        ({"a": 7, "b": 300}, 24, {"a": 7, "b": 17}),
        ({"a": 300, "b": 300, "c": 300}, 8, {"a": 3, "b": 3, "c": 2}),
        ({"a": 2, "b": 1}, 24, {"a": 2, "b": 1}),
        ({"a": 2, "b": 1}, 0, {"a": 0, "b": 0}),
        ({"a": 2, "b": 9}, 1, {"a": 1, "b": 0}),
        ({"a": 0, "b": 3}, 2, {"a": 0, "b": 2}),
        ({}, 5, {}),
    ],
)
def test_places_are_shared_in_turn(counts, limit, expected):
    assert shares(counts, limit) == expected


def test_members_are_evenly_spaced_and_distinct():
    members = [f"{i:03d}" for i in range(50)]
    chosen = select({"a": members}, 12)["a"]
    places = [members.index(name) for name in chosen]
    assert places[0] == 0
    assert set(np.diff(places).tolist()) == {4, 5}
    assert select({"a": members}, 99)["a"] == members


def test_a_thumbnail_shows_the_picture_upright():
    pixels = np.zeros((3, 224, 224), np.uint8)
    pixels[0, :112] = 255  # upper half red
    pixels[2, :, :112] = 255  # left half with blue
    address = thumbnail(pixels)
    assert address == thumbnail(pixels)
    kind, data = address.split(",")
    assert kind == "data:image/webp;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    assert picture.size == (160, 160)
    shown = np.asarray(picture).astype(int)
    for row, column, colour in (
        (20, 20, (255, 0, 255)),
        (20, 140, (255, 0, 0)),
        (140, 20, (0, 0, 255)),
    ):
        assert np.abs(shown[row, column] - colour).max() < 12


def write_images(path, ids, value):
    with writing(path, "images/1", {"ids": ids}) as file:
        pixels = create_maps(file, "pixels", (len(ids), 3, 8, 8), np.uint8)
        for place in range(len(ids)):
            pixels[place] = value + place
    return str(path)


def test_pixels_are_those_of_the_first_file_with_the_image(tmp_path):
    files = [
        {"path": write_images(tmp_path / "1.h5", ["a", "b"], 10), "sample_set": "s"},
        {"path": write_images(tmp_path / "2.h5", ["b", "c"], 20), "sample_set": "s"},
        {"path": write_images(tmp_path / "3.h5", ["a"], 30), "sample_set": "t"},
    ]
    found = read_pixels(files, [("s", "b"), ("s", "c"), ("t", "a")])
    assert {key: pixels.max() for key, pixels in found.items()} == {
        ("s", "b"): 11,
        ("s", "c"): 21,
        ("t", "a"): 30,
    }
    with pytest.raises(ValueError, match=re.escape("[('t', 'b')]")):
        read_pixels(files, [("t", "b")])
