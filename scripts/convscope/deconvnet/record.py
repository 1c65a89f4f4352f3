"""The forward pass, recorded: switches, gates and the activations of the layers asked for."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional

from convscope.deconvnet.axes import padding_of, pair
from convscope.deconvnet.program import Program, Step
from convscope.deconvnet.rules import needs_gate
from convscope.errors import UserError


@dataclass(frozen=True, eq=False)
class Tape:
    """What one image left in a network; places are those of the program's steps.

    Parameters
    ----------
    shapes
        ``(C, H, W)`` or ``(C,)`` of every step that was computed.
    switches
        Which tap of its window won, counted row by row: uint8 ``(1, C, H, W)`` of max poolings.
    gates
        Where ReLUs were positive; empty for a rule that does not ask.
    activations
        ``(1, C, H, W)`` or ``(1, C)`` of the layers asked for.
    """

    shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    switches: dict[int, torch.Tensor] = field(default_factory=dict)
    gates: dict[int, torch.Tensor] = field(default_factory=dict)
    activations: dict[str, torch.Tensor] = field(default_factory=dict)


@torch.no_grad()
def record(program: Program, image: torch.Tensor, layers: Collection[str], rule: str) -> Tape:
    """Push one image up to the highest of some layers and keep what the way down needs.

    The operations are computed here, out of place, from the modules' weights: neither modules nor
    hooks are called, so that the network stays as it is whatever happens.

    Parameters
    ----------
    program
        Of the network.
    image
        Normalised, ``(1, 3, H, W)``, of the network's dtype and on its device.
    layers
        The layers whose activations are kept.
    rule
        The rule for ReLUs.

    Raises
    ------
    UserError
        If a layer is unknown, or computes a value that is not finite.
    """
    gated = needs_gate(rule)
    wanted = sorted(program.below(layers))
    readers = Counter(source for place in wanted for source in program.steps[place].sources)
    tape = Tape()
    values: dict[int, torch.Tensor] = {}
    for place in wanted:
        step = program.steps[place]
        inputs = [values[source] for source in step.sources]
        value = _forward(step, inputs, place, tape) if inputs else _channels_last(image)
        tape.shapes[place] = tuple(value.shape[1:])
        if step.kind == "relu" and gated:
            tape.gates[place] = value > 0
        if step.layer in layers:
            tape.activations[step.layer] = _finite(value, step.layer)
        values[place] = value
        for source in step.sources:
            readers[source] -= 1
            if not readers[source]:
                values.pop(source, None)
    return tape


def _channels_last(image: torch.Tensor) -> torch.Tensor:
    return image.contiguous(memory_format=torch.channels_last)


def _finite(value: torch.Tensor, layer: str) -> torch.Tensor:
    if not bool(value.isfinite().all()):
        raise UserError(
            "it computes NaN or infinity",
            where=f"layer {layer}",
            remedy="The weights or the preprocessing do not fit this network: check both.",
        )
    return value


def _forward(step: Step, inputs: list[torch.Tensor], place: int, tape: Tape) -> torch.Tensor:
    value, module, tensors = inputs[0], step.module, step.tensors
    if step.kind == "conv":
        return functional.conv2d(
            value,
            tensors["weight"],
            tensors.get("bias"),
            module.stride,
            module.padding,
            module.dilation,
            module.groups,
        )
    if step.kind == "linear":
        return functional.linear(value, tensors["weight"], tensors.get("bias"))
    if step.kind == "batchnorm":
        names = ("running_mean", "running_var", "weight", "bias")
        arguments = [tensors.get(name) for name in names]
        return functional.batch_norm(value, *arguments, training=False, eps=module.eps)
    if step.kind == "maxpool":
        value, indices = _max_pool(value, module)
        tape.switches[place] = _winning_taps(indices, module, tuple(inputs[0].shape[2:]))
        return value
    if step.kind in ("concat", "add"):
        return torch.cat(inputs, 1) if step.kind == "concat" else inputs[0] + inputs[1]
    if step.kind == "flatten":
        return value.flatten(1)
    if step.kind == "mean":
        return value.mean((2, 3))
    if step.kind == "relu":
        return value.relu()
    if step.kind == "identity":
        return value
    # The class's own forward, so that hooks of others stay out.
    return module.forward(value)


def _max_pool(value: torch.Tensor, module: nn.MaxPool2d) -> tuple[torch.Tensor, torch.Tensor]:
    return functional.max_pool2d(
        value,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.ceil_mode,
        return_indices=True,
    )


def _winning_taps(
    indices: torch.Tensor, module: nn.MaxPool2d, size: tuple[int, int]
) -> torch.Tensor:
    """Return which tap of its window each index is, so that any window can be cut out."""
    places = (indices // size[1], indices % size[1])
    taps = []
    for axis in (0, 1):
        shape = (-1, 1) if axis == 0 else (1, -1)
        outputs = torch.arange(indices.shape[2 + axis], device=indices.device)
        first = outputs * pair(module.stride, axis) - padding_of(module, axis)[0]
        taps.append((places[axis] - first.view(shape)) // pair(module.dilation, axis))
    wins = taps[0] * pair(module.kernel_size, 1) + taps[1]
    count = pair(module.kernel_size, 0) * pair(module.kernel_size, 1)
    dtype = torch.uint8 if count <= 256 else torch.int32
    return wins.to(dtype).contiguous(memory_format=torch.channels_last)
