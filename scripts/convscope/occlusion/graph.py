"""A network's steps as nodes whose outputs are kept, for the incremental engine."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from convscope.deconvnet.axes import pair
from convscope.deconvnet.program import Program, Step
from convscope.deconvnet.receptive_fields import averaging_matrix, step_taps
from convscope.errors import UserError

ROWWISE = ("relu", "batchnorm")
"""Operations that treat every position of a map alike."""


@dataclass(frozen=True, eq=False)
class Node:
    """One or more steps with one output that later nodes read.

    Parameters
    ----------
    kind
        ``input``, ``conv``, ``pointwise`` (a convolution that reads one position), ``rowwise``,
        ``maxpool``, ``avgpool``, ``concat``, ``add``, ``flatten``, or ``vector`` for whatever
        comes behind a flattening.
    step
        The operation itself.
    sources
        The places of the nodes that it reads.
    channels
        Of its output.
    sides
        Rows and columns of its output; (1, 1) for vectors.
    tail
        Rowwise steps that follow at once.
    into
        For a convolution that only a concatenation reads: its place, and the first of its channels
        there. It has no table of its own then, and nothing is copied.
    """

    kind: str
    step: Step
    sources: tuple[int, ...]
    channels: int
    sides: tuple[int, int]
    tail: tuple[Step, ...] = ()
    into: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Graph:
    """The nodes in the order of computation; the last one makes the logits.

    ``activity`` is the node that ends in the last convolution's ReLU, None where there is none.
    """

    nodes: tuple[Node, ...]
    activity: int | None

    def table(self, place: int) -> int:
        """Return the place of the node whose table holds a node's output."""
        into = self.nodes[place].into
        return place if into is None else into[0]

    def readers(self, place: int) -> list[int]:
        """Return the places of the nodes that read a node."""
        return [reader for reader, node in enumerate(self.nodes) if place in node.sources]


def activity_step(program: Program) -> int | None:
    """Return the place of the first ReLU behind the last convolution; None if there is none.

    Behind means through batch normalisation, sums and concatenations only.
    """
    convolutions = [p for p, step in enumerate(program.steps) if step.kind == "conv"]
    reached = set(convolutions[-1:])
    for place, step in enumerate(program.steps):
        if reached.intersection(step.sources):
            if step.kind == "relu":
                return place
            if step.kind in ("batchnorm", "add", "concat", "identity"):
                reached.add(place)
    return None


def graph_of(program: Program, image_size: tuple[int, int]) -> Graph:
    """Return the nodes of a program.

    Parameters
    ----------
    program
        Of the network.
    image_size
        Height and width of the image.

    Raises
    ------
    UserError
        If the network does not end in a vector of logits.
    """
    builder = _Builder(program, image_size)
    for place, step in enumerate(program.steps):
        builder.add(place, step)
    last = builder.nodes[-1]
    if last.kind not in ("vector", "flatten"):
        raise UserError(
            "its last output is a map, not a vector of logits",
            where=last.step.place,
            remedy="Use a classifier that flattens its last map.",
        )
    activity = None if builder.activity is None else builder.node_of[builder.activity]
    return Graph(_with_joined_outputs(Graph(tuple(builder.nodes), activity)), activity)


def _with_joined_outputs(graph: Graph) -> tuple[Node, ...]:
    """Return the nodes with those convolutions marked that can write into a concatenation."""
    nodes = list(graph.nodes)
    for place, node in enumerate(graph.nodes):
        branches = [graph.nodes[source] for source in node.sources]
        alone = all(
            branch.kind in ("conv", "pointwise")
            and graph.readers(source) == [place]
            and source != graph.activity
            for source, branch in zip(node.sources, branches, strict=True)
        )
        different = len(set(node.sources)) == len(node.sources)
        if node.kind == "concat" and alone and different and not node.tail:
            channel = 0
            for source, branch in zip(node.sources, branches, strict=True):
                nodes[source] = replace(branch, kind="conv", into=(place, channel))
                channel += branch.channels
    return tuple(nodes)


