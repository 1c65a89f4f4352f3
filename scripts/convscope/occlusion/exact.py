"""The incremental engine: for each patch only what the patch has changed is computed anew.

Nakandala et al., 2019 ("Incremental and approximate inference for faster occlusion-based deep CNN
explanations"), compute the box that a patch has changed, layer by layer, over the clean image's
activations. Here what several patches share is computed once besides: what sees nothing but the
patch, or only its upper edge, is the same for a whole row of patches (``states``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch

from convscope.occlusion.buffers import Buffers
from convscope.occlusion.graph import Graph
from convscope.occlusion.grid import Grid
from convscope.occlusion.kernels import compute_rows, compute_tiles, gathered_maps, vector_step
from convscope.occlusion.layout import LOWEST, PADDING_ROWS, ZERO
from convscope.occlusion.plan import INHERITING, Plan, Stage
from convscope.occlusion.responses import Responses

MEMORY = {"cpu": 256 << 20, "cuda": 4 << 30}
"""About how many bytes the tables of one chunk of positions may take."""
FLATTENED_BYTES = 64 << 20
"""What is collected before the fully connected layers read it."""


@dataclass(eq=False)
class Run:
    """One image under way.

    ``tables`` are of the clean image and of what patches share; ``flattened`` has what flattenings
    made since the last fully connected pass, ``logits`` what came out of them, the clean first.
    """

    tables: dict[int, torch.Tensor]
    flattened: dict[int, list[torch.Tensor]] = field(default_factory=dict)
    logits: list[torch.Tensor] = field(default_factory=list)
    activity: list[torch.Tensor] = field(default_factory=list)
    channel: int | None = None


class ExactEngine:
    """Computes the logits of a network for an image under each of some patches.

    Parameters
    ----------
    graph
        Of the network, whose weights lie on ``device``.
    grid
        Where patches may lie.
    positions
        The patches to compute, as rows and columns of the grid, ``(P, 2)``.
    device, dtype
        Of the network.
    fast
        The nodes that use the fast convolution, with their transformed weights.
    memory
        About how many bytes the tables of one chunk of positions may take.
    """

    def __init__(
        self,
        graph: Graph,
        grid: Grid,
        positions: np.ndarray,
        *,
        device: torch.device,
        dtype: torch.dtype,
        fast: Mapping[int, torch.Tensor] | None = None,
        memory: int | None = None,
    ) -> None:
        self.graph, self.device, self.dtype = graph, device, dtype
        self._fast = dict(fast or {})
        self.plan = Plan(graph, grid, positions, self._fast, device)
        self._rows = {table: self.plan.rows_of(table) for table in self.plan.base.last}
        self._buffers = Buffers(device, dtype)
        self.chunks = self._chunks(memory or MEMORY[device.type])
        self._last_reader = {table: self._last_use(table) for table in self._rows}

    @torch.inference_mode()
    def begin(self, clean: torch.Tensor, fill: torch.Tensor) -> Run:
        """Compute the clean image and what patches share.

        Parameters
        ----------
        clean, fill
            The normalised image, and the one that patches show, ``(1, 3, H, W)``.
        """
        stage, run = self.plan.base, Run({})
        pixels = torch.cat([image[0].flatten(1).t() for image in (clean, fill)])
        image = self._table(0, PADDING_ROWS + len(pixels))
        image[PADDING_ROWS:] = pixels
        for place, node in enumerate(self.graph.nodes):
            table = self.graph.table(place)
            if node.kind == "input":
                run.tables[place] = image
            elif table in self._rows and table not in run.tables:
                run.tables[table] = self._table(table, stage.last[table] + self._spare(table))
            self._compute(place, stage, run.tables)
            self._collect(place, stage, run.tables, run)
        return run

    @torch.inference_mode()
    def advance(self, run: Run, chunk: tuple[int, int]) -> None:
        """Compute one of the engine's chunks; they come in order, each once."""
        stage = self.plan.stage(*chunk)
        self._buffers.give_back_all()
        tables: dict[int, torch.Tensor] = {}
        for place in range(len(self.graph.nodes)):
            table = self.graph.table(place)
            if table in self._rows and table not in tables:
                tables[table] = self._extended(table, stage, run.tables[table])
            self._compute(place, stage, tables)
            self._collect(place, stage, tables, run)
            for done in [t for t in tables if self._last_reader[t] <= place]:
                del tables[done]
                self._buffers.give_back(done)
        if sum(part.nbytes for parts in run.flattened.values() for part in parts) > FLATTENED_BYTES:
            self._connect(run)

    @torch.inference_mode()
    def finish(self, run: Run) -> Responses:
        """Return the responses once all chunks have been computed."""
        self._connect(run)
        logits = torch.cat(run.logits).cpu().numpy()
        activity = torch.cat(run.activity).cpu().numpy() if run.activity else None
        return Responses(
            self.plan.positions,
            clean_logits=logits[0],
            logits=logits[1:],
            channel=run.channel,
            clean_activity=None if activity is None else float(activity[0]),
            activity=None if activity is None else activity[1:],
        )

    def _chunks(self, memory: int) -> list[tuple[int, int]]:
        """Return ranges of positions whose tables fit into memory."""
        size = torch.empty(0, dtype=self.dtype).element_size()
        need = 0
        for place in self.plan.layouts:
            alive = {self.graph.table(p) for p in (place, *self.graph.nodes[place].sources)}
            per_position = sum(self._rows[t] * self.graph.nodes[t].channels * size for t in alive)
            need = max(need, int(np.max(per_position, initial=0)))
        count = len(self.plan.positions)
        number = max(1, min(count, -(-count * need // memory)))
        edges = np.linspace(0, count, number + 1).round().astype(int).tolist()
        return list(pairwise(edges))

    def _last_use(self, table: int) -> int:
        """Return the last node that writes a table, reads it or is summed from it."""
        uses = [p for p in range(len(self.graph.nodes)) if self.graph.table(p) == table]
        return max([*uses, *(r for p in uses for r in self.graph.readers(p))])

    def _spare(self, place: int) -> int:
        """Return how many rows for a chunk a table of the base stage has; 0 if it is copied."""
        most = max(int(self._rows[place][first:last].sum()) for first, last in self.chunks)
        return most if most <= self.plan.base.last[place] else 0

    def _extended(self, place: int, stage: Stage, base: torch.Tensor) -> torch.Tensor:
        """Return a table with the base stage's rows and room for the chunk's."""
        if len(base) >= stage.last[place]:
            return base
        table = self._buffers.take(place, stage.last[place], self.graph.nodes[place].channels)
        table[ZERO], table[LOWEST] = 0, -torch.inf
        first = stage.first[place]
        table[PADDING_ROWS:first] = base[PADDING_ROWS:first]
        return table

    def _table(self, place: int, rows: int) -> torch.Tensor:
        shape = (rows, self.graph.nodes[place].channels)
        table = torch.empty(shape, dtype=self.dtype, device=self.device)
        table[ZERO], table[LOWEST] = 0, -torch.inf
        return table

    def _compute(self, place: int, stage: Stage, tables: dict[int, torch.Tensor]) -> None:
        node, own = self.graph.nodes[place], self.graph.table(place)
        sources = [tables.get(self.graph.table(source)) for source in node.sources]
        if node.kind in INHERITING:
            rows = slice(stage.first[place], stage.last[place])
            compute_rows(node, sources[0][rows], tables[place][rows])
        for work in stage.works.get(place, ()):
            fast = self._fast[place] if self.plan.is_fast(place, work.tiles) else None
            compute_tiles(node, work, sources, tables[own], fast)

    def _collect(self, place: int, stage: Stage, tables: dict[int, torch.Tensor], run: Run) -> None:
        """Keep what a flattening or the sum of a channel makes of a node."""
        node = self.graph.nodes[place]
        if node.kind == "flatten":
            source = node.sources[0]
            maps = gathered_maps(tables[source], stage.maps[source])
            run.flattened.setdefault(place, []).append(maps)
        if place == self.graph.activity:
            rows = stage.maps[place]
            if run.channel is None:
                totals = tables[place].index_select(0, rows[0]).double().sum(0)
                run.channel = int(totals.argmax())
            values = tables[place][:, run.channel].index_select(0, rows.flatten())
            run.activity.append(values.view(rows.shape).double().sum(1))

    def _connect(self, run: Run) -> None:
        """Push what was flattened through the layers behind, all positions in one product."""
        values = {place: torch.cat(parts) for place, parts in run.flattened.items()}
        if not values:
            return
        run.flattened.clear()
        for place, node in enumerate(self.graph.nodes):
            if node.kind == "vector":
                values[place] = vector_step(node.step, [values[s] for s in node.sources])
        run.logits.append(values[len(self.graph.nodes) - 1])
