"""Which layers an invariance curve is drawn for: bottom and top, or any; needs no torch."""

from collections.abc import Sequence
from typing import Any

from convscope.errors import UserError
from convscope.networks.architectures import Architecture, Layer, resolve_layer

BOTTOM, TOP, BETWEEN = "bottom", "top", "between"


def bottom_layer(architecture: Architecture) -> Layer:
    """Return the first convolution's ReLU; that convolution if no ReLU follows."""
    layers = architecture.layers
    first = next(place for place, layer in enumerate(layers) if layer.kind == "conv")
    return next((layer for layer in layers[first:] if layer.kind == "relu"), layers[first])


def top_layer(architecture: Architecture) -> Layer:
    """Return the last hidden layer.

    The input of the last linear layer (``relu7`` of VGG and AlexNet). Without a linear layer, the
    last rectified layer before the global pooling whose channels are not the classes themselves:
    SqueezeNet ends in a convolution of one channel a class, so that is ``fire9``, a concatenation
    of two ReLUs.
    """
    layers = architecture.layers
    linear = [place for place, layer in enumerate(layers) if layer.kind == "linear"]
    if linear and linear[-1] > 0:
        return [layer for layer in layers[: linear[-1]] if layer.kind != "flatten"][-1]
    pools = [place for place, layer in enumerate(layers) if layer.kind == "avgpool"]
    return _last_rectified(layers[: pools[-1]] if pools else layers) or layers[-1]


def last_map(architecture: Architecture) -> Layer:
    """Return the last rectified layer with a map, at or before the top layer: ``relu5_3``."""
    layers = architecture.layers
    top = top_layer(architecture)
    before = layers[: layers.index(top) + 1]
    return _last_rectified([layer for layer in before if len(layer.shape) == 3]) or top


def compared_layers(
    architecture: Architecture, names: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Return the layers of the correspondence, in the order given, as plain values.

    By default the last map and the last hidden layer: layers 5 and 7 of Zeiler & Fergus (2013),
    Table 1.

    Raises
    ------
    UserError
        If there is no such layer, or one is named twice.
    """
    if names is None:
        names = list(dict.fromkeys(f(architecture).name for f in (last_map, top_layer)))
    return [
        {key: layer[key] for key in ("name", "common_name")}
        for layer in chosen_layers(architecture, names)
    ]


def _last_rectified(layers: Sequence[Layer]) -> Layer | None:
    hidden = [layer for layer in layers if not layer.counts_classes]
    rectified = [place for place, layer in enumerate(hidden) if layer.kind == "relu"]
    if not rectified:
        return hidden[-1] if hidden else None
    # The two ReLUs of a Fire module are halves of the layer that follows them.
    after = hidden[rectified[-1] + 1 : rectified[-1] + 2]
    return after[0] if after and after[0].kind == "concat" else hidden[rectified[-1]]


def chosen_layers(
    architecture: Architecture, names: Sequence[str] | None = None, where: str = "layers"
) -> list[dict[str, Any]]:
    """Return the layers to measure as plain values, in the order given.

    Parameters
    ----------
    architecture
        The network's architecture.
    names
        Module names or common names; the first plays the bottom, the last the top. None for the
        default bottom and top.
    where
        The config key, for messages.

    Returns
    -------
    list of dict
        ``name, common_name, kind, shape, role``; the role is ``bottom``, ``top`` or ``between``.

    Raises
    ------
    UserError
        If there is no such layer, one is named twice, or none is named.
    """
    if names is None:
        chosen = list(dict.fromkeys([bottom_layer(architecture), top_layer(architecture)]))
    else:
        chosen = [resolve_layer(architecture, name) for name in names]
    if not chosen:
        raise UserError("no layer is named", where=where, remedy="Name one, or leave the key out.")
    for place, layer in enumerate(chosen):
        if layer in chosen[:place]:
            raise UserError(
                f"layer {layer.common_name} ({layer.name}) is named twice",
                where=where,
                remedy="Name each layer once.",
            )
    roles = [BETWEEN] * len(chosen)
    roles[0], roles[-1] = BOTTOM, TOP
    return [{**layer.settings, "role": role} for layer, role in zip(chosen, roles, strict=True)]
