"""The operations of the incremental engine on tables of rows: gather, compute, store.

A table is ``(rows, C)``, as ``layout`` describes it. Tiles are computed in parts whose buffers fit
a processor's cache.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch.nn import functional

from convscope.deconvnet.program import Step
from convscope.occlusion.graph import Node, reads_one_position
from convscope.occlusion.plan import Work
from convscope.occlusion.winograd import KERNEL, convolved_tiles

BUFFER_BYTES = {"cpu": 8 << 20, "cuda": 256 << 20}
"""The size of what is gathered at once."""


def compute_tiles(
    node: Node,
    work: Work,
    sources: Sequence[torch.Tensor],
    table: torch.Tensor,
    fast: torch.Tensor | None,
) -> None:
    """Compute a node's tiles and write them into its table.

    Parameters
    ----------
    node
        A convolution, pooling or join.
    work
        Its tiles and what they read.
    sources
        The tables of the nodes that it reads.
    table
        Its own table, or the concatenation's.
    fast
        The transformed weights, where the tiles go through the fast convolution.
    """
    first = 0 if node.into is None else node.into[1]
    rows = slice(work.tiles.offset, work.tiles.offset + work.tiles.rows)
    out = table[rows, first : first + node.channels]
    if fast is not None:
        _convolve_fast(node, work, sources[0], out, fast)
    elif node.kind in ("conv", "maxpool"):
        _slide(node, work, sources[0], out)
    else:
        _combine(node, work, sources, out)


def compute_rows(node: Node, source: torch.Tensor, out: torch.Tensor) -> None:
    """Compute a pointwise convolution or a rowwise step from rows of its source to its own."""
    channels = source.shape[1] + out.shape[1]
    for part in _parts(len(source), channels, source):
        values = source[part]
        if node.kind == "pointwise":
            _finish(_linear(values, node.step), node, out[part])
        else:
            _finish(_rowwise(values, node.step), node, out[part])


def gathered_maps(table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return whole maps ``(n, C * H * W)`` from the rows of their positions ``(n, H * W)``."""
    values = table.index_select(0, rows.flatten()).view(*rows.shape, -1)
    return values.transpose(1, 2).flatten(1)


def vector_step(step: Step, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the output of a step on vectors ``(n, F)``."""
    if step.kind == "linear":
        return _linear(inputs[0], step)
    if step.kind == "concat":
        return torch.cat(list(inputs), 1)
    if step.kind == "add":
        return inputs[0] + inputs[1]
    return _rowwise(inputs[0], step)


def _slide(node: Node, work: Work, source: torch.Tensor, out: torch.Tensor) -> None:
    """Compute a convolution or max pooling from windows that hold their own padding."""
    windows, channels = work.reads[0], source.shape[1]
    size = len(out) // len(windows)
    pointwise = node.kind == "conv" and reads_one_position(node.step)
    for part in _parts(len(windows), windows[0].numel() * channels + out.shape[1] * size, source):
        values = source.index_select(0, windows[part].flatten())
        if pointwise:
            values = _linear(values, node.step)
        else:
            images = values.view(-1, *windows.shape[1:], channels).permute(0, 3, 1, 2)
            values = _on_windows(images, node).permute(0, 2, 3, 1).reshape(-1, out.shape[1])
        _finish(values, node, out[part.start * size : part.stop * size])


def _on_windows(images: torch.Tensor, node: Node) -> torch.Tensor:
    module, tensors = node.step.module, node.step.tensors
    if node.kind == "maxpool":
        return functional.max_pool2d(images, module.kernel_size, module.stride, 0, module.dilation)
    weight, bias = tensors["weight"], tensors.get("bias")
    return functional.conv2d(images, weight, bias, module.stride, 0, module.dilation, module.groups)


def _convolve_fast(
    node: Node, work: Work, source: torch.Tensor, out: torch.Tensor, fast: torch.Tensor
) -> None:
    windows, (height, width) = work.reads[0], work.tiles.size
    points = (height + KERNEL - 1) * (width + KERNEL - 1)
    per_tile = points * max(source.shape[1], out.shape[1])
    channels, bias = out.shape[1], node.step.tensors.get("bias")
    for part in _parts(windows.shape[2], per_tile, source):
        chosen = windows[:, :, part]
        inputs = source.index_select(0, chosen.flatten()).view(*chosen.shape, -1)
        values = convolved_tiles(inputs, fast, (height, width))
        if bias is not None:
            values += bias
        rows = slice(part.start * height * width, part.stop * height * width)
        place = out[rows].view(-1, height, width, channels).permute(1, 2, 0, 3)
        _finish(values, node, place)


def _combine(node: Node, work: Work, sources: Sequence[torch.Tensor], out: torch.Tensor) -> None:
    taps = work.reads[0].shape[1] if work.reads[0].dim() == 2 else len(sources)
    channels = out.shape[1] * (taps + 1)
    for part in _parts(len(out), channels, out):
        inputs = [
            source.index_select(0, rows[part].flatten())
            for source, rows in zip(sources, work.reads, strict=True)
        ]
        if node.kind == "concat":
            values = torch.cat(inputs, 1)
        elif node.kind == "add":
            values = inputs[0] + inputs[1]
        else:
            read = inputs[0].view(-1, taps, out.shape[1])
            if work.weights is not None:
                read = read * work.weights[part].to(out.dtype)[:, :, None]
            # A sum in torch's own order, whose rounding errors stay small.
            values = read.sum(1) / work.divisors[part].to(out.dtype)
        _finish(values, node, out[part])


def _finish(values: torch.Tensor, node: Node, out: torch.Tensor) -> None:
    """Apply the rowwise steps that follow, and store."""
    for step in node.tail[:-1]:
        values = _rowwise(values, step)
    if node.tail and node.tail[-1].kind == "relu":
        torch.clamp_min(values, 0, out=out)
    elif node.tail:
        out.copy_(_rowwise(values, node.tail[-1]))
    else:
        out.copy_(values)


def _linear(values: torch.Tensor, step: Step) -> torch.Tensor:
    return functional.linear(values, step.tensors["weight"].flatten(1), step.tensors.get("bias"))


def _rowwise(values: torch.Tensor, step: Step) -> torch.Tensor:
    if step.kind == "relu":
        return values.relu()
    tensors: Mapping[str, torch.Tensor] = step.tensors
    names = ("running_mean", "running_var", "weight", "bias")
    rows = functional.batch_norm(
        values.reshape(-1, values.shape[-1]),
        *(tensors.get(name) for name in names),
        training=False,
        eps=step.module.eps,
    )
    return rows.view(values.shape)


def _parts(count: int, elements: int, like: torch.Tensor) -> Iterator[slice]:
    """Yield slices of ``count`` things of so many elements each, no more than a buffer at once."""
    limit = BUFFER_BYTES[like.device.type] // like.element_size()
    number = max(1, -(-count * elements // limit))
    size = -(-count // number) if count else 1
    for first in range(0, count, size):
        yield slice(first, min(count, first + size))
