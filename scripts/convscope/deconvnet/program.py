"""A network's forward pass as a list of steps, each of which has an explicit transpose."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import torch
from torch import fx, nn

from convscope.errors import UserError
from convscope.networks.preflight import preflight
from convscope.networks.tracing import JOINS, KINDS, NO_OPERATIONS, Trace, trace

FUNCTIONS: dict[Any, str] = {
    **JOINS,
    "add": "add",
    "add_": "add",
    torch.flatten: "flatten",
    "flatten": "flatten",
    torch.mean: "mean",
    "mean": "mean",
}
WEIGHTED = ("conv", "linear")


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of the forward pass.

    Parameters
    ----------
    kind
        ``input``, ``conv``, ``batchnorm``, ``relu``, ``maxpool``, ``avgpool``, ``mean``,
        ``linear``, ``flatten``, ``identity``, ``concat`` or ``add``.
    sources
        The places of the steps whose outputs it reads.
    place
        The module's name, or the function's enclosing module, for messages.
    layer
        The name of the layer that it makes, or None.
    module
        The module; None for functions.
    tensors
        The module's parameters and buffers, which a randomised program replaces.
    """

    kind: str
    sources: tuple[int, ...]
    place: str
    layer: str | None = None
    module: nn.Module | None = None
    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Program:
    """The steps of a forward pass in the order of computation; step 0 is the image."""

    steps: tuple[Step, ...]

    def index(self, layer: str) -> int:
        """Return the place of the step that makes a layer.

        Raises
        ------
        UserError
            If there is no such layer.
        """
        for place, step in enumerate(self.steps):
            if step.layer == layer:
                return place
        known = [step.layer for step in self.steps if step.layer]
        near = get_close_matches(layer, known, n=3)
        raise UserError(
            "the network has no such layer",
            where=layer,
            remedy=f"Near it: {', '.join(near)}." if near else f"It has {', '.join(known)}.",
        )

    def below(self, layers: Iterable[str]) -> set[int]:
        """Return the places of all steps that any of the layers depends on, its own included."""
        found: set[int] = set()
        stack = [self.index(layer) for layer in layers]
        while stack:
            place = stack.pop()
            if place not in found:
                found.add(place)
                stack.extend(self.steps[place].sources)
        return found


def program_of(network: nn.Module, image_size: tuple[int, int] = (224, 224)) -> Program:
    """Return the steps of a network's forward pass; nothing is computed, no hook is set.

    Parameters
    ----------
    network
        Any network that the pre-flight check accepts, on any device, the meta device included.
    image_size
        Height and width of the images that it will see, in pixels.

    Raises
    ------
    UserError
        If the network holds an operation that has no known transpose.
    """
    refusals = preflight(network, image_size)
    if refusals:
        raise UserError(
            f"the deconvnet cannot treat it: {'; '.join(refusals)}",
            where=type(network).__name__,
            remedy="Use nn.ReLU modules, or a VGG, AlexNet, SqueezeNet or ResNet.",
        )
    traced = trace(network)
    layers = _layer_names(traced)
    places: dict[fx.Node, int] = {}
    steps: list[Step] = []
    for node in traced.graph.nodes:
        if node.op != "output":
            places[node] = len(steps)
            steps.append(_step(node, network, places, layers.get(node)))
    return Program(tuple(steps))


def randomised(program: Program, places: Collection[int], generator: torch.Generator) -> Program:
    """Return the program with other weights at some of its steps (Adebayo et al., 2018).

    Weights and biases are drawn from a normal distribution with the mean and the standard
    deviation of the tensor that they replace, so that amplitudes stay within range; the channels
    of a batch normalisation are permuted, statistics and all, so that no variance turns negative.

    Parameters
    ----------
    places
        The steps to randomise.
    generator
        A CPU generator; equal states give equal weights.
    """
    drawn: dict[nn.Module | None, Mapping[str, torch.Tensor]] = {None: {}}
    steps = list(program.steps)
    for place in sorted(places):
        step = steps[place]
        if step.module not in drawn:
            # A module that is called twice keeps one set of weights.
            drawn[step.module] = _random_tensors(step, generator)
        steps[place] = replace(step, tensors=drawn[step.module])
    return Program(tuple(steps))


def _random_tensors(step: Step, generator: torch.Generator) -> dict[str, torch.Tensor]:
    if step.kind == "batchnorm":
        count = step.tensors["running_mean"].numel()
        order = torch.randperm(count, generator=generator)
        return {name: tensor[order.to(tensor.device)] for name, tensor in step.tensors.items()}
    return {name: _like(step.tensors[name], generator) for name in sorted(step.tensors)}


def _like(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    noise = torch.empty(tensor.shape, dtype=tensor.dtype).normal_(generator=generator)
    spread, centre = torch.std_mean(tensor, correction=0)
    return noise.to(tensor.device).mul_(spread).add_(centre)


def _step(
    node: fx.Node, network: nn.Module, places: Mapping[fx.Node, int], layer: str | None
) -> Step:
    sources = tuple(places[source] for source in node.all_input_nodes)
    if node.op == "placeholder":
        return Step("input", (), "image")
    if node.op != "call_module":
        kind = FUNCTIONS[node.target]
        # x + x reads one node twice.
        if kind in ("concat", "add"):
            sources = tuple(places[source] for source in _joined(node))
        if kind == "mean" and (node.kwargs.get("keepdim") or node.args[2:3] == (True,)):
            return Step("avgpool", sources, str(node), module=nn.AdaptiveAvgPool2d(1))
        return Step(kind, sources, layer or str(node), layer)
    place = str(node.target)
    module = network.get_submodule(place)
    kind = "identity" if isinstance(module, NO_OPERATIONS) else KINDS[type(module)]
    return Step(kind, sources, place, layer, module, _tensors(module))


def _joined(node: fx.Node) -> list[fx.Node]:
    return list(node.args[0] if isinstance(node.args[0], list | tuple) else node.args)


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    named = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return {name: tensor.detach() for name, tensor in named if tensor.is_floating_point()}


def _layer_names(traced: Trace) -> dict[fx.Node, str]:
    """Return which node makes which layer: a module's own, or the last join that it returns."""
    known = {call.layer for call in traced.calls}
    times: dict[str, int] = {}
    by_call: dict[str, fx.Node] = {}
    for node in traced.graph.nodes:
        if node.op == "call_module":
            times[node.target] = times.get(node.target, 0) + 1
            by_call[_call_name(node.target, times[node.target])] = node
        elif node.target in JOINS:
            key = next(reversed(node.meta.get("nn_module_stack") or {"": None}))
            module, _, again = key.partition("@")
            by_call[_call_name(module, int(again or 0) + 1)] = node
    return {node: name for name, node in by_call.items() if name in known}


def _call_name(module: str, times: int) -> str:
    return module if times == 1 else f"{module}.call{times}"
