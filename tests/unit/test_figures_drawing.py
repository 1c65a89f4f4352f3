"""What figures share: contrast, text, outlines, names, and files that are the same twice."""

import struct

import numpy as np
import pytest
from PIL import Image

from canvas_texts import Texts
from convscope.errors import UserError
from convscope.figures.canvas import BLUE, EMPTY, INK, LINE, Canvas, outlined
from convscope.figures.contrast import fitted, scale_of, stretched
from convscope.figures.indices import read_index, write_index
from convscope.figures.names import safe_name
from convscope.figures.text import elided, font, number, two_places, wrapped

WHITE = (255, 255, 255)


def test_few_pixels_are_stretched_by_their_largest_absolute_value():
    values = np.array([[[0.0, -4.0], [1.0, 2.0]]] * 3, np.float32)
    assert scale_of(values) == 4
    expected = [[128, 1], [128 + 31.75, 128 + 63.5]]
    assert stretched(values).tolist() == [np.rint(expected).tolist()] * 3


def test_many_pixels_are_stretched_by_a_percentile_of_those_that_are_not_zero():
    values = np.zeros((3, 100, 100))
    values[0, :10] = np.arange(1, 1001).reshape(10, 100)
    assert scale_of(values) == 996  # rank 0.995 * 999, the next higher one
    shown = stretched(-values)
    assert shown[0, 9, 99] == shown[0, 9, 95] == 1
    assert shown[0, 4, 97] == round(128 - 127 * 498 / 996)
    assert (shown[1:] == 128).all()


def test_zero_is_grey_and_has_no_scale():
    assert scale_of(np.zeros((3, 4, 4))) == 0
    assert (stretched(np.zeros((3, 4, 4))) == 128).all()


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_the_unit_of_a_projection_does_not_matter(factor):
    values = np.random.default_rng(0).normal(size=(3, 9, 9))
    assert np.array_equal(stretched(values), stretched(values * factor))


def test_few_pixels_are_enlarged_as_squares():
    pixels = np.random.default_rng(1).integers(0, 256, (3, 3, 3), np.uint8)
    expected = pixels.repeat(24, 1).repeat(24, 2).transpose(1, 2, 0)
    assert np.array_equal(fitted(pixels, 72, WHITE), expected)


def test_other_shapes_keep_their_proportions_in_the_middle():
    square = fitted(np.zeros((3, 10, 40), np.uint8), 80, WHITE)
    assert square.shape == (80, 80, 3)
    assert (square[30:50] == 0).all()
    assert (square[:30] == 255).all()
    assert (square[50:] == 255).all()
    assert fitted(np.zeros((3, 1, 224), np.uint8), 72, WHITE).min() == 0


def test_an_outline_is_blue_along_its_box_and_nowhere_else():
    pixels = np.full((60, 80, 3), 50, np.uint8)
    shown = outlined(pixels, [(10, 20, 40, 70)], white=False)
    blue = (shown == BLUE).all(-1)
    expected = np.zeros((60, 80), bool)
    expected[10:40, 20:70] = True
    expected[12:38, 22:68] = False
    assert np.array_equal(blue, expected)
    assert (shown[~blue] == 50).all()


@pytest.mark.parametrize("box", [(0, 0, 3, 3), (57, 77, 60, 80), (30, 30, 31.3, 31.3)])
def test_an_outline_too_small_to_see_is_widened_inside_the_picture(box):
    blue = (outlined(np.zeros((60, 80, 3), np.uint8), [box]) == BLUE).all(-1)
    rows, columns = np.nonzero(blue)
    assert (np.ptp(rows), np.ptp(columns)) == (6, 6)
    assert rows.min() <= box[0]
    assert rows.max() >= box[2] - 1


def test_an_empty_box_has_no_outline():
    pixels = np.zeros((20, 20, 3), np.uint8)
    assert np.array_equal(outlined(pixels, [(0, 0, 0, 0)]), pixels)


