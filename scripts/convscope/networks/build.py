"""Networks from an architecture and a weights file, without the cost of an initialisation."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.overrides import TorchFunctionMode

from convscope.errors import UserError
from convscope.files import how_to_rebuild

LOGGER = logging.getLogger(__name__)
REFERENCE = "reference"
# These two warn unless they are told how to initialise; what they say here changes no shape.
EXTRA_ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


def build_network(
    architecture: str,
    weights: str | Path,
    *,
    classes: int,
    device: torch.device | str,
    reference: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a network in eval mode from a converted weights file.

    The modules are made on the meta device and take the file's memory-mapped tensors, so that
    nothing is initialised or copied on the CPU.

    Parameters
    ----------
    architecture
        torchvision's name, or ``reference``.
    weights
        A safetensors file that ``convert_weights`` or ``make_random_weights`` wrote.
    classes
        The number of classes.
    device
        Where the network will run.
    reference
        The settings of the reference network (``widths``), for ``reference`` only.

    Raises
    ------
    UserError
        If the architecture is unknown, or the file is missing, damaged or of another network.
    """
    network = skeleton(architecture, classes=classes, reference=reference)
    remedy = how_to_rebuild(weights)
    try:
        state = OrderedDict(load_file(weights, device="cpu"))
        # MNASNet asks for its module's version, which safetensors does not hold.
        state._metadata = network.state_dict()._metadata
        network.load_state_dict(state, strict=True, assign=True)
    except FileNotFoundError:
        raise UserError("the weights are missing", where=str(weights), remedy=remedy) from None
    except SafetensorError as error:
        what = f"not a whole safetensors file ({error})"
        raise UserError(what, where=str(weights), remedy=remedy) from None
    except RuntimeError as error:
        what = f"the weights are not those of {architecture} with {classes} classes ({error})"
        raise UserError(what, where=str(weights), remedy=remedy) from None
    LOGGER.info("network: %s with %d classes, weights %s", architecture, classes, weights)
    return network.requires_grad_(False).eval().to(device)


def skeleton(
    architecture: str, *, classes: int, reference: Mapping[str, Any] | None = None
) -> nn.Module:
    """Return an architecture in eval mode whose parameters have shapes but no values."""
    with _ParametersOnMeta():
        return construct(architecture, classes=classes, reference=reference).eval()


def construct(
    architecture: str, *, classes: int, reference: Mapping[str, Any] | None = None
) -> nn.Module:
    """Call an architecture's own constructor, which initialises it as its authors do.

    Raises
    ------
    UserError
        If torchvision has no such classification architecture.
    """
    if architecture == REFERENCE:
        from convscope.networks.reference import reference_network

        return reference_network(classes=classes, **(reference or {}))
    known = torchvision.models.list_models(module=torchvision.models)
    if architecture not in known:
        near = get_close_matches(architecture, known, n=3)
        raise UserError(
            f"torchvision {torchvision.__version__} has no architecture {architecture!r}",
            where="architecture",
            remedy=f"Near it: {', '.join(near)}." if near else f"Known: {', '.join(known)}.",
        )
    extra = EXTRA_ARGUMENTS.get(architecture, {})
    return torchvision.models.get_model(architecture, weights=None, num_classes=classes, **extra)


class _ParametersOnMeta(TorchFunctionMode):
    """Puts parameters and buffers on the meta device as they are made.

    ``torch.device("meta")`` does so for every tensor, but RegNet's constructor computes its widths
    with tensors and needs their values.
    """

    CREATORS = (torch.empty, torch.zeros, torch.ones)

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in self.CREATORS and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
