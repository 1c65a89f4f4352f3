"""The figures show the numbers that were measured, and are the same bytes every time."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection
from PIL import Image

from convscope.figures.plots import COLOURS, GREY, colours_of, write_figure
from convscope.invariance.bands import mean_with_band
from convscope.invariance.examples import FRAME, contact_sheet, example_amounts
from convscope.invariance.gather import NetworkCurves
from convscope.invariance.overview import draw_networks, draw_summary
from convscope.invariance.panel import draw_panel
from convscope.invariance.transforms import Transform
from convscope.variants.draw import draw_variant
from invariance_toys import MEAN, made_up, noise_batch

TRANSFORMS = (
    Transform("vertical_translation", (-40.0, -20.0, 0.0, 20.0, 40.0)),
    Transform("horizontal_translation", (-40.0, 0.0, 40.0)),
    Transform("scale", (0.8, 1.0, 1.2, 1.4)),
    Transform("rotation", tuple(float(angle) for angle in range(0, 361, 30))),
)
NAMES = ["ant", "bee", "cat", "dog", "elk"]
COUNT = 9


@pytest.fixture(scope="module")
def curves():
    generator = np.random.default_rng(1)
    shapes = [(COUNT, len(transform.amounts)) for transform in TRANSFORMS]
    predicted = [generator.integers(0, 2, shape).astype(np.int32) for shape in shapes]
    return NetworkCurves("toy", "set", made_up(COUNT, TRANSFORMS, predicted))


@pytest.fixture(scope="module")
def pixels():
    return list(noise_batch(5, side=224).pixels)


def panel_of(curves, pixels, images=(2, 0, 5), **options):
    return draw_panel(
        curves,
        images=[f"image_{place}" for place in images],
        pixels=pixels[: len(images)],
        mean_rgb=MEAN,
        class_names=NAMES,
        **options,
    )


def curves_in(axes, amounts):
    """Return the ordinates of all lines over the amounts."""
    drawn = [line for line in axes.lines if len(line.get_xdata()) == len(amounts)]
    return [line.get_ydata() for line in drawn if np.array_equal(line.get_xdata(), amounts)]


def test_the_panel_has_the_rows_and_columns_of_the_paper(curves, pixels):
    figure = panel_of(curves, pixels)
    texts = [text.get_text() for text in figure.texts]
    assert [t for t in texts if t in ("Vertical translation", "Scale", "Rotation")] == [
        "Vertical translation",
        "Scale",
        "Rotation",
    ]
    assert "Horizontal translation" not in texts
    axes = figure.axes
    assert len(axes) == 3 * 5  # examples, bottom, top, probability and its bars
    titles = [a.get_title() for a in axes[:5]]
    assert titles == [
        "",
        "Bottom layer: relu1_1",
        "Top layer: relu3",
        "Probability of the true class",
        "",
    ]
    measured = {found.transform.name: found for found in curves.measured.curves}
    for row, name in enumerate(("vertical_translation", "scale", "rotation")):
        found = measured[name]
        for column in (1, 2):
            lines = curves_in(axes[5 * row + column], found.transform.amounts)
            expected = found.relative_distance[[2, 0, 5], :, column - 1]
            assert np.array_equal(lines, expected)
            reference = axes[5 * row + column].lines[-1]
            assert (reference.get_color(), reference.get_ydata()[0]) == (GREY, float(column))
        lines = curves_in(axes[5 * row + 3], found.transform.amounts)
        assert np.array_equal(lines, found.probability[[2, 0, 5]])
    assert len(figure.legends[0].get_texts()) == 3


def test_bars_and_crosses_mark_where_the_class_changes(curves, pixels):
    predicted = curves.measured.curves[3].predicted
    predicted[4] = [0, 0, 1, 1, 0, 0, 0, 2, 2, 2, 2, 2, 0]
    figure = panel_of(curves, pixels, images=(4,), transforms=["rotation"])
    probability, bars = figure.axes[3:]
    paths = bars.collections[0].get_paths()
    found = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in paths]
    edges = sorted({edge for pair in found for edge in pair})
    covered = [any(low <= angle <= high for low, high in found) for angle in TRANSFORMS[3].amounts]
    assert covered == (predicted[4] == 0).tolist()
    assert {45.0, 105.0, 195.0, 345.0} <= set(edges)
    crosses = [line.get_xdata() for line in probability.lines if line.get_marker() == "X"]
    assert [list(cross) for cross in crosses if len(cross)] == [[60.0]]


def test_any_quantity_and_rows(curves, pixels):
    figure = panel_of(
        curves, pixels, transforms=["horizontal_translation"], quantity="cosine_similarity"
    )
    found = curves.measured.curves[1]
    lines = curves_in(figure.axes[1], found.transform.amounts)
    assert np.array_equal(lines, found.cosine_similarity[[2, 0, 5], :, 0])
    assert figure.axes[1].get_ylabel() == "cosine similarity"


def test_an_image_without_a_label_shows_its_own_class(curves, pixels):
    measured = curves.measured
    unlabelled = tuple(
        replace(c, label_probability=np.full_like(c.label_probability, np.nan))
        for c in measured.curves
    )
    measured = replace(measured, curves=unlabelled, labels=(None,) * COUNT)
    figure = panel_of(replace(curves, measured=measured), pixels)
    assert figure.axes[3].lines[0].get_ydata().tolist() == [0.5] * 5
    assert "no label; own class ant" in figure.legends[0].get_texts()[0].get_text()


def test_one_layer_makes_one_column_of_distances(curves, pixels):
    layer = {**curves.measured.layers[1], "role": "top"}
    figure = panel_of(replace(curves, measured=replace(curves.measured, layers=(layer,))), pixels)
    assert len(figure.axes) == 3 * 4


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"images": ()}, "1 to 7 images"),
        ({"images": tuple(range(8))}, "1 to 7 images"),
        ({"transforms": ["shear"]}, "shear"),
        ({"quantity": "angle"}, "angle"),
    ],
)
def test_a_panel_of_something_else_is_refused(curves, pixels, options, word):
    with pytest.raises(ValueError, match=word):
        panel_of(curves, pixels * 2, **options)


def bands_in(axes):
    return [c for c in axes.collections if isinstance(c, FillBetweenPolyCollection)]


def test_the_summary_shows_means_bands_and_references(curves):
    figure = draw_summary(curves)
    assert len(figure.axes) == len(TRANSFORMS) * 3
    for row, found in enumerate(curves.measured.curves):
        distance, probability, share = figure.axes[3 * row : 3 * row + 3]
        lines = curves_in(distance, found.transform.amounts)
        assert np.allclose(lines, found.relative_distance.mean(axis=0).T)
        dotted = [line.get_ydata()[0] for line in distance.lines if line.get_linestyle() == ":"]
        assert dotted == [1.0, 2.0]
        assert len(bands_in(distance)) == 2
        band = mean_with_band(found.relative_distance[:, :, 0])
        heights = bands_in(distance)[0].get_paths()[0].vertices[:, 1]
        assert heights.max() == pytest.approx(band.high.max())
        assert np.allclose(curves_in(probability, found.transform.amounts), 0.5)
        held = (found.predicted == 0).mean(axis=0)
        assert np.allclose(curves_in(share, found.transform.amounts), held)


def test_networks_lie_over_each_other(curves):
    fewer = replace(curves.measured, curves=curves.measured.curves[2:])
    other = NetworkCurves("other", "set", fewer)
    figure = draw_networks([curves, other])
    assert len(figure.axes) == 2 * 4  # the transforms that both have
    lines = curves_in(figure.axes[0], TRANSFORMS[2].amounts)
    assert len(lines) == 2
    assert figure.axes[0].lines[0].get_color() != figure.axes[0].lines[2].get_color()
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["toy (relu1_1, relu3)", "other (relu1_1, relu3)"]
    with pytest.raises(ValueError, match="no transform"):
        draw_networks([other, replace(curves, measured=replace(fewer, curves=fewer.curves[:0]))])


def test_seven_images_have_no_band():
    transform = TRANSFORMS[2]
    few = made_up(7, [transform], [np.zeros((7, 4), np.int32)])
    figure = draw_summary(NetworkCurves("toy", "set", few))
    assert all(not bands_in(axes) for axes in figure.axes)
    assert any("no band below 8 images" in text.get_text() for text in figure.texts)


@pytest.mark.parametrize("kind", ["panel", "summary", "networks"])
def test_the_same_bytes_of_fixed_size_without_a_trace_of_the_software(
    kind, curves, pixels, tmp_path
):
    small = replace(curves.measured, curves=curves.measured.curves[2:3])
    curves = replace(curves, measured=small)
    draw = {
        "panel": lambda: panel_of(curves, pixels),
        "summary": lambda: draw_summary(curves),
        "networks": lambda: draw_networks([curves, replace(curves, network="other")]),
    }[kind]
    write_figure(draw(), tmp_path / "one.png")
    with mpl.rc_context({"font.size": 30, "axes.grid": False, "savefig.dpi": 31}):
        figure = draw()
        write_figure(figure, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size == tuple((figure.get_size_inches() * 100).round().astype(int))
        assert set(picture.info) <= {"dpi"}


def test_examples_are_framed_pictures_of_the_variants(pixels):
    transform = TRANSFORMS[3]
    side = 224 + 2 * FRAME
    sheet = contact_sheet(
        pixels[:2], transform, fill="mean", mean_rgb=MEAN, colours=COLOURS, side=side
    )
    amounts = [0.0, *example_amounts(transform)]
    assert len(amounts) == 4
    for row, amount in enumerate(amounts):
        for column in range(2):
            top, left = row * (side + 3), column * (side + 3)
            cell = sheet[top : top + side, left : left + side]
            inner = cell[FRAME:-FRAME, FRAME:-FRAME].transpose(2, 0, 1)
            expected = draw_variant(pixels[column], transform.definition(amount, "mean"), MEAN)
            assert np.array_equal(inner, expected)
            frame = [int(COLOURS[column][place : place + 2], 16) for place in (1, 3, 5)]
            assert cell[0, 0].tolist() == frame


def test_examples_leave_the_identity_out():
    assert example_amounts(TRANSFORMS[0]) == [-40, 20, 40]
    assert 0.0 not in example_amounts(TRANSFORMS[3])
    assert example_amounts(Transform("scale", (1.0,))) == []


def test_more_lines_than_colours_get_a_scale():
    assert len(set(colours_of(13))) == 13
    assert colours_of(7) == list(COLOURS)
