"""The common names of layers (``relu5_3``, ``fc6``, ``fire2``), as the papers call them.

VGG's names are Simonyan & Zisserman's Caffe models', SqueezeNet's are Iandola et al.'s. Works
without torch.
"""

import re
from collections.abc import Iterator, Sequence

SHORT_KINDS = {"batchnorm": "bn", "maxpool": "pool", "avgpool": "pool", "linear": "fc"}
FIRE = re.compile(r"features\.(\d+)(?:\.(\w+))?")


def common_names(architecture: str, layers: Sequence[tuple[str, str]]) -> list[str]:
    """Return the common name of each layer; the module's name where there is no other.

    Parameters
    ----------
    architecture
        torchvision's name, or ``reference``, which is named like a VGG.
    layers
        Name and kind of each layer, in the order of computation.
    """
    if re.fullmatch(r"vgg\d+(_bn)?|reference", architecture):
        return list(_vgg_names(layers))
    if architecture == "alexnet":
        return list(_alexnet_names(layers))
    if re.fullmatch(r"squeezenet\d_\d", architecture):
        return list(_squeezenet_names(layers))
    return [name for name, _ in layers]


def _vgg_names(layers: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Count convolutions within blocks, which pooling ends; linear layers count on from there."""
    block, convolution, linear = 1, 0, 0
    for name, kind in layers:
        if kind == "conv":
            convolution += 1
        if kind == "linear":
            linear = linear + 1 if linear else block + bool(convolution)
        if linear and kind in ("linear", "relu"):
            yield f"{SHORT_KINDS.get(kind, kind)}{linear}"
        elif kind in ("conv", "batchnorm", "relu"):
            yield f"{SHORT_KINDS.get(kind, kind)}{block}_{convolution}"
        elif kind == "maxpool":
            yield f"pool{block}"
            block, convolution = block + 1, 0
        else:
            yield name


def _alexnet_names(layers: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Count convolutions and linear layers together; the layers after each take its number."""
    number = 0
    for name, kind in layers:
        number += kind in ("conv", "linear")
        yield name if kind == "avgpool" else f"{SHORT_KINDS.get(kind, kind)}{number}"


def _squeezenet_names(layers: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Count convolutions and Fire modules together; a Fire's members stand behind its name."""
    fires = [name for name, kind in layers if kind == "concat"]
    numbers = {fire: number for number, fire in enumerate(fires, start=2)}
    number = 0
    for name, kind in layers:
        match = FIRE.fullmatch(name)
        parent = f"features.{match.group(1)}" if match else ""
        if match and parent in numbers:
            number = numbers[parent]
            member = match.group(2)
            yield f"fire{number}/{_fire_member(member)}" if member else f"fire{number}"
        else:
            number += kind == "conv"
            yield f"{SHORT_KINDS.get(kind, kind)}{number}"


def _fire_member(member: str) -> str:
    """Return a member's name in Iandola et al.'s model: ``relu_expand3x3``, ``squeeze1x1``."""
    place = member.removesuffix("_activation")
    place = "squeeze1x1" if place == "squeeze" else place
    return f"relu_{place}" if member.endswith("_activation") else place