class _Builder:
    def __init__(self, program: Program, image_size: tuple[int, int]) -> None:
        self.nodes: list[Node] = []
        self.node_of: dict[int, int] = {}
        self.activity = activity_step(program)
        self._image_size = image_size
        self._readers = Counter(s for step in program.steps for s in step.sources)
        self._ends: dict[int, int] = {}  # the step whose output a node makes
        self._same: dict[int, int] = {}  # steps that do nothing, and whose output they pass on

    def add(self, place: int, step: Step) -> None:
        """Append a step: as a node of its own, to its source's node, or not at all."""
        sources = tuple(self.node_of[source] for source in step.sources)
        if self._does_nothing(step, sources):
            self.node_of[place] = sources[0]
            self._same[place] = self._origin(step.sources[0])
            self._readers[self._same[place]] += self._readers[place] - 1
            return
        if step.kind == "mean":
            self._append(self._map_node(step, "avgpool", sources), place)
            sources = (len(self.nodes) - 1,)
        if self._joins_source(step, sources):
            node = self.nodes[sources[0]]
            self.nodes[sources[0]] = replace(node, tail=(*node.tail, step))
            self._ends[sources[0]] = place
            self.node_of[place] = sources[0]
            return
        self._append(self._node(step, sources), place)

    def _append(self, node: Node, place: int) -> None:
        self._ends[len(self.nodes)] = place
        self.node_of[place] = len(self.nodes)
        self.nodes.append(node)

    def _node(self, step: Step, sources: tuple[int, ...]) -> Node:
        if step.kind == "input":
            return Node("input", step, (), 3, self._image_size)
        if step.kind in ("flatten", "mean"):
            source = self.nodes[sources[0]]
            return Node(
                "flatten", step, sources, source.channels * int(np.prod(source.sides)), (1, 1)
            )
        if self._is_vector(sources[0]):
            return Node("vector", step, sources, 0, (1, 1))
        kind = "rowwise" if step.kind in ROWWISE else step.kind
        if kind == "conv" and reads_one_position(step):
            kind = "pointwise"
        return self._map_node(step, kind, sources)

    def _map_node(self, step: Step, kind: str, sources: tuple[int, ...]) -> Node:
        first = self.nodes[sources[0]]
        channels, sides = first.channels, first.sides
        if kind in ("conv", "maxpool", "avgpool"):
            sides = tuple(len(step_taps(step, axis, sides[axis]).first) for axis in (0, 1))
        if kind in ("conv", "pointwise"):
            channels = step.tensors["weight"].shape[0]
        if kind == "concat":
            channels = sum(self.nodes[source].channels for source in sources)
        return Node(kind, step, sources, channels, sides)

    def _does_nothing(self, step: Step, sources: tuple[int, ...]) -> bool:
        if step.kind == "identity":
            return True
        if step.kind == "flatten":
            return self._is_vector(sources[0])
        if step.kind != "avgpool":
            return False
        sides = self.nodes[sources[0]].sides
        matrices = [averaging_matrix(step, axis, sides[axis]) for axis in (0, 1)]
        return all(np.array_equal(matrix, np.eye(len(matrix))) for matrix in matrices)

    def _joins_source(self, step: Step, sources: tuple[int, ...]) -> bool:
        """Return whether nobody but this rowwise step reads what its source makes."""
        if step.kind not in ROWWISE or self.nodes[sources[0]].kind in (
            "input",
            "flatten",
            "vector",
        ):
            return False
        alone = self._readers[self._origin(step.sources[0])] == 1
        return alone and self._ends[sources[0]] != self.activity

    def _origin(self, place: int) -> int:
        return self._same.get(place, place)

    def _is_vector(self, node: int) -> bool:
        return self.nodes[node].kind in ("flatten", "vector")


def reads_one_position(step: Step) -> bool:
    """Return whether a convolution treats every position alike: 1 x 1, and nothing else."""
    module = step.module
    sizes = [pair(value, axis) for value in (module.kernel_size, module.stride) for axis in (0, 1)]
    unpadded = module.padding in (0, (0, 0), "same", "valid")
    return set(sizes) == {1} and unpadded and module.groups == 1
