"""Cut images into batches that stay put: a new image changes one batch, an order changes none."""

import hashlib
from collections.abc import Iterable

DEPTH = 256


def cut_batches(ids: Iterable[str], size: int) -> list[tuple[str, ...]]:
    """Return batches of at most ``size`` ids, each sorted, in a canonical order.

    The ids are the leaves of a binary tree over the bits of their SHA-256; a batch is the largest
    subtree that holds at most ``size`` of them (extendible hashing; Fagin et al. 1979). So adding
    an id changes one batch or splits it in two, removing one changes one batch or joins two, and
    the order in which ids are given changes nothing.

    Parameters
    ----------
    ids
        Unique ids.
    size
        Most ids in a batch, at least 1.
    """
    leaves = sorted((hashlib.sha256(name.encode()).digest(), name) for name in ids)
    batches: list[tuple[str, ...]] = []
    waiting = [(0, leaves)]
    while waiting:
        depth, group = waiting.pop()
        if not group:
            continue
        if len(group) <= size or depth == DEPTH:
            batches.append(tuple(sorted(name for _, name in group)))
            continue
        ones = [leaf for leaf in group if _bit(leaf[0], depth)]
        zeros = [leaf for leaf in group if not _bit(leaf[0], depth)]
        waiting.append((depth + 1, ones))
        waiting.append((depth + 1, zeros))
    return batches


def batch_name(sample_set: str, members: Iterable[str]) -> str:
    """Return the name of a batch: its sample set and a digest of its members."""
    digest = hashlib.sha256("\n".join(members).encode()).hexdigest()[:12]
    return f"{sample_set}-{digest}"


def _bit(digest: bytes, depth: int) -> int:
    return digest[depth // 8] >> (7 - depth % 8) & 1
