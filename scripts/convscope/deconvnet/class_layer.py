"""Where the projection of a class starts; needs no torch."""

from convscope.networks.architectures import Architecture, Layer

PASSING = ("relu", "avgpool", "flatten")
"""What may follow the layer that computes the classes without computing anything of its own."""


def class_layer(architecture: Architecture) -> Layer:
    """Return the layer whose channels are the classes and from whose peaks they are projected.

    A class is projected from the strongest position of its channel there. That is the layer of the
    logits, except behind a global average (SqueezeNet): the average over all positions of a
    convolution mixes them, and rectification on the way down often leaves nothing of the mixture.
    There it is the convolution itself, before its ReLU, whose peak is one position.

    Parameters
    ----------
    architecture
        With its layers; the last one gives the logits.
    """
    layers = architecture.layers
    place = len(layers) - 1
    while layers[place].kind in PASSING and layers[place - 1].counts_classes:
        place -= 1
    return layers[place]


def is_globally_pooled(architecture: Architecture) -> bool:
    """Return whether the logits are averages of a map that has a channel a class."""
    start = class_layer(architecture)
    return start is not architecture.layers[-1] and start.height * start.width > 1
