"""The network that a rule works with: built from its params, named by its check."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.networks.build import build_network
from convscope.networks.check import read_summary


def planned_network(
    settings: Mapping[str, Any], weights: str | Path, device: torch.device
) -> nn.Module:
    """Return the network that a rule's params describe, in eval mode.

    Parameters
    ----------
    settings
        With ``architecture``, ``classes`` (their number) and ``reference``.
    weights
        The converted weights file.
    device
        Where the network will run.

    Raises
    ------
    UserError
        As ``convscope.networks.build.build_network`` does.
    """
    return build_network(
        settings["architecture"],
        weights,
        classes=settings["classes"],
        device=device,
        reference=settings["reference"],
    )


def network_facts(check: str | Path) -> dict[str, Any]:
    """Return what a file that a network made says about it, from ``check_network``'s summary."""
    summary = read_summary(check)
    return {key: summary[key] for key in ("architecture", "weights_sha256")}
