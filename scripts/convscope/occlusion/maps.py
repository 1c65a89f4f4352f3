"""The maps of one image: what the network says at every place of the patch; needs no torch."""

from dataclasses import dataclass

import numpy as np

from convscope.errors import UserError
from convscope.occlusion.grid import Grid
from convscope.occlusion.responses import Responses
from convscope.predictions.scores import softmax

SMALL = 1e-3
"""A clean probability below this leaves nothing to take away."""


@dataclass(frozen=True)
class Comparison:
    """How far a coarse-to-fine map is from the exact one, in the probability of the label.

    The label's place is taken by the clean image's top class where there is no label. ``ssim`` is
    None where a map is constant.
    """

    ssim: float | None
    largest_error: float


@dataclass(frozen=True, eq=False)
class OcclusionMaps:
    """Zeiler & Fergus' Fig. 7 (b), (d) and (e) in numbers; all maps are ``(rows, columns)``.

    Parameters
    ----------
    grid
        Where the patches lie.
    label
        The true class; None where the network does not have it.
    top
        The clean image's most probable class.
    channel
        The channel of the last convolution's ReLU with the largest clean spatial sum; None where no
        ReLU follows the last convolution.
    clean_logits, clean_probabilities, clean_log_odds
        Of label and top class; NaN without label.
    clean_activity
        The channel's spatial sum; NaN without channel.
    logits, probabilities, log_odds
        Of label and top class, ``(2, rows, columns)``; NaN without label. The log-odds,
        ln(p / (1 - p)), are from the logits, because p near 1 has lost them.
    class_map
        The most probable class, int32.
    margin
        How far its probability is above the second's.
    activity
        The channel's spatial sum; NaN without channel.
    evaluated
        Which cells were computed, boolean; the others are interpolated, their class is that of the
        nearest computed cell of the coarse grid.
    method
        ``exact``, ``plain`` or ``coarse_to_fine``.
    comparison
        With the exact map, where it was asked for.
    """

    grid: Grid
    label: int | None
    top: int
    channel: int | None
    clean_logits: tuple[float, float]
    clean_probabilities: tuple[float, float]
    clean_log_odds: tuple[float, float]
    clean_activity: float
    logits: np.ndarray
    probabilities: np.ndarray
    log_odds: np.ndarray
    class_map: np.ndarray
    margin: np.ndarray
    activity: np.ndarray
    evaluated: np.ndarray
    method: str
    comparison: Comparison | None = None

    @property
    def positions_evaluated(self) -> int:
        """Return how many places of the patch were computed."""
        return int(self.evaluated.sum())

    def drops(self, of: str = "label") -> np.ndarray:
        """Return by how much a patch lowers the probability of ``label`` or ``top``."""
        place = ("label", "top").index(of)
        return self.clean_probabilities[place] - self.probabilities[place]

    def remarks(self) -> list[str]:
        """Return what a reader of the figure must know, in short sentences."""
        found = []
        if self.label is None:
            found.append("the network does not have the image's class")
        elif self.clean_probabilities[0] < SMALL:
            probability = self.clean_probabilities[0]
            found.append(f"the clean image's probability of its class is already {probability:.2g}")
        if self.grid.shape == (1, 1):
            found.append("the patch has one position only")
        if not self.evaluated.all():
            found.append(
                f"{self.positions_evaluated} of {self.evaluated.size} positions were computed, "
                "the others interpolated"
            )
        return found


def check_label(label: int | None, classes: int) -> None:
    """Refuse a label that the network does not have.

    Raises
    ------
    UserError
        If it is no index below ``classes``.
    """
    if label is not None and not 0 <= label < classes:
        raise UserError(
            f"the network has no class {label}",
            where="label",
            remedy=f"Give an index from 0 to {classes - 1}, or null.",
        )


def _finite(logits: np.ndarray) -> np.ndarray:
    if not np.isfinite(logits).all():
        raise UserError(
            "the network computes NaN or infinity",
            where="logits",
            remedy="The weights or the preprocessing do not fit this network: check both.",
        )
    return logits


def _log_odds(logits: np.ndarray, index: int | None) -> np.ndarray:
    """Return the log-odds of a class ``(P,)``, in which p near 1 is not lost; NaN of none."""
    if index is None:
        return np.full(len(logits), np.nan)
    others = np.delete(logits, index, 1).astype(np.float64)
    if not others.shape[1]:
        return np.full(len(logits), np.inf)
    highest = others.max(1)
    return logits[:, index] - highest - np.log(np.exp(others - highest[:, None]).sum(1))


def maps_of(responses: Responses, grid: Grid, label: int | None, method: str) -> OcclusionMaps:
    """Return the maps of responses to all positions of a grid.

    Parameters
    ----------
    responses
        Of the network; positions that are missing are NaN, and -1 in the class map.
    grid
        Whose positions they are.
    label
        The true class, or None.
    method
        How they were computed.

    Raises
    ------
    UserError
        If the network does not have the label, or answered with NaN or infinity.
    """
    check_label(label, len(responses.clean_logits))
    rows = _finite(np.concatenate([responses.clean_logits[None], responses.logits]))
    probabilities = softmax(rows)
    top = int(rows[0].argmax())
    best = np.sort(probabilities[1:], 1)[:, ::-1][:, :2]
    second = best[:, 1] if best.shape[1] > 1 else np.zeros(len(best))
    place = tuple(responses.positions.T)

    def filled(values: np.ndarray, missing: float, dtype: type) -> np.ndarray:
        whole = np.full((*values.shape[:-1], *grid.shape), missing, dtype)
        whole[(..., *place)] = values
        return whole

    def pair(values: np.ndarray) -> np.ndarray:
        label_values = np.full(len(values), np.nan) if label is None else values[:, label]
        return np.stack([label_values, values[:, top]])

    log_odds = np.stack([_log_odds(rows, label), _log_odds(rows, top)])
    activity = np.full(len(rows) - 1, np.nan) if responses.activity is None else responses.activity
    clean_activity = np.nan if responses.clean_activity is None else responses.clean_activity
    return OcclusionMaps(
        grid,
        label,
        top,
        responses.channel,
        clean_logits=tuple(pair(rows[:1])[:, 0].tolist()),
        clean_probabilities=tuple(pair(probabilities[:1])[:, 0].tolist()),
        clean_log_odds=tuple(log_odds[:, 0].tolist()),
        clean_activity=clean_activity,
        logits=filled(pair(rows[1:]), np.nan, np.float64),
        probabilities=filled(pair(probabilities[1:]), np.nan, np.float64),
        log_odds=filled(log_odds[:, 1:], np.nan, np.float64),
        class_map=filled(rows[1:].argmax(1), -1, np.int32),
        margin=filled(best[:, 0] - second, np.nan, np.float64),
        activity=filled(activity, np.nan, np.float64),
        evaluated=filled(np.ones(len(rows) - 1), 0, bool),
        method=method,
    )
