"""Images fetched together: stable groups that fit a command line."""

import shlex

import pytest

from convscope.planning.fetch_groups import LONGEST_ARGUMENTS, fetch_groups
from convscope.planning.sample_sets import Source


def sources(count, length=0):
    places = [f"https://example.org/{k}.jpg?{'x' * length}" for k in range(count)]
    return tuple(Source("url", place) for place in places)


def urls_of(groups):
    return sorted(url for group in groups for url in shlex.split(group.arguments)[1::3])


def test_a_batch_is_one_group_whose_name_and_arguments_know_no_order():
    forwards, backwards = sources(64), sources(64)[::-1]
    (one,), (other,) = fetch_groups(forwards), fetch_groups(backwards)
    assert (one.digest, one.arguments) == (other.digest, other.arguments)
    assert urls_of([one]) == sorted(source.place for source in forwards)


def test_no_url_is_no_group_and_one_url_twice_is_fetched_once():
    assert fetch_groups(()) == []
    (group,) = fetch_groups(sources(1) * 2)
    assert len(group.sources) == 1


@pytest.mark.parametrize("length", [400, 3000])
def test_groups_fit_a_command_line_and_lose_no_image(length):
    many = sources(270, length)
    groups = fetch_groups(many)
    assert len(groups) > 1
    assert all(len(group.arguments) <= LONGEST_ARGUMENTS for group in groups)
    assert urls_of(groups) == sorted(source.place for source in many)


def test_an_added_image_changes_one_group_or_splits_it():
    before = {group.digest for group in fetch_groups(sources(200, 2000))}
    after = {group.digest for group in fetch_groups(sources(201, 2000))}
    assert len(before) > 4
    assert len(after - before) <= 2


def test_a_checksum_makes_another_source():
    plain, pinned = Source("url", "https://a/b"), Source("url", "https://a/b", "0" * 64)
    assert fetch_groups((plain,))[0].digest != fetch_groups((pinned,))[0].digest
    assert len(fetch_groups((plain, pinned))[0].sources) == 2
