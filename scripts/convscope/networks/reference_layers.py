"""The layers of the reference network, known without building it; no torch."""

from collections.abc import Sequence

from convscope.errors import UserError
from convscope.networks.architectures import Architecture, Layer
from convscope.networks.naming import common_names

REFERENCE = "reference"
INPUT_SIDE = 224
MOST_BLOCKS = 7


def reference_architecture(widths: Sequence[int], classes: int, hidden: int) -> Architecture:
    """Return what is known of the reference network before it is built.

    Parameters
    ----------
    widths, classes, hidden
        As for ``convscope.networks.reference.reference_network``.

    Raises
    ------
    UserError
        If there are so many blocks that nothing of the image is left, or none.
    """
    if not 1 <= len(widths) <= MOST_BLOCKS:
        raise UserError(
            f"{len(widths)} blocks, each of which halves the image",
            where="reference network, widths",
            remedy=f"Give 1 to {MOST_BLOCKS} numbers.",
        )
    table: list[tuple[str, str, tuple[int, ...]]] = []
    side = INPUT_SIDE
    for width in widths:
        for kind in ("conv", "relu", "conv", "relu"):
            table.append((f"features.{len(table)}", kind, (width, side, side)))
        side //= 2
        table.append((f"features.{len(table)}", "maxpool", (width, side, side)))
    table += [
        ("avgpool", "avgpool", (widths[-1], 1, 1)),
        ("classifier.0", "linear", (hidden,)),
        ("classifier.1", "relu", (hidden,)),
        ("classifier.2", "linear", (classes,)),
    ]
    names = common_names(REFERENCE, [(name, kind) for name, kind, _ in table])
    layers = tuple(
        Layer(name, common, kind, shape, counts_classes=name == "classifier.2")
        for (name, kind, shape), common in zip(table, names, strict=True)
    )
    return Architecture(
        name=REFERENCE,
        accepted=True,
        refusals=(),
        classes=classes,
        layers=layers,
        weights={},
        default_weights=None,
    )
