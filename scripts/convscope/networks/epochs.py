"""The reference network as it was at an epoch of its training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.errors import UserError
from convscope.files import how_to_rebuild
from convscope.networks.build import REFERENCE, skeleton
from convscope.networks.training_files import read_checkpoint


def network_of_epoch(
    checkpoints: str | Path,
    epoch: int,
    *,
    classes: int,
    device: torch.device | str,
    reference: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build the reference network in eval mode with the weights of a kept epoch.

    Parameters
    ----------
    checkpoints
        The file of kept epochs.
    epoch
        One of them.
    classes, device, reference
        As for ``build_network``.

    Raises
    ------
    UserError
        If that epoch was not kept, or the weights are another network's.
    """
    network = skeleton(REFERENCE, classes=classes, reference=reference)
    try:
        network.load_state_dict(read_checkpoint(checkpoints, epoch), strict=True, assign=True)
    except RuntimeError as error:
        raise UserError(
            f"the weights are not those of this network with {classes} classes ({error})",
            where=str(checkpoints),
            remedy=how_to_rebuild(checkpoints),
        ) from None
    return network.requires_grad_(False).eval().to(device)
