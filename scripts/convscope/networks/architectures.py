"""The table of architectures: layers, shapes, common names and weights, read without torch."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from convscope.errors import UserError

REASONS_SHOWN = 3


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Parameters
    ----------
    name
        The module's name in torchvision, ``features.28``.
    common_name
        What papers call it, ``relu5_3``; the module's name where there is no other.
    kind
        ``conv``, ``batchnorm``, ``relu``, ``maxpool``, ``avgpool``, ``linear``, ``flatten``,
        ``concat`` or ``add``.
    shape
        ``(C, H, W)`` or ``(C,)`` for one 224x224 image.
    counts_classes
        Whether C is the number of classes.
    """

    name: str
    common_name: str
    kind: str
    shape: tuple[int, ...]
    counts_classes: bool = False

    @property
    def channels(self) -> int:
        """C."""
        return self.shape[0]

    @property
    def height(self) -> int:
        """H; 1 for a vector layer."""
        return self.shape[1] if len(self.shape) == 3 else 1

    @property
    def width(self) -> int:
        """W; 1 for a vector layer."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def settings(self) -> dict[str, Any]:
        """The layer as plain values, for a rule's params."""
        return {
            "name": self.name,
            "common_name": self.common_name,
            "kind": self.kind,
            "shape": list(self.shape),
        }


@dataclass(frozen=True)
class Architecture:
    """What is known of an architecture before any of its weights are read.

    Parameters
    ----------
    name
        torchvision's name.
    accepted
        Whether the methods can treat it.
    refusals
        Why not, by layer.
    classes
        The number of classes that ``layers`` is given for.
    layers
        The layers in the order of computation; empty when refused.
    weights
        torchvision's weights by the enum's name: ``file``, ``sha256`` (or None), ``sha256_prefix``
        (or None), ``bytes`` (or None), ``mebibytes``, ``classes`` (or None), ``resize``, ``crop``,
        ``interpolation``, ``mean``, ``std``, ``top1``, ``top5`` (percent, or None).
    default_weights
        The enum that torchvision recommends.
    """

    name: str
    accepted: bool
    refusals: tuple[str, ...]
    classes: int
    layers: tuple[Layer, ...]
    weights: Mapping[str, Mapping[str, Any]]
    default_weights: str | None

    def with_classes(self, classes: int) -> "Architecture":
        """Return the same architecture for another number of classes."""
        layers = tuple(
            replace(layer, shape=(classes, *layer.shape[1:])) if layer.counts_classes else layer
            for layer in self.layers
        )
        return replace(self, layers=layers, classes=classes)


def architecture_names(directory: str | Path) -> list[str]:
    """Return the names of the architectures of a table, sorted, refused ones included."""
    return sorted(path.stem for path in Path(directory).glob("*.json"))


def load_architecture(directory: str | Path, name: str) -> Architecture:
    """Read one architecture, refused or not.

    Parameters
    ----------
    directory
        Where the table lies, a JSON file an architecture.
    name
        torchvision's name, ``vgg16``.

    Raises
    ------
    UserError
        If there is no such architecture.
    """
    path = Path(directory) / f"{name}.json"
    if not re.fullmatch(r"[a-z0-9_]+", name) or not path.is_file():
        known = architecture_names(directory)
        near = get_close_matches(name.lower(), known, n=3)
        raise UserError(
            f"torchvision has no architecture {name!r}",
            where="architecture",
            remedy=f"Near it: {', '.join(near)}." if near else f"Known: {', '.join(known)}.",
        )
    table = json.loads(path.read_text(encoding="utf-8"))
    layers = tuple(Layer(**{**layer, "shape": tuple(layer["shape"])}) for layer in table["layers"])
    return Architecture(
        name=table["name"],
        accepted=table["accepted"],
        refusals=tuple(table["refusals"]),
        classes=table["classes"],
        layers=layers,
        weights=table["weights"],
        default_weights=table["default_weights"],
    )


def accepted_architecture(directory: str | Path, name: str) -> Architecture:
    """Read one architecture that the methods can treat.

    Raises
    ------
    UserError
        If there is no such architecture, or if it is refused: by layer, with the reason.
    """
    architecture = load_architecture(directory, name)
    if not architecture.accepted:
        raise refusal_error(name, architecture.refusals)
    return architecture


def refusal_error(name: str, refusals: tuple[str, ...] | list[str]) -> UserError:
    """Return the error for a network that the pre-flight check refuses."""
    more = len(refusals) - REASONS_SHOWN
    reasons = "; ".join(refusals[:REASONS_SHOWN])
    return UserError(
        f"the methods cannot treat this network: {reasons}"
        + (f"; and {more} more reasons" if more > 0 else ""),
        where=f"architecture {name}",
        remedy="Use a network of convolutions, nn.ReLU modules and pooling (vgg16, resnet50).",
    )


def resolve_layer(architecture: Architecture, text: str) -> Layer:
    """Return the layer that a module's name (``features.29``) or a common name means.

    Raises
    ------
    UserError
        If there is no such layer; the message names the nearest ones in both forms.
    """
    for layer in architecture.layers:
        if text in (layer.name, layer.common_name):
            return layer
    both = {layer.name: layer for layer in architecture.layers}
    both |= {layer.common_name: layer for layer in architecture.layers}
    near = get_close_matches(text, both, n=3, cutoff=0.5) or list(both)[-3:]
    forms = dict.fromkeys(_both_names(both[name]) for name in near)
    raise UserError(
        f"{architecture.name} has no layer {text!r}",
        where=f"layers of {architecture.name}",
        remedy=f"Near it: {', '.join(forms)}.",
    )


def resolve_weights(architecture: Architecture, text: str) -> tuple[str, Mapping[str, Any]]:
    """Return the enum's name and its entry; ``DEFAULT`` means torchvision's choice.

    Raises
    ------
    UserError
        If torchvision has no such weights for this architecture.
    """
    name = architecture.default_weights if text == "DEFAULT" else text
    if name in architecture.weights:
        return name, architecture.weights[name]
    raise UserError(
        f"torchvision has no weights {text!r} for {architecture.name}",
        where=f"weights of {architecture.name}",
        remedy=f"There are: {', '.join(architecture.weights)}; or give a file, or random.",
    )


def _both_names(layer: Layer) -> str:
    return layer.name if layer.name == layer.common_name else f"{layer.common_name} ({layer.name})"
