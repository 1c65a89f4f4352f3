"""Batches stay put when images come and go."""

from hypothesis import given
from hypothesis import strategies as st

from convscope.planning.batches import batch_name, cut_batches

IDS = st.sets(st.text("abcdefghij0123456789", min_size=1, max_size=6), max_size=80)


@given(IDS, st.integers(1, 20))
def test_every_id_is_in_exactly_one_batch_within_the_size(ids, size):
    batches = cut_batches(ids, size)
    assert sorted(name for batch in batches for name in batch) == sorted(ids)
    assert all(1 <= len(batch) <= size for batch in batches)


@given(IDS, st.integers(1, 20), st.randoms())
def test_order_changes_nothing(ids, size, random):
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert cut_batches(shuffled, size) == cut_batches(sorted(ids), size)


@given(IDS, st.integers(1, 20), st.text("xyz", min_size=1, max_size=4))
def test_an_inserted_or_removed_image_changes_at_most_two_batches(ids, size, new):
    small = set(cut_batches(ids, size))
    large = set(cut_batches(ids | {new}, size))
    assert len(large - small) in (1, 2)
    assert len(small - large) <= 1


def test_batches_are_well_filled():
    batches = cut_batches([f"image_{k}" for k in range(10_000)], 64)
    assert 10_000 / len(batches) > 0.6 * 64


def test_names_follow_the_members():
    assert batch_name("set", ("a", "b")) == batch_name("set", ("a", "b"))
    assert batch_name("set", ("a", "b")) != batch_name("set", ("ab",))
    assert batch_name("set", ("a", "b")).startswith("set-")
