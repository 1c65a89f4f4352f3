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
from convscope.networks.tracing import KINDS, NO_OPERATIONS, trace

ALLOWED_MODULES = (*KINDS, *NO_OPERATIONS)
FUNCTIONAL_RELUS = (functional.relu, torch.relu, torch.relu_, functional.relu_, "relu", "relu_")
ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
SHOWN = 3


def preflight(network: nn.Module) -> list[str]:
    """Return what stands against a network, in short sentences that name the layers.

    Parameters
    ----------
    network
        A network in eval mode, on any device; nothing is computed, so the meta device will do.

    Returns
    -------
    list of str
        One entry a reason, with the first layers concerned; empty if the network is accepted.
    """
    try:
        graph = trace(network).graph
    except UserError as error:
        return [error.what]
    places: dict[str, list[str]] = {}
    for node in graph.nodes:
        reason = _refusal(node, network)
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
    if isinstance(module, nn.Flatten) and module.start_dim != 1:
        return "flattening of the batch's dimension"
    if isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
        return "batch normalisation without running statistics, so that images affect each other"
    return None


def _function_refusal(node: fx.Node) -> str | None:
    target = node.target
    name = getattr(target, "__name__", str(target))
    if target in FUNCTIONAL_RELUS:
        return f"functional ReLU ({name}; only nn.ReLU modules can be treated)"
    if target in (torch.flatten, "flatten"):
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
