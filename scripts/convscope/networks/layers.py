"""The layers of a network, and their outputs as they are computed."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import torch
from torch import nn

from convscope.errors import UserError
from convscope.networks.tracing import ModuleCall, trace


def layer_calls(network: nn.Module) -> tuple[ModuleCall, ...]:
    """Return the calls that make a network's layers, in the order of computation.

    A layer is the output of a leaf module (dropout and identity aside, which do nothing in eval
    mode) or of a container that ends in a concatenation or a sum (SqueezeNet's Fire). A module
    that is called again makes another layer, ``layer1.0.relu.call2``.

    Raises
    ------
    UserError
        If the network cannot be traced.
    """
    return trace(network).calls


def rectified_layers(calls: Iterable[ModuleCall]) -> dict[str, str]:
    """Return for each ReLU layer that directly follows another layer that other layer.

    What a ReLU makes of a layer's maxima is known without looking at its output.

    Parameters
    ----------
    calls
        As ``layer_calls`` returns them.
    """
    return {call.layer: call.source for call in calls if call.kind == "relu" and call.source}


def joined_layers(calls: Iterable[ModuleCall]) -> dict[str, tuple[str, ...]]:
    """Return for each layer that concatenates others along their channels those others.

    Parameters
    ----------
    calls
        As ``layer_calls`` returns them.
    """
    return {call.layer: call.parts for call in calls if call.parts}


@contextmanager
def observing(
    network: nn.Module,
    callback: Callable[[str, torch.Tensor], None],
    layers: Collection[str] | None = None,
    calls: Collection[ModuleCall] | None = None,
) -> Iterator[None]:
    """Call ``callback(layer, output)`` for each layer of every forward pass within the block.

    The call comes as soon as the output is computed, before any later in-place operation writes
    into it (torchvision's ReLUs do). Nothing is kept here: a callback clones what it keeps.
    The network is left as it was found, after an exception too.

    Parameters
    ----------
    network
        The network; its weights and mode are not touched.
    callback
        Gets the layer's name and its output, ``(N, C, H, W)`` or ``(N, C)``.
    layers
        The layers to report; all of them by default.
    calls
        What ``layer_calls`` returned for this network; without it the network is traced.

    Raises
    ------
    UserError
        If a layer is unknown or the network cannot be traced.
    """
    targets = _targets(layer_calls(network) if calls is None else calls, layers)
    times: Counter[str] = Counter()

    def start(*_: Any) -> None:
        times.clear()

    def hook_of(module: str) -> Callable[..., None]:
        names = targets[module]

        def hook(_module: nn.Module, _inputs: tuple, output: Any) -> None:
            # Tracing inside the block calls containers on stand-ins, which are not outputs.
            if isinstance(output, torch.Tensor):
                name = names[times[module] % len(names)]
                times[module] += 1
                if name is not None:
                    callback(name, output)

        return hook

    handles = []
    try:
        handles.append(network.register_forward_pre_hook(start))
        for module in targets:
            hooked = network.get_submodule(module)
            handles.append(hooked.register_forward_hook(hook_of(module)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _targets(
    calls: Collection[ModuleCall], layers: Collection[str] | None
) -> dict[str, list[str | None]]:
    """Return the layer name of each call of each module to hook; None where it is not wanted."""
    known = [call.layer for call in calls]
    wanted = set(known) if layers is None else set(layers)
    for layer in sorted(wanted.difference(known)):
        near = get_close_matches(layer, known, n=3)
        raise UserError(
            "the network has no such layer",
            where=layer,
            remedy=f"Near it: {', '.join(near)}." if near else "List them with layer_calls.",
        )
    modules = {call.module for call in calls if call.layer in wanted}
    targets: dict[str, list[str | None]] = {}
    for call in calls:
        if call.module in modules:
            name = call.layer if call.layer in wanted else None
            targets.setdefault(call.module, []).append(name)
    return targets
