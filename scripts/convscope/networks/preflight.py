"""The pre-flight check: refuse, by layer, what the methods cannot treat rightly.

The deconvnet and its kin replace what nn.ReLU modules do on the way back (Captum's documentation,
"Deconvolution"): a functional ReLU or another activation would silently give the plain gradient.
"""

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from convscope.errors import UserError
from convscope.networks.shapes import Shape, UnfitStepError, shapes_of
from convscope.networks.tracing import KINDS, NO_OPERATIONS, trace

ALLOWED_MODULES = (*KINDS, *NO_OPERATIONS)
FUNCTIONAL_RELUS = (functional.relu, torch.relu, torch.relu_, functional.relu_, "relu", "relu_")
ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
ADDITIONS_IN_PLACE = (operator.iadd, "add_")
FLATTENING = (torch.flatten, "flatten")
SHOWN = 3


def preflight(network: nn.Module, image_size: tuple[int, int] = (224, 224)) -> list[str]:
    """Return what stands against a network, in short sentences that name the layers.

    Parameters
    ----------
    network
        A network in eval mode, on any device; nothing is computed, so the meta device will do.
    image_size
        Height and width of the images that it will see, in pixels.

    Returns
    -------
    list of str
        One entry a reason, with the first layers concerned; empty if the network is accepted.
    """
    try:
        graph = trace(network).graph
    except UserError as error:
        return [error.what]
    steps = [(node, _refusal(node, network)) for node in graph.nodes]
    steps += [(node, "it reads what was overwritten in place") for node in _stale(graph, network)]
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    steps += [(node, "the network takes more than one input") for node in inputs[1:]]
    if not any(reason for _, reason in steps):
        steps = _shape_refusals(network, graph, image_size)
    places: dict[str, list[str]] = {}
    for node, reason in steps:
        if reason is not None:
            place = node.target if node.op == "call_module" else _enclosing_module(node)
            places.setdefault(reason, []).append(str(place))
    return [f"{_list(found)}: {reason}" for reason, found in places.items()]


def _refusal(node: fx.Node, network: nn.Module) -> str | None:
    """Return why a step of the forward pass is refused, or None."""
    if node.op == "call_module":
        return _module_refusal(network.get_submodule(str(node.target)))
    if node.op in ("call_function", "call_method"):
        return _function_refusal(node)
    if node.op == "get_attr":
        return "a parameter or constant is used outside a module"
    if node.op == "output" and not isinstance(node.args[0], fx.Node):
        return "the network returns more than one tensor"
    return None


def _module_refusal(module: nn.Module) -> str | None:
    kind = type(module)
    if kind not in ALLOWED_MODULES:
        if kind.__module__ == "torch.nn.modules.activation":
            return f"unknown activation {kind.__name__} (only nn.ReLU is known)"
        return f"unsupported module {kind.__name__}"
    if isinstance(module, nn.MaxPool2d) and module.return_indices:
        return "max pooling returns indices too"
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
        return f"padding mode {module.padding_mode!r} has no known transpose"
    if isinstance(module, nn.Flatten) and module.start_dim != 1:
        return "flattening of the batch's dimension"
    if isinstance(module, nn.Flatten) and module.end_dim not in (-1, 3):
        return "flattening of some dimensions only"
    if isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
        return "batch normalisation without running statistics, so that images affect each other"
    return None


def _function_refusal(node: fx.Node) -> str | None:
    target = node.target
    name = getattr(target, "__name__", str(target))
    if target in FUNCTIONAL_RELUS:
        return f"functional ReLU ({name}; only nn.ReLU modules can be treated)"
    if target in FLATTENING:
        known = _argument(node, 1, "start_dim") == 1 and _argument(node, 2, "end_dim") in (None, -1)
    elif target is torch.cat:
        known = _argument(node, 1, "dim") == 1
    elif target in ADDITIONS:
        known = len(node.args) == 2 and all(isinstance(item, fx.Node) for item in node.args)
        known = known and not node.kwargs
    elif target in (torch.mean, "mean"):
        # The mean over rows and columns is global average pooling.
        dimensions = _argument(node, 1, "dim")
        known = isinstance(dimensions, list | tuple) and {d % 4 for d in dimensions} == {2, 3}
    else:
        known = False
    return None if known else f"unsupported function {name}"


def _shape_refusals(
    network: nn.Module, graph: fx.Graph, image_size: tuple[int, int]
) -> list[tuple[fx.Node, str]]:
    """Return the steps that are refused for the shapes they read, with the reasons."""
    height, width = image_size
    try:
        shapes = shapes_of(network, graph, image_size)
    except UnfitStepError as error:
        reason = f"it does not fit images of {height} x {width} pixels ({error.reason})"
        return [(error.node, reason)]
    found = []
    for node in graph.nodes:
        read = [shapes[source] for source in node.all_input_nodes]
        reason = None if node.op == "output" else _shape_refusal(node, network, read)
        if reason is not None:
            found.append((node, reason))
    return found


def _shape_refusal(node: fx.Node, network: nn.Module, read: list[Shape]) -> str | None:
    if node.target in ADDITIONS and len(set(read)) > 1:
        return "it joins maps of different sizes"
    if node.op == "call_module":
        linear = isinstance(network.get_submodule(str(node.target)), nn.Linear)
        return "a linear layer reads maps" if linear and len(read[0]) > 2 else None
    return None


def _stale(graph: fx.Graph, network: nn.Module) -> list[fx.Node]:
    """Return the steps that read a tensor after an in-place operation has written into it."""
    memory: dict[fx.Node, fx.Node] = {}
    age: dict[fx.Node, int] = {}
    writes: dict[fx.Node, int] = {}
    stale = []
    for node in graph.nodes:
        sources = node.all_input_nodes
        if any(writes[memory[source]] > age[source] for source in sources):
            stale.append(node)
        shared, written = _memory_use(node, network)
        memory[node] = memory[sources[0]] if shared and sources else node
        writes[memory[node]] = writes.get(memory[node], 0) + written
        age[node] = writes[memory[node]]
    return stale


def _memory_use(node: fx.Node, network: nn.Module) -> tuple[bool, bool]:
    """Return whether a step's output is its input's memory, and whether it writes into it."""
    if node.op == "call_module":
        module = network.get_submodule(str(node.target))
        written = isinstance(module, nn.ReLU) and module.inplace
        return written or isinstance(module, (*NO_OPERATIONS, nn.Flatten)), written
    written = node.target in ADDITIONS_IN_PLACE
    return written or node.target in FLATTENING, written


def _argument(node: fx.Node, position: int, name: str) -> Any:
    if len(node.args) > position:
        return node.args[position]
    return node.kwargs.get(name)


def _enclosing_module(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return next(reversed(stack), "") or "forward"


def _list(places: list[str]) -> str:
    different = list(dict.fromkeys(places))
    more = len(different) - SHOWN
    shown = ", ".join(different[:SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
