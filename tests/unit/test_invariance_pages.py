"""The pages of invariance, built from small measures and read as HTML."""

import json
import re

import pandas as pd
import pytest
import torch

from convscope.errors import UserError
from convscope.images.store import read_images, writing_images
from convscope.invariance.correspondence_table import tabulate_correspondence
from convscope.invariance.figure_files import draw_figures
from convscope.invariance.gather import gather_curves
from convscope.invariance.summary import summarise_invariance
from convscope.invariance.transforms import Transform
from convscope.predictions.storage import write_csv, write_parquet
from convscope.report.invariance import build_invariance_pages
from correspondence_toys import pairs_file
from html_pages import check_links, check_self_contained, contents, pages_in
from invariance_toys import MEAN, noise_batch, toy_network, write_file

NAMES = ["ant", "bee", "cat", "dog", "elk"]
TRANSFORMS = [Transform("rotation", (0.0, 90.0, 180.0)), Transform("scale", (1.0, 1.25))]
HOSTILE = "<i>net</i> & 'co'"
SETS = ("noise", "odd set#")
PAGES = [
    {"title": "Overview", "href": "index.html"},
    {"title": "Invariance", "href": "invariance/index.html"},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with figures, tables and correspondence of two networks and two sets."""
    place = tmp_path_factory.mktemp("results") / "odd name#"
    place.mkdir()
    files = []
    for number, sample_set in enumerate(SETS):
        path = place / f"images_{number}.h5"
        with writing_images(path, [f"{number}_a", f"{number}_b"], {}, {}) as writer:
            for image in noise_batch(2, side=224, seed=number).pixels:
                writer.add(image, "0" * 64)
        for seed, network in enumerate(("plain", HOSTILE)):
            found = place / f"{seed}_{number}.h5"
            network_of_seed = toy_network(torch.float32, seed)
            write_file(found, network_of_seed, read_images(path), [None, 1], TRANSFORMS)
            files.append(
                {"path": str(found), "images": str(path), "network": network}
                | {"sample_set": sample_set}
            )
    draw_figures(
        place / "figures",
        files,
        means=dict.fromkeys(("plain", HOSTILE), MEAN),
        class_names=dict.fromkeys(("plain", HOSTILE), NAMES),
    )
    summary = summarise_invariance(gather_curves(files))
    write_parquet(summary, place / "summary.parquet")
    write_csv(summary, place / "summary.csv")
    pairs = {name: pairs_file(place / f"{k}.parquet") for k, name in enumerate(("plain", HOSTILE))}
    write_parquet(tabulate_correspondence(pairs)[1], place / "correspondence.parquet")
    return place


def build(made, output, *, correspondence=True, terms=True, downloads=("summary.csv",)):
    build_invariance_pages(
        output,
        figures=made / "figures",
        summary=made / "summary.parquet",
        correspondence=made / "correspondence.parquet" if correspondence else None,
        downloads=[{"title": "Summary", "path": str(made / name)} for name in downloads],
        settings={
            "networks": [
                {"name": "plain", "weights": "a <file>"},
                {"name": HOSTILE, "weights": "random, seed 0"},
            ],
            "pages": PAGES,
            "imagenet_terms": terms,
            "notes": ["Boxes fit one preprocessing."],
        },
    )
    return pages_in(output)


@pytest.fixture(scope="module")
def pages(made):
    (made / "report").mkdir()
    (made / "report/index.html").write_text("the first page")
    return build(made, made / "report/invariance")


def test_there_is_a_page_for_every_network_and_set(pages):
    assert len(pages) == 1 + 2 * 2
    assert {"index.html", "noise/plain.html"} < set(pages)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?", name) for name in pages)


def test_every_link_leads_somewhere(pages):
    check_links(pages)


def test_nothing_of_a_name_becomes_markup(pages):
    for page in pages.values():
        assert page.all("i") == []
    assert HOSTILE in pages["index.html"].text
    assert "a <file>" in pages["index.html"].text


def test_the_values_of_every_figure_are_in_the_page(pages, made):
    index = json.loads((made / "figures/index.json").read_text())
    drawn = {name: page.data for name, page in pages.items()}
    assert set(drawn["index.html"]) == {"curves-1", "curves-2"}
    assert set(drawn["noise/plain.html"]) == {"panel", "summary"}
    network = index["sample_sets"][0]["networks"][0]
    for kind in ("panel", "summary"):
        shown = drawn["noise/plain.html"][kind]
        assert (shown["width"], shown["height"]) == (
            network[kind]["width"],
            network[kind]["height"],
        )
        for plot, source in zip(shown["plots"], network[kind]["plots"], strict=True):
            assert plot["lines"] == source["lines"]
            assert plot["unit"]
            assert plot["name"].split(": ")[0]
    for page in pages.values():
        targets = {a["data-curves"] for a in page.all("div") if "data-curves" in a}
        assert targets == set(page.data)


def test_plots_without_labels_take_those_of_their_column_and_row(pages):
    names = [plot["name"] for plot in pages["noise/plain.html"].data["panel"]["plots"]]
    assert any(name.startswith("Probability of the true class: factor") for name in names)
    assert any(name.startswith("Top layer: relu3: degrees") for name in names)
    assert len(set(names)) == len(names)


def test_networks_are_ranked_as_the_summary_says(pages, made):
    summary = pd.read_parquet(made / "summary.parquet")
    chosen = (summary["sample_set"] == "noise") & (summary["transform"] == "rotation")
    top = summary[chosen & (summary["role"] == "top")]
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", pages["index.html"].html, re.S)
    # Networks by transform and set; parts by kind of sign.
    assert len(rows) == 2 * 2 * 2 + 3 * 2
    for row, found in zip(rows, top.to_dict("records"), strict=False):
        cells = re.findall(r'<td class="number[^"]*">\s*(.*?)</td>', row, re.S)
        assert f"{found['mean_relative_distance']:.3f}" in cells[2]
        assert cells[3] == f"{100 * found['share_of_reference']:.0f} %"
        assert cells[4] == f"{found['clean_right']} of {found['labelled']}"
        assert cells[5] == f"{found['clean_classes']} of 2"
        assert ("mark wrong" in row) == (found["clean_classes"] == 1)
        assert cells[7] == f"{100 * found['share_held']:.0f} %"
        assert cells[8:] == [str(found["rank_area"]), str(found["rank_share_held"])]


def test_blindness_is_told_from_invariance(pages):
    text = pages["index.html"].said
    assert "can't tell images apart looks “more invariant”" in text
    assert "random weights" in text
    assert "of unrelated" in text
    assert "says the same of every image" in text
    assert "random, seed 0" in text


def test_correspondence_is_shown_with_its_spread(pages, made):
    text = pages["index.html"].said
    for words in ("right eye", "random", "three signs", "two signs", "Boxes fit one", "± 0."):
        assert words in text
    without = build(made, made / "report/alone", correspondence=False)
    assert "Correspondence" not in without["index.html"].text


def test_terms_stand_where_imagenet_is_shown(made):
    found = build(made, made / "report/free", terms=False)
    assert not any("ImageNet" in page.text for page in found.values())


def test_pages_are_self_contained_and_described(pages):
    check_self_contained(pages)
    assert all("ImageNet's terms of access" in page.said for page in pages.values())


def test_pages_are_the_same_twice(made, pages):
    before = contents(pages)
    assert contents(build(made, made / "report/invariance")) == before


def test_a_missing_file_is_refused_and_leaves_nothing(made, tmp_path):
    with pytest.raises(UserError, match=r"gone.csv: the report links to this file"):
        build(made, tmp_path / "invariance", downloads=["gone.csv"])
    assert list(tmp_path.iterdir()) == []
