"""What a figure of occlusion says in words; needs no torch."""

import math
from collections.abc import Mapping
from typing import Any

from convscope.figures.text import number
from convscope.occlusion.figures.subject import Subject
from convscope.occlusion.grid import Grid
from convscope.occlusion.maps import OcclusionMaps

SATURATED = 0.95
"""From here on a map of probabilities hides what a map of log-odds shows."""
FILLS = {
    "black": "black",
    "grey": "grey",
    "mean": "filled with the mean colour of the network's transform",
    "image_mean": "filled with the image's mean colour",
    "blur": "filled with the blurred image",
    "noise": "filled with noise",
}
METHODS = {
    "exact": "exact (incremental)",
    "plain": "exact (plain batches)",
    "coarse_to_fine": "coarse to fine",
}


def probability_text(value: float) -> str:
    """Return a probability as printed: four decimals, and what these can't show in other words."""
    if math.isnan(value):
        return "undefined"
    if 0 < value < 0.0005:
        return number(value)
    return "above 0.9999" if 0.99995 <= value < 1 else f"{value:.4f}"


def share_text(share: float) -> str:
    """Return a share in per cent; small ones are not called zero."""
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"


def occluder_text(occluder: Mapping[str, Any], grid: Grid) -> str:
    """Return patch, fill, stride and positions in words.

    Parameters
    ----------
    occluder
        As ``Occluder.settings`` gives it.
    grid
        Its positions.
    """
    height, width = grid.patch
    fill = FILLS[occluder["fill"]]
    if occluder["fill"] == "blur":
        fill += f" (σ {occluder['sigma']:g} px)"
    if occluder["fill"] == "noise":
        fill += f" (seed {occluder['seed']})"
    down, across = grid.stride
    stride = f"{down}" if down == across else f"{down} down and {across} across"
    rows, columns = grid.shape
    positions = "1 position" if rows * columns == 1 else f"{rows} × {columns} positions"
    return f"patch {height} × {width} px, {fill}; stride {stride} px; {positions}{_left_out(grid)}"


def method_text(maps: OcclusionMaps) -> str:
    """Return how the maps were computed, and how far they are from exact ones where known."""
    words = (
        f"method: {METHODS.get(maps.method, maps.method)}, "
        f"{maps.positions_evaluated} of {maps.evaluated.size} positions evaluated"
    )
    if maps.comparison is None:
        return words
    ssim = maps.comparison.ssim
    similar = "undefined" if ssim is None else f"{ssim:.3f}"
    return (
        f"{words}; against the exact map: SSIM {similar}, "
        f"largest error {number(maps.comparison.largest_error)}"
    )


def answer_text(subject: Subject) -> str:
    """Return what the network says about the image as it is, and which class maps are of."""
    maps = subject.maps
    top = f"{subject.names[maps.top]} ({probability_text(maps.clean_probabilities[1])})"
    if maps.label is None:
        label = "no label" if subject.label is None else f"label: {subject.label}"
        return f"{label}; maps are of the most probable class of the clean image, {top}"
    clean = probability_text(subject.clean)
    same = "the most probable class" if maps.top == maps.label else f"most probable: {top}"
    return f"label: {subject.name}; probability of the clean image {clean}; {same}"


def remarks(subject: Subject) -> list[str]:
    """Return what a reader must know to read the figure right, in sentences."""
    maps = subject.maps
    found = [f"{remark[0].upper()}{remark[1:]}." for remark in maps.remarks()]
    if maps.label is None and subject.label is None:
        # There is no class that the network could lack.
        found = ["The image has no label.", *found[1:]]
    if subject.clean >= SATURATED:
        found.append(
            "The clean probability is nearly 1, so that much of the map is flat: the log-odds show "
            "what it hides."
        )
    return found


def _left_out(grid: Grid) -> str:
    """Say how many pixels behind the last position are never covered."""
    left = [grid.image[axis] - grid.starts(axis)[-1] - grid.patch[axis] for axis in (0, 1)]
    if not any(left):
        return ""
    if left[0] == left[1]:
        return f"; the last {left[0]} px of rows and columns are never covered"
    return f"; the last {left[0]} px below and {left[1]} px at the right are never covered"
