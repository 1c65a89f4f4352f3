"""Which layers and which images a method looks at, from what the configuration says; no torch."""

import hashlib
from collections.abc import Mapping, Sequence

from convscope.errors import UserError
from convscope.networks.architectures import Architecture, Layer, resolve_layer
from convscope.planning.places import at_place
from convscope.planning.schema import suggestion

LayerChoice = str | Sequence[str]
ImageChoice = str | int | Sequence[str]


def chosen_layers(architecture: Architecture, choice: LayerChoice, where: str) -> list[Layer]:
    """Return layers in the order of computation.

    Parameters
    ----------
    architecture
        With the network's number of classes.
    choice
        ``all``; ``rectified``: every ReLU and the class layer (a convolution's strongest units are
        those of its ReLU); or names.
    where
        The config key, for messages.

    Raises
    ------
    UserError
        If there is no such layer.
    """
    layers = architecture.layers
    if choice == "all":
        return list(layers)
    if choice == "rectified":
        return [layer for layer in layers if layer.kind == "relu" or layer is layers[-1]]
    with at_place(where):
        names = {resolve_layer(architecture, text).name for text in choice}
    return [layer for layer in layers if layer.name in names]


def chosen_images(
    sample_sets: Mapping[str, Sequence[str]], choice: ImageChoice, where: str
) -> frozenset[str]:
    """Return image ids.

    Parameters
    ----------
    sample_sets
        The ids of each sample set.
    choice
        ``all``; a number of each sample set; or ids. A number takes the ids with the smallest
        digests: a scattered choice, in which an added image changes one place at most.
    where
        The config key, for messages.

    Raises
    ------
    UserError
        If an image is not in the run.
    """
    everything = [image for ids in sample_sets.values() for image in ids]
    if choice == "all":
        return frozenset(everything)
    if isinstance(choice, int):
        return frozenset(
            image for ids in sample_sets.values() for image in sorted(ids, key=_digest)[:choice]
        )
    known = set(everything)
    for image in choice:
        if image not in known:
            raise UserError(
                f"no image of the run is called {image!r}",
                where=where,
                remedy=suggestion(str(image), known),
            )
    return frozenset(choice)


def _digest(image: str) -> str:
    return hashlib.sha256(image.encode()).hexdigest()
