"""Places, scales and words of figures of occlusion; none of it needs torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convscope.occlusion.figures import colours, places
from convscope.occlusion.figures.words import probability_text
from convscope.occlusion.grid import Grid, at_pixels

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
USUAL = Grid((224, 224), (50, 50), (5, 5))


@pytest.mark.parametrize(
    "grid",
    [
        USUAL,
        Grid((224, 224), (49, 30), (10, 7)),
        Grid((224, 224), (224, 50), (5, 60)),
        Grid((60, 40), (9, 8), (3, 1)),
    ],
)
def test_nearest_is_the_nearest_centre_and_measured_is_where_a_smooth_map_is(grid):
    values = np.arange(grid.shape[0] * grid.shape[1]).reshape(grid.shape)
    found, where = places.nearest(values, grid), places.measured(grid)
    assert np.array_equal(where, np.isfinite(at_pixels(values, grid)))
    for row, column in np.argwhere(where)[::97]:
        nearest = [
            int(np.abs(grid.centres(axis) - pixel).argmin())
            for axis, pixel in enumerate((row, column))
        ]
        assert found[row, column] == values[tuple(nearest)]


@pytest.mark.parametrize(
    ("values", "clean", "high"),
    [
        ([0.2, 0.4], 0.9, 1.0),
        ([0.2], 0.5, 0.5),
        ([0.03], 0.011, 0.05),
        ([0.0], 0.0, 1.0),
        ([1.0000001], 1, 1),
    ],
)
def test_a_scale_begins_at_zero_and_ends_at_a_round_number(values, clean, high):
    scale = colours.scale_from_zero(colours.PROBABILITY, np.array(values), clean)
    assert (scale.low, scale.high) == (0.0, pytest.approx(high))
    assert scale.ticks()[0] == 0
    assert scale.ticks()[-1] == pytest.approx(high)


def test_a_scale_holds_everything_and_a_constant_map_too():
    scale = colours.scale_between(colours.PROBABILITY, np.array([-7.2, 3.1]), 5.9)
    assert scale.low <= -7.2
    assert scale.high >= 5.9
    flat = colours.scale_between(colours.PROBABILITY, np.array([2.0]), 2.0)
    assert flat.low < 2 < flat.high


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9975, "0.9975"),
        (0.99999, "above 0.9999"),
        (1.0, "1.0000"),
        (0.0, "0.0000"),
        (3e-7, "3e\N{MINUS SIGN}7"),
        (np.nan, "undefined"),
    ],
)
def test_probabilities_are_not_rounded_to_certainty(value, text):
    assert probability_text(value) == text


def test_drawing_needs_no_torch():
    modules = ["occlusion.figures.files", "occlusion.trade_off", "report.occlusion"]
    code = "import sys; sys.modules['torch'] = None\n"
    code += "\n".join(f"import convscope.{name}" for name in modules)
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, timeout=120
    )
    assert outcome.returncode == 0, outcome.stderr
