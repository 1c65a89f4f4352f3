"""The report's layout: rows image x method, two columns a network, published figures beside."""

import re

import pandas as pd
import pytest

from convscope.predictions.layout import Column, lay_out
from convscope.predictions.published import read_published
from convscope.predictions.rendering import as_html, as_markdown
from convscope.predictions.titles import variant_title

ARCHITECTURES = {"mine": "vgg16", "other": "alexnet"}
TABBY, GERMAN_SHEPHERD = "tabby", "German shepherd"


def make_table(rows):
    names = ["image", "label", "network", "variant", "predicted", "probability", "label_rank"]
    table = pd.DataFrame(rows, columns=names)
    kinds = {name: "string" for name in names if name not in ("probability", "label_rank")}
    return table.assign(sample_set="photographs").astype({**kinds, "label_rank": "Int32"})


def laid_out(rows, networks=("mine", "other"), architectures=ARCHITECTURES):
    return lay_out(
        make_table(rows),
        networks=networks,
        architectures=architectures,
        published=read_published(),
    )


CAT_ROWS = [
    ("cat_1", TABBY, "mine", "normal", TABBY, 0.48767, 1),
    ("cat_1", None, "other", "normal", "square", 0.25, None),
    ("cat_1", TABBY, "mine", "rotate_180", "otter", 0.5, 4),
    ("cat_1", TABBY, "mine", "centre_occlusion", "Egyptian cat", 0.123, 2),
    ("cat_2", None, "mine", "normal", "mat", 1.0, None),
]


def test_published_figures_are_all_there():
    figures = read_published()
    assert len({(f.method, f.probability, f.predicted) for f in figures.values()}) == 32
    by_hand = {
        ("vgg16", TABBY, "normal"): (0.4848, "tabby"),
        ("vgg19", TABBY, "rotate_90_clockwise"): (0.6875, "tabby"),
        ("vgg16", "ostrich", "rotate_90_anticlockwise"): (0.2031, "siamang"),
        ("vgg19", "baboon", "rotate_180"): (0.6981, "ostrich"),
        ("vgg19", GERMAN_SHEPHERD, "centre_occlusion"): (0.2836, "German shepherd"),
        ("vgg16", "Egyptian cat", "corner_occlusion"): (0.4861, "Egyptian cat"),
    }
    for key, expected in by_hand.items():
        assert (figures[key].probability, figures[key].predicted) == expected
    assert ("alexnet", TABBY, "normal") not in figures


@pytest.mark.parametrize("published", sorted({f.method for f in read_published().values()}))
def test_every_published_method_has_a_variant_of_the_same_title(published):
    variants = {key[2] for key, f in read_published().items() if f.method == published}
    assert {variant_title(v) for v in variants} == {
        re.sub(r"(180°) (anti)?clockwise", r"\1", published)
    }


def test_other_variants_read_as_words():
    assert variant_title("tilted_by_30") == "tilted by 30"


def test_rows_are_image_by_method_and_columns_by_network():
    layout = laid_out(CAT_ROWS)
    assert layout.columns == (Column("mine", False), Column("mine", True), Column("other", False))
    assert [(g.image, g.label, [r.method for r in g.rows]) for g in layout.images] == [
        ("cat_1", TABBY, ["normal", "rotated 180°", "centre occlusion"]),
        ("cat_2", "", ["normal"]),
    ]
    ours, published, other = layout.images[0].rows[0].cells
    assert (ours.probability, ours.predicted, ours.is_label) == ("0.4877", TABBY, True)
    assert (published.probability, published.predicted) == ("0.4848", TABBY)
    assert not published.is_label
    assert (other.predicted, other.is_label) == ("square", False)


def test_figures_stand_only_where_animal_and_method_are_the_same():
    rows = laid_out(CAT_ROWS).images[0].rows
    assert rows[1].cells[1] is None  # the report has no cat upside down
    assert rows[2].cells[1].probability == "0.2347"
    assert rows[1].cells[2] is None  # the other network did not see it
    assert laid_out(CAT_ROWS).images[1].rows[0].cells[1] is None


def test_other_architectures_get_no_published_columns():
    layout = laid_out(CAT_ROWS, architectures={"mine": "vgg16_bn", "other": "alexnet"})
    assert not any(column.published for column in layout.columns)
    assert "ublished" not in as_html(layout) + as_markdown(layout)


def test_html_has_two_columns_a_network_and_marks_hits_not_by_colour_alone():
    html = as_html(laid_out(CAT_ROWS))
    assert html.count("<tbody>") == 2
    assert html.count('scope="colgroup" colspan="2"') == 3
    assert html.count('<span class="mark"') == 1
    assert re.search(r'<td class="hit">.*✓</span> tabby</td>', html)
    assert "published (other photograph)" in html
    for body in html.split("<tbody>")[1:]:
        for line in body.split("<tr>")[2:]:
            assert line.count("<td") == 6


def test_names_are_escaped_in_html():
    hostile = '"><script>alert(1)</script>&amp;'
    html = as_html(laid_out([(hostile, hostile, "mine", hostile, hostile, 0.5, 1)], ("mine",)))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 4


def test_markdown_has_one_line_a_row_with_equal_fields():
    text = as_markdown(
        laid_out([*CAT_ROWS, ("a|b\n<i>*", None, "mine", "normal", "c_d", 0.5, None)])
    )
    lines = text.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 5
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {10}
    assert table[0].count("published (other photograph)") == 1
    assert "| cat\\_1 | tabby | normal | 0.4877 | ✓ tabby | 0.4848 | tabby |" in table[2]
    assert "a\\|b \\<i\\>\\* |" in table[-1]
    assert "✓ marks" in lines[-1]


def test_the_layout_of_one_sample_set_after_another_keeps_equal_ids_apart():
    table = make_table([CAT_ROWS[0], CAT_ROWS[0]])
    table["sample_set"] = ["photographs", "extra"]
    layout = lay_out(table, networks=["mine"], architectures=ARCHITECTURES, published={})
    assert [group.sample_set for group in layout.images] == ["photographs", "extra"]
