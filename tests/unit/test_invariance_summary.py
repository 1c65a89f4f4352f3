"""Areas, extents, bands and ranks equal what one works out by hand or slowly."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from convscope.invariance.bands import FEWEST, mean_with_band
from convscope.invariance.extent import changes_of, extent_of
from convscope.invariance.gather import NetworkCurves
from convscope.invariance.summary import area_under, image_summaries, summarise_invariance
from convscope.invariance.transforms import Transform
from convscope.predictions.storage import read_parquet, write_csv, write_parquet
from invariance_toys import made_up

VERTICAL = Transform("vertical_translation", (-4.0, -2.0, 0.0, 1.0, 3.0))
ROTATION = Transform("rotation", (0.0, 90.0, 180.0, 270.0, 360.0))
SCALE = Transform("scale", (1.2, 1.4))


def test_area_by_hand():
    curves = np.array([[2.0, 1.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert area_under(VERTICAL.amounts, curves).tolist() == [3 + 1 + 0.5 + 4, 0]
    assert np.isnan(area_under((3.0,), curves[:, :1])).all()


@pytest.mark.parametrize(
    ("transform", "predicted", "expected"),
    [
        # first_change_below, first_change_above, held_below, held_above, share
        (VERTICAL, [7, 7, 7, 7, 7], (None, None, -4, 3, 1)),
        (VERTICAL, [7, 5, 7, 7, 5], (-2, 3, 0, 1, 3 / 5)),
        (VERTICAL, [5, 7, 7, 5, 7], (-4, 1, -2, 0, 3 / 5)),
        (ROTATION, [7, 7, 5, 7, 7], (None, 180, None, 90, 4 / 5)),
        (SCALE, [7, 5], (None, 1.4, None, 1.2, 1 / 2)),
        (SCALE, [5, 7], (None, 1.2, None, 1, 1 / 2)),
    ],
)
def test_how_far_the_class_holds(transform, predicted, expected):
    extent = extent_of(transform, np.array([predicted]), np.array([7]))
    names = ("first_change_below", "first_change_above", "held_below", "held_above", "share_held")
    for name, value in zip(names, expected, strict=True):
        found = getattr(extent, name)[0]
        assert np.isnan(found) if value is None else found == value


def slow_extent(amounts, neutral, held, sign):
    """Walk outwards from the identity; return the first loss and the last amount before it."""
    side = sorted((a for a in amounts if (a - neutral) * sign > 0), key=lambda a: abs(a - neutral))
    if not side:
        return None, None
    last = neutral
    for amount in side:
        if not held[amounts.index(amount)]:
            return amount, last
        last = amount
    return None, last


@given(
    amounts=st.sets(st.integers(-9, 9), min_size=1).map(sorted),
    bits=st.lists(st.booleans(), min_size=19, max_size=19),
)
def test_how_far_the_class_holds_equals_a_walk(amounts, bits):
    amounts = [float(amount) for amount in amounts]
    held = bits[: len(amounts)]
    transform = Transform("horizontal_translation", tuple(amounts))
    found = extent_of(transform, np.array([[1 if h else 2 for h in held]]), np.array([1]))
    for sign, side in ((-1, "below"), (1, "above")):
        expected = slow_extent(amounts, 0.0, held, sign)
        for name, value in zip(("first_change", "held"), expected, strict=True):
            number = getattr(found, f"{name}_{side}")[0]
            assert np.isnan(number) if value is None else number == value
    assert found.share_held[0] == pytest.approx(sum(held) / len(held))


def test_changes_lie_between_neighbours():
    changes = list(changes_of(VERTICAL.amounts, np.array([3, 3, 1, 1, 2])))
    assert [(c.before, c.after, c.class_before, c.class_after) for c in changes] == [
        (-2, 0, 3, 1),
        (1, 3, 1, 2),
    ]


def test_the_band_is_that_of_scipy():
    values = np.random.default_rng(0).gamma(2, size=(25, 3))
    band = mean_with_band(values)
    expected = bootstrap(
        (values,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = expected.high - expected.low
    assert np.array_equal(band.mean, values.mean(axis=0))
    assert (np.abs(band.low - expected.low) < 0.06 * width).all()
    assert (np.abs(band.high - expected.high) < 0.06 * width).all()
    again = mean_with_band(values)
    assert np.array_equal(band.low, again.low)


def test_no_band_below_8_images():
    values = np.random.default_rng(0).random((FEWEST, 4))
    assert FEWEST == 8
    assert mean_with_band(values).low is not None
    few = mean_with_band(values[:-1])
    assert (few.low, few.high, few.images) == (None, None, 7)
    gap = values.copy()
    gap[3] = np.nan  # an image without a label
    assert mean_with_band(gap).images == 7
    assert mean_with_band(gap).low is None
    assert np.array_equal(mean_with_band(gap).mean, np.delete(values, 3, 0).mean(axis=0))
    nothing = mean_with_band(np.full((9, 2), np.nan))
    assert nothing.images == 0
    assert np.isnan(nothing.mean).all()


@pytest.fixture(scope="module")
def networks():
    """Return two networks; the steady one holds its class and moves half as far at the bottom."""
    transforms = (VERTICAL, ROTATION)
    steady = [np.zeros((9, 5), np.int32)] * 2
    fickle = [np.tile(np.array([1, 0, 0, 0, 1], np.int32), (9, 1))] * 2
    first = made_up(9, transforms, fickle)
    second = made_up(9, transforms, steady)
    for curves in second.curves:
        curves.relative_distance[:, :, 0] /= 2
        curves.relative_distance[:, :, 1] *= 2
    return [NetworkCurves("fickle", "set", first), NetworkCurves("steady", "set", second)]


def test_networks_are_ranked_within_transform_and_layer(networks):
    table = summarise_invariance(networks)
    assert len(table) == 2 * 2 * 2
    assert table["transform"].tolist() == ["vertical_translation"] * 4 + ["rotation"] * 4
    assert table["role"].tolist() == ["bottom", "bottom", "top", "top"] * 2
    assert table["network"].tolist() == ["steady", "fickle", "fickle", "steady"] * 2
    assert table["rank_area"].tolist() == [1, 2] * 4
    assert table["rank_share_held"].tolist() == [1, 2, 2, 1] * 2
    assert (table["images"] == 9).all()
    row = table.iloc[1]
    assert (row["median_held_below"], row["median_held_above"]) == (-2, 1)
    assert row["share_held"] == pytest.approx(3 / 5)
    assert row["reference"] == 1.0
    assert row["area_low"] < row["area"] < row["area_high"]
    assert row["mean_relative_distance"] == pytest.approx(row["area"] / 7)
    assert row["share_of_reference"] == pytest.approx(row["mean_relative_distance"] / 1.0)
    assert table.iloc[2]["share_of_reference"] == pytest.approx(
        table.iloc[2]["mean_relative_distance"] / 2.0
    )
    areas = area_under(VERTICAL.amounts, networks[0].measured.curves[0].relative_distance[:, :, 0])
    assert row["area"] == pytest.approx(areas.mean())


def test_the_files_of_the_summary_hold_its_numbers(networks, tmp_path):
    table = summarise_invariance(networks)
    write_csv(table, tmp_path / "summary.csv")
    write_parquet(table, tmp_path / "summary.parquet")
    for found in (
        pd.read_csv(tmp_path / "summary.csv"),
        read_parquet(tmp_path / "summary.parquet"),
    ):
        assert found.columns.tolist() == table.columns.tolist()
        assert np.allclose(found["area"].astype(float), table["area"], rtol=1e-8)
        assert found["rank_area"].tolist() == table["rank_area"].tolist()
        assert found["median_held_below"].isna().tolist() == [False] * 4 + [True] * 4


def test_every_image_has_its_numbers(networks):
    table = image_summaries(networks)
    assert len(table) == 2 * 2 * 2 * 9
    row = table[(table["network"] == "fickle") & (table["image"] == "image_4")].iloc[0]
    assert (row["transform"], row["role"]) == ("vertical_translation", "bottom")
    assert (row["first_change_below"], row["first_change_above"]) == (-4, 3)


def test_what_is_said_of_the_images_as_they_are_stands_beside_the_ranks():
    """A network that says the same of every image holds its class always."""
    held = [np.zeros((3, 3), np.int32)]
    measured = made_up(3, [Transform("scale", (0.9, 1.0, 1.1))], held)
    one = replace(measured, labels=(0, 1, None))
    other = replace(one, clean_class=np.array([0, 1, 2], np.int32))
    curves = [NetworkCurves(n, "set", m) for n, m in (("blind", one), ("seeing", other))]
    table = summarise_invariance(curves).drop_duplicates("network").set_index("network")
    columns = ["clean_classes", "clean_right", "labelled"]
    assert table.loc["blind", columns].tolist() == [1, 1, 2]
    assert table.loc["seeing", columns].tolist() == [3, 2, 2]
    assert table.loc["blind", "rank_share_held"] == 1
