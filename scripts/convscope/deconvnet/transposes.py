"""The transpose of each operation, applied to signals within windows; biases play no part."""

import numpy as np
import torch
from torch.nn import functional

from convscope.deconvnet.axes import interpolating, padding_of, pair
from convscope.deconvnet.program import Step
from convscope.deconvnet.receptive_fields import averaging_matrix, step_taps
from convscope.deconvnet.windows import CHANNELS_LAST, Signals, Size, confined, cut

Moved = tuple[torch.Tensor, np.ndarray]


def transposed_convolution(step: Step, signals: Signals, outputs: Size, inputs: Size) -> Moved:
    """Return signals below a convolution and the corners of their windows.

    Only the windows are computed. Where a window is the whole map, the borders are cropped by
    the transposed convolution itself, to exactly the input's size (AlexNet's first: 224).

    Parameters
    ----------
    outputs, inputs
        Height and width of the maps above and below.
    """
    module = step.module
    corners = signals.corners.copy()
    padding, extra = [0, 0], [0, 0]
    for axis in (0, 1):
        height = signals.values.shape[2 + axis]
        stride, dilation = pair(module.stride, axis), pair(module.dilation, axis)
        before, after = padding_of(module, axis)
        span = (height - 1) * stride + dilation * (pair(module.kernel_size, axis) - 1) + 1
        corners[:, axis] = corners[:, axis] * stride - before
        missing = inputs[axis] - (span - 2 * before)
        if height == outputs[axis] and before == after and 0 <= missing < max(stride, dilation):
            padding[axis], extra[axis] = before, missing
            corners[:, axis] = 0
    alone = signals.values.shape[2:] == (1, 1) and padding == extra == [0, 0]
    if alone and module.groups == 1 and pair(module.dilation, 0) == pair(module.dilation, 1) == 1:
        values = _from_one_position(signals.values, step.tensors["weight"])
    else:
        values = functional.conv_transpose2d(
            signals.values.contiguous(memory_format=CHANNELS_LAST),
            step.tensors["weight"],
            None,
            module.stride,
            padding,
            extra,
            module.groups,
            module.dilation,
        )
    return confined(values, corners, inputs)


def _from_one_position(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the sum of filters that one position weighs: a product of two matrices."""
    count, (_, channels, height, width) = len(values), weight.shape
    if weight.is_contiguous():
        filters = values.flatten(1) @ weight.flatten(1)
        return filters.view(count, channels, height, width)
    filters = values.flatten(1) @ weight.permute(0, 2, 3, 1).flatten(1)
    return filters.view(count, height, width, channels).permute(0, 3, 1, 2)


def unpooled(step: Step, signals: Signals, switches: torch.Tensor, inputs: Size) -> Moved:
    """Return signals below a max pooling: each value goes where its maximum was.

    Overlapping windows may share a maximum; what arrives there adds up, always in the same order.

    Parameters
    ----------
    switches
        The winning taps ``(1, C, H, W)``, as ``record`` counts them.
    """
    module, values = step.module, signals.values
    kernel, stride, dilation = (
        [pair(value, axis) for axis in (0, 1)]
        for value in (module.kernel_size, module.stride, module.dilation)
    )
    size = np.array(values.shape[2:])
    span = (size - 1) * stride + np.array(dilation) * (np.array(kernel) - 1) + 1
    taps = cut(switches, signals.corners, tuple(size.tolist()))
    apart = kernel == stride and dilation == [1, 1]
    shape = (*values.shape[:2], *span.tolist())
    result = torch.empty(
        shape, dtype=values.dtype, device=values.device, memory_format=CHANNELS_LAST
    )
    if not apart:
        result.zero_()
    for tap in range(kernel[0] * kernel[1]):
        down, across = tap // kernel[1] * dilation[0], tap % kernel[1] * dilation[1]
        place = result[
            :,
            :,
            down : down + (size[0] - 1) * stride[0] + 1 : stride[0],
            across : across + (size[1] - 1) * stride[1] + 1 : stride[1],
        ]
        if apart:
            torch.mul(values, taps == tap, out=place)
        else:
            place.add_(values * (taps == tap))
    before = np.array([padding_of(module, axis)[0] for axis in (0, 1)])
    return confined(result, signals.corners * stride - before, inputs)


def spread(step: Step, signals: Signals, inputs: Size) -> Moved:
    """Return signals below an averaging or, for max pooling, after linear interpolation."""
    matrices, corners = [], []
    for axis in (0, 1):
        matrix = _matrix(step, axis, inputs[axis])
        height = signals.values.shape[2 + axis]
        cuts, corner = _cut_matrix(matrix, signals.corners[:, axis], height)
        matrices.append(
            torch.from_numpy(cuts).to(signals.values.device, dtype=signals.values.dtype)
        )
        corners.append(corner)
    values = torch.einsum("nchw,nhi,nwj->ncij", signals.values, *matrices)
    return values.contiguous(memory_format=CHANNELS_LAST), np.stack(corners, 1)


def batchnorm_scale(step: Step) -> torch.Tensor:
    """Return what a batch normalisation in eval mode multiplies each channel by, ``(C,)``."""
    scale = torch.rsqrt(step.tensors["running_var"] + step.module.eps)
    return scale * step.tensors["weight"] if "weight" in step.tensors else scale


def nonzero(values: torch.Tensor) -> np.ndarray:
    """Return which of the signals ``(n, ...)`` have an element that is not zero, ``(n,)``."""
    # A thin sample shows it for nearly all of them, without reading everything.
    sample = values[:, :, ::7, ::7] if values.dim() == 4 else values
    alive = (sample != 0).flatten(1).any(1).cpu().numpy()
    for row in np.flatnonzero(~alive):
        alive[row] = bool(values[row].any())
    return alive


def _matrix(step: Step, axis: int, side: int) -> np.ndarray:
    if step.kind == "maxpool":
        return interpolating(len(step_taps(step, axis, side).first), side)
    return averaging_matrix(step, axis, side)


def _cut_matrix(
    matrix: np.ndarray, corners: np.ndarray, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each window its part of a matrix ``(out, in)`` and where that starts below."""
    outputs, side = matrix.shape
    rows = corners[:, None] + np.arange(height)
    inside = (rows >= 0) & (rows < outputs)
    parts = np.where(inside[..., None], matrix[np.clip(rows, 0, outputs - 1)], 0.0)
    reached = (parts != 0).any(1)
    first = reached.argmax(1)
    last = np.where(reached.any(1), side - reached[:, ::-1].argmax(1), first)
    width = max(1, int((last - first).max()))
    first = np.minimum(first, side - width)
    columns = first[:, None] + np.arange(width)
    return np.take_along_axis(parts, columns[:, None, :], 2), first
