"""Which images a page shows when there are too many: some of every sample set, evenly spaced."""

from collections.abc import Mapping, Sequence


def shares(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    """Divide ``limit`` places among groups, one each in turn until a group has no more members."""
    shared = dict.fromkeys(counts, 0)
    left = min(limit, sum(counts.values()))
    while left > 0:
        for name in [name for name in counts if shared[name] < counts[name]][:left]:
            shared[name] += 1
            left -= 1
    return shared


def select(groups: Mapping[str, Sequence[str]], limit: int) -> dict[str, list[str]]:
    """Return at most ``limit`` members in all, evenly spaced within each group.

    Members are sorted by name, so neighbours are often of one class: taking the first ones would
    show few classes.
    """
    quota = shares({name: len(members) for name, members in groups.items()}, limit)
    return {
        name: [members[i * len(members) // quota[name]] for i in range(quota[name])]
        for name, members in groups.items()
    }
