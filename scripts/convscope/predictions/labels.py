"""Labels as every network understands them: from the user's text to indices of its classes."""

from collections.abc import Mapping, Sequence
from typing import Any

from convscope.classes.lists import ClassList, planned_class_list


def class_lists(classes: Mapping[str, str | Mapping[str, Any]]) -> dict[str, ClassList]:
    """Return each network's class list from its settings.

    Parameters
    ----------
    classes
        ``{network: "imagenet" or {"names": [...], "wnids": [...]}}``.
    """
    return {network: planned_class_list(entry) for network, entry in classes.items()}


def resolve_labels(
    labels: Mapping[str, str], classes: Mapping[str, ClassList]
) -> dict[str, dict[str, int | None]]:
    """Return ``{image: {network: index, or None where the label is none of its classes}}``.

    A label that fits several classes of a network is none of them: planning has refused it where
    the network looks at the image.
    """
    known = {
        text: {network: _only(entry.indices_of(text)) for network, entry in classes.items()}
        for text in sorted(set(labels.values()))
    }
    return {image: known[text] for image, text in labels.items()}


def _only(indices: Sequence[int]) -> int | None:
    return indices[0] if len(indices) == 1 else None
