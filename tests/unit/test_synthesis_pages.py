"""The pages of maximised classes and inverted layers, built from small files and read as HTML."""

import re

import pandas as pd
import pytest

from convscope.errors import UserError
from convscope.predictions.storage import write_csv, write_parquet
from convscope.report.inversion import build_inversion_pages
from convscope.report.maximisation import build_maximisation_pages
from convscope.synthesis.figures.files import (
    draw_inversions,
    draw_maximisation,
    draw_networks_of_classes,
)
from convscope.synthesis.figures.inversion_table import inversion_table
from convscope.synthesis.figures.table import summary_rows, summary_table
from convscope.synthesis.storage import read_inversion, read_maximisation
from convscope.synthesis.transfer import Transfer
from html_pages import check_links, check_self_contained, contents, pages_in
from synthesis_files import write_inversion, write_maximisation

HOSTILE = "<i>net</i> & 'co'"
NETWORKS = ("plain", HOSTILE)
PAGES = [
    {"title": "Overview", "href": "index.html"},
    {"title": "Maximised classes", "href": "maximisation/index.html"},
    {"title": "Inverted layers", "href": "inversion/index.html"},
]
JUDGED = [
    Transfer("ladder_a", 0, "judge", "crane", 0.53, 0.0002),
    Transfer("ladder_a", 1, "judge", "flamingo", 0.75, 0.75),
    Transfer("ladder_e", 0, "judge", "flamingo", 0.97, 0.97),
]
CLASS = "classes/n02007558.html"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with figures and tables of two networks."""
    place = tmp_path_factory.mktemp("results") / "odd name#"
    (place / "report").mkdir(parents=True)
    (place / "report/index.html").write_text("the first page")
    write_maximisation(place / "m.h5")
    write_inversion(place / "i.h5")
    entries = [{"network": n, "path": place / "m.h5", "transfers": JUDGED} for n in NETWORKS]
    for number, network in enumerate(NETWORKS):
        draw_maximisation(place / f"m{number}", network, place / "m.h5", JUDGED)
        draw_inversions(place / f"i{number}", network, place / "i.h5")
    draw_networks_of_classes(place / "together", entries)
    files = [(n, read_maximisation(place / "m.h5")) for n in NETWORKS]
    table = summary_table(summary_rows(files, {(n, 3): JUDGED for n in NETWORKS}))
    errors = inversion_table([(n, "set", read_inversion(place / "i.h5")) for n in NETWORKS])
    for name, found in (("maximisation", table), ("inversion", errors)):
        write_parquet(found, place / f"{name}.parquet")
        write_csv(found, place / f"{name}.csv")
    return place


def build(made, output, *, together=True, count=2, download="maximisation.csv", terms=True):
    """Build both kinds of pages beside each other; return them by their place."""
    settings = {"pages": PAGES, "imagenet_terms": terms}
    build_maximisation_pages(
        output / "maximisation",
        figures=[made / f"m{number}" for number in range(count)],
        together=made / "together" if together else None,
        table=made / "maximisation.parquet",
        downloads=[{"title": "Table", "path": str(made / download)}],
        settings={"pages": PAGES},
    )
    build_inversion_pages(
        output / "inversion",
        figures=[made / f"i{number}" for number in range(count)],
        table=made / "inversion.parquet",
        downloads=[{"title": "Table", "path": str(made / "inversion.csv")}],
        settings=settings,
    )
    kinds = "maximisation", "inversion"
    return {f"{k}/{name}": p for k in kinds for name, p in pages_in(output / k).items()}


@pytest.fixture(scope="module")
def pages(made):
    return build(made, made / "report")


def cells(page, words):
    """Return the cells of each table row that begins with these words."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', page.html, re.S)
    found = [re.findall(r"<td[^>]*>\s*(.*?)\s*</td>", row, re.S) for row in rows]
    return [own for row, own in zip(rows, found, strict=True) if row.startswith(words)]


def test_there_is_a_page_for_every_class_and_image(pages):
    assert set(pages) == {
        "maximisation/index.html",
        f"maximisation/{CLASS}",
        "inversion/index.html",
        "inversion/images/cat.html",
        "inversion/images/dog.html",
    }


def test_every_link_leads_somewhere(pages):
    check_links(pages)
    own = pages[f"maximisation/{CLASS}"].links
    assert sum(link.endswith("course.png") for link in own) == len(NETWORKS) * 2


def test_pages_are_self_contained_and_described(pages):
    check_self_contained(pages)
    assert all(page.all("i") == [] for page in pages.values())
    assert HOSTILE in pages["maximisation/index.html"].text
    assert HOSTILE in pages["inversion/index.html"].text


def test_a_class_shows_networks_side_by_side_ladders_and_curves(pages):
    page = pages[f"maximisation/{CLASS}"]
    alts = [a["alt"] for a in page.all("img")]
    assert [alt for alt in alts if "in each network" in alt] == [
        f"flamingo in each network, seed {seed}" for seed in (0, 1)
    ]
    for network in NETWORKS:
        assert sum(alt.startswith(f"The ladder of flamingo in {network}") for alt in alts) == 2
        assert sum(network in alt and "by step" in alt for alt in alts) == 2