def test_text_is_cut_to_its_width_and_controls_become_spaces():
    assert elided("short", 100, 11) == "short"
    cut = elided("much too long a text", 60, 11)
    assert cut.endswith("…")
    assert font(11).getlength(cut) <= 60
    assert elided("a\nb\x00c\ud800d", 200, 11) == "a b c d"


@pytest.mark.parametrize("width", [30, 66, 400])
def test_wrapped_lines_fit_and_lose_nothing(width):
    text = "rectified to zero at features.12.expand3x3_activation"
    lines = wrapped(text, width, 9, lines=40)
    assert all(font(9).getlength(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_lines_beyond_the_limit_are_cut():
    lines = wrapped("one two three four five six", 40, 11, lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7.416, "7.42"),
        (-0.0123, "−0.0123"),
        (12345, "12345"),
        (1.234e5, "1.23e5"),
        (4.3e-7, "4.3e−7"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_correlations_have_two_places_or_say_undefined():
    assert [two_places(v) for v in (None, 1, -0.004, -0.25)] == [
        "undefined",
        "1.00",
        "0.00",
        "−0.25",
    ]


def test_a_cell_without_a_picture_holds_words(tmp_path, monkeypatch):
    texts = Texts(monkeypatch)
    canvas = Canvas(100, 100)
    canvas.cell(10, 10, 72, "rectified to zero at features.3.squeeze_activation")
    canvas.save(tmp_path / "a.png")
    shown = np.asarray(Image.open(tmp_path / "a.png"))
    assert (shown[14, 14] == EMPTY).all()
    assert np.abs(shown.astype(int) - INK).sum(-1).min() < 60
    assert (shown == 128).all(-1).sum() == 0
    assert texts.cut() == []
    assert all(left > 10 and right < 82 for _, _, (left, _, right, _) in texts.written)


def test_a_frame_lies_outside_its_square(tmp_path):
    canvas = Canvas(40, 40)
    canvas.picture(10, 10, np.full((20, 20, 3), 255, np.uint8))
    canvas.frame(10, 10, 20)
    canvas.save(tmp_path / "a.png")
    shown = (np.asarray(Image.open(tmp_path / "a.png")) == LINE).all(-1)
    expected = np.zeros((40, 40), bool)
    expected[9:31, 9:31] = True
    expected[10:30, 10:30] = False
    assert np.array_equal(shown, expected)


def test_a_png_holds_pixels_and_nothing_else_the_same_twice(tmp_path):
    for name in ("a.png", "b.png"):
        canvas = Canvas(50, 20)
        canvas.text(2, 2, "ch 7", width=40)
        canvas.save(tmp_path / name)
    data = (tmp_path / "a.png").read_bytes()
    assert data == (tmp_path / "b.png").read_bytes()
    assert chunks(data) <= {b"IHDR", b"IDAT", b"IEND"}


def chunks(data):
    found, place = set(), 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        found.add(data[place + 4 : place + 8])
        place += length + 12
    return found


@pytest.mark.parametrize("text", ["cat", "n02007558_flamingo", "features.12.expand3x3"])
def test_plain_names_stay(text):
    assert safe_name(text) == text


HOSTILE = [
    "../up",
    "a/b",
    "a\\b",
    "",
    ".",
    "..",
    "a..b",
    ".hidden",
    "a\nb",
    "ä",
    "x" * 300,
    "\ud800",
]


def test_other_names_are_safe_and_differ():
    names = [safe_name(text) for text in [*HOSTILE, "a_b", "A/b"]]
    assert len(set(names)) == len(names)
    for name in names:
        assert name.isascii()
        assert 0 < len(name) <= 100
        assert name.replace("_", "").replace("-", "").isalnum()


def test_an_index_comes_back_and_a_damaged_one_is_refused(tmp_path):
    write_index(tmp_path, {"b": ["ä"], "a": 1})
    assert read_index(tmp_path) == {"a": 1, "b": ["ä"]}
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(UserError, match=r"index\.json.*damaged"):
        read_index(tmp_path)
    with pytest.raises(UserError, match="missing"):
        read_index(tmp_path / "gone")
