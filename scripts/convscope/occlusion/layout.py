"""Where each position of each patch's map lies in a node's table of rows.

A node's output is kept as a table ``(rows, C)``: what patches have of their own, tile by tile, each
tile row by row. Row 0 holds zeros and row 1 minus infinity, for what lies in the padding. Patches
are pairs of indices along rows and columns, as in ``states``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from convscope.occlusion.states import OUT, AxisStates, runs

ZERO, LOWEST = 0, 1
PADDING_ROWS = 2


def one_by_one(length: int) -> list[int]:
    """Split a run into single places."""
    return [1] * length


def in_one_piece(length: int) -> list[int]:
    """Leave a run whole."""
    return [length]


@dataclass(frozen=True, eq=False)
class Segments:
    """How what each index has of its own along an axis is cut into pieces, by size of piece.

    Parameters
    ----------
    sizes
        The sizes, ``(k,)``. The last piece of a run may reach beyond it, and beyond the map.
    kind
        Which size the piece of each place has, ``(n + 2, side)``.
    rank
        Which of the index's pieces of that size it is.
    offset
        The place within the piece.
    count
        How many pieces of each size an index has, ``(n + 2, k)``.
    first
        The first place of each piece, ``(n + 2, k, most)``.
    """

    sizes: np.ndarray
    kind: np.ndarray
    rank: np.ndarray
    offset: np.ndarray
    count: np.ndarray
    first: np.ndarray


def segments_of(states: AxisStates, split: Callable[[int], list[int]]) -> Segments:
    """Cut what each index has of its own into pieces.

    Parameters
    ----------
    states
        Of the axis.
    split
        Gives the sizes of the pieces of a run of some length; their sum may exceed it.
    """
    own = states.own
    pieces = [
        (index, *piece)
        for index, mask in enumerate(own)
        for run in runs(mask)
        for piece in _pieces(run, in_one_piece if index == states.clean else split)
    ]
    sizes = np.array(sorted({size for _, _, size in pieces}), dtype=np.int64)
    kinds = {size: kind for kind, size in enumerate(sizes.tolist())}
    kind, rank, offset = (np.zeros(own.shape, np.int64) for _ in range(3))
    places: dict[tuple[int, int], list[int]] = {}
    for index, start, size in pieces:
        known = places.setdefault((index, kinds[size]), [])
        covered = np.s_[index, start : start + size]
        kind[covered], rank[covered] = kinds[size], len(known)
        offset[covered] = np.arange(own.shape[1])[start : start + size] - start
        known.append(start)
    most = max(len(known) for known in places.values())
    count = np.zeros((len(own), len(sizes)), np.int64)
    first = np.zeros((*count.shape, most), np.int64)
    for key, known in places.items():
        count[key] = len(known)
        first[key][: len(known)] = known
    return Segments(sizes, kind, rank, offset, count, first)


def _pieces(run: tuple[int, int], split: Callable[[int], list[int]]) -> list[tuple[int, int]]:
    sizes = split(run[1] - run[0])
    starts = run[0] + np.cumsum([0, *sizes[:-1]])
    return list(zip(starts.tolist(), sizes, strict=True))


@dataclass(frozen=True, eq=False)
class Tiles:
    """Tiles of one size: whose they are, where they start in the map and in the table.

    Parameters
    ----------
    size
        Rows and columns of each tile.
    index
        The patch's indices along rows and columns, two ``(T,)``.
    start
        Row and column of the first position, two ``(T,)``; they may overhang the map.
    offset
        The table's row of the first tile's first position.
    """

    size: tuple[int, int]
    index: tuple[np.ndarray, np.ndarray]
    start: tuple[np.ndarray, np.ndarray]
    offset: int

    def __len__(self) -> int:
        return len(self.start[0])

    @property
    def rows(self) -> int:
        """Return how many rows of the table the tiles take."""
        return len(self) * self.size[0] * self.size[1]


@dataclass(eq=False)
class Layout:
    """The places of a node's values in its table.

    ``base`` tells where each patch's first tile of each pair of sizes starts; patches that were
    placed before stay where they are until others take their rows.
    """

    states: tuple[AxisStates, AxisStates]
    segments: tuple[Segments, Segments]
    device: torch.device
    base: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        rows, columns = (len(s.count) * len(s.sizes) for s in self.segments)
        self.base = np.full((rows, columns), -1, np.int32)
        self._lookups = [_Lookup(*pair) for pair in zip(self.states, self.segments, strict=True)]

    @property
    def sides(self) -> tuple[int, int]:
        """Return rows and columns of the map."""
        return tuple(states.state.shape[1] for states in self.states)

    def place(self, index: tuple[np.ndarray, np.ndarray], offset: int) -> list[Tiles]:
        """Give patches rows of the table from ``offset`` on, and return their tiles by size.

        Parameters
        ----------
        index
            The patches' indices along rows and columns, two ``(n,)``.
        offset
            The first free row.
        """
        by_row, by_column = self.segments
        tiles = []
        for a, height in enumerate(by_row.sizes.tolist()):
            for b, width in enumerate(by_column.sizes.tolist()):
                across = by_column.count[index[1], b]
                number = by_row.count[index[0], a] * across
                before = np.cumsum(number) - number
                if not number.any():
                    continue
                keys = (index[0] * len(by_row.sizes) + a, index[1] * len(by_column.sizes) + b)
                self.base[keys] = offset + before * height * width
                patch = np.repeat(np.arange(len(number)), number)
                rank = np.arange(len(patch)) - before[patch]
                own = tuple(i[patch] for i in index)
                start = (
                    by_row.first[own[0], a, rank // across[patch]],
                    by_column.first[own[1], b, rank % across[patch]],
                )
                tiles.append(Tiles((height, width), own, start, offset))
                offset += tiles[-1].rows
        return tiles

    def locate(
        self,
        index: tuple[np.ndarray, np.ndarray],
        places: tuple[np.ndarray, np.ndarray],
        padding: int,
    ) -> torch.Tensor:
        """Return the table's rows of windows, int32 ``(T, h, w)``.

        Parameters
        ----------
        index
            The patches' indices along rows and columns, two ``(T,)``.
        places
            Rows ``(T, h)`` and columns ``(T, w)`` of the windows; they may lie outside the map.
        padding
            The table's row for those outside.
        """
        rows, columns = (
            lookup.along(i, p) for lookup, i, p in zip(self._lookups, index, places, strict=True)
        )

        def down(name: str) -> torch.Tensor:
            return torch.from_numpy(rows[name]).to(self.device)[:, :, None]

        def across(name: str) -> torch.Tensor:
            return torch.from_numpy(columns[name]).to(self.device)[:, None, :]

        base = torch.from_numpy(self.base).to(self.device)
        key = down("key") * base.shape[1] + across("key")
        found = base.view(-1).index_select(0, key.view(-1)).view(key.shape)
        found += down("rank_size") * across("count_size")
        found += down("size") * across("rank_size")
        found += down("offset") * across("size")
        found += across("offset")
        clean = PADDING_ROWS + down("place") * self.sides[1] + across("place")
        found = torch.where(down("out") | across("out"), clean, found)
        outside = down("outside") | across("outside")
        return found.masked_fill_(outside, padding)


class _Lookup:
    """What an axis adds to the table's row of a position, by index and place."""

    def __init__(self, states: AxisStates, segments: Segments) -> None:
        own = (states.owner, np.arange(states.state.shape[1])[None])
        kind = segments.kind[own]
        sizes = segments.sizes[kind]
        self._tables = {
            "key": own[0] * len(segments.sizes) + kind,
            "rank_size": segments.rank[own] * sizes,
            "count_size": segments.count[own[0], kind] * sizes,
            "size": sizes,
            "offset": segments.offset[own],
            "out": states.state == OUT,
        }

    def along(self, index: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
        """Return the values for indices ``(T,)`` at places ``(T, k)``."""
        side = self._tables["out"].shape[1]
        inside = np.clip(places, 0, side - 1)
        found = {name: table[index[:, None], inside] for name, table in self._tables.items()}
        found = {n: v if v.dtype == bool else v.astype(np.int32) for n, v in found.items()}
        found["outside"] = places != inside
        found["place"] = inside.astype(np.int32)
        return found