def test_the_curves_of_every_ladder_tell_their_values(pages, made):
    values = pages[f"maximisation/{CLASS}"].data
    assert set(values) == {f"curves-{n}-{s}" for n in (1, 2) for s in (1, 2)}
    score, chance = values["curves-1-2"]["plots"]
    assert (score["unit"], chance["name"]) == ("step", "probability of the class: step")
    own = read_maximisation(made / "m.h5")
    line = next(line for line in chance["lines"] if line["name"] == "(e) L2, blur 1.5 px")
    row = own.place("ladder_e", 1)
    assert line["amounts"] == [0, 1, 2, 3, 4, 5]
    assert line["values"] == pytest.approx(own.probability[row].tolist(), rel=1e-3)
    # The last row was stopped at step 2.
    assert chance["lines"][-1]["values"][2:] == [None] * 4


def test_the_transfer_is_summed_up_by_network_and_preset(pages):
    first = cells(pages["maximisation/index.html"], "plain")
    assert [row[0] for row in first[:2]] == ["(a) nothing", "(e) L2, blur 1.5 px"]
    # Two seeds: one of ladder_a's two pictures is named by the judge; of ladder_e's one was judged.
    assert first[0][1] == "2 of 2"
    assert (first[0][3], first[0][4]) == ("1 of 2", "0.375")
    assert (first[1][3], first[1][4]) == ("1 of 1", "0.970")
    assert first[2][3:5] == ["–", "–"]


def test_each_picture_stands_with_what_every_network_says(pages):
    page = pages[f"maximisation/{CLASS}"]
    rows = cells(page, "plain")
    assert len(rows) == 8
    assert "crane" in rows[0][-1]
    assert "&lt; 0.001" in rows[0][-1]
    assert "mark wrong" in rows[0][-1]
    assert "crane" not in rows[1][-1]
    assert "mark right" in rows[1][-1]
    assert "no other network" in rows[-1][-1]
    assert "stopped at step 2" in rows[-1][0]


def test_errors_stand_beside_their_control(pages, made):
    table = pd.read_parquet(made / "inversion.parquet")
    chosen = table[(table["network"] == "plain") & (table["layer"] == "features.1")]
    prior = chosen[chosen["preset"] == "published_prior"]
    row = cells(pages["inversion/index.html"], "conv1")[0]
    assert row[0] == f"{prior['e1'].mean():.3f}"
    assert row[1] == f"{prior['e2'].mean():.3f}"
    assert row[-1] == f"{chosen['control_e2'].mean():.3f}"
    one = cells(pages["inversion/images/dog.html"], "conv1")[0]
    assert one[1] == f"{prior.loc[prior['image'] == 'dog', 'e2'].item():.3f}"
    assert "with the published prior" in pages["inversion/index.html"].said
    assert [a for a in pages["inversion/images/dog.html"].all("a") if a.get("rel") == "prev"]


def test_an_error_that_reaches_its_control_is_marked(made, tmp_path):
    table = pd.read_parquet(made / "inversion.parquet")
    table.loc[table["layer"] == "features.2", "e2"] = 9.0
    write_parquet(table, tmp_path / "i.parquet")
    build_inversion_pages(
        tmp_path / "inversion",
        figures=[made / "i0"],
        table=tmp_path / "i.parquet",
        downloads=[],
        settings={"pages": PAGES, "imagenet_terms": False},
    )
    text = (tmp_path / "inversion/index.html").read_text()
    assert text.count('number mark wrong">9.000') == 2 * 2


def test_what_pictures_cannot_show_is_said(pages):
    classes = pages["maximisation/index.html"].said
    for words in (
        "does not make a picture of the class",
        "was in part put there",
        "They can't show what the network uses in a given photograph",
        "share blind spots",
    ):
        assert words in classes, words
    layers = pages["inversion/index.html"].said
    for words in (
        "A small error alone proves little",
        "the code and the prior together",
        "need not be lost",
        "not what the network uses",
        "over the mean distance between the codes of the run's images",
    ):
        assert words in layers, words


def test_terms_stand_where_photographs_are_shown_and_only_there(pages, made, tmp_path):
    for name, page in pages.items():
        assert ("ImageNet's terms" in page.said) == name.startswith("inversion/")
    free = build(made, tmp_path / "report", terms=False)
    assert not any("ImageNet's terms" in page.said for page in free.values())


def test_one_network_alone_stands_beside_nobody(made, tmp_path):
    page = build(made, tmp_path / "report", together=False, count=1)[f"maximisation/{CLASS}"]
    assert "side by side" not in page.said


def test_pages_are_the_same_twice(made, pages):
    before = contents(pages)
    assert contents(build(made, made / "report")) == before


def test_a_missing_file_is_refused_and_leaves_nothing(made, tmp_path):
    with pytest.raises(UserError, match=r"gone.csv: the report links to this file"):
        build(made, tmp_path, download="gone.csv")
    assert list(tmp_path.iterdir()) == []
