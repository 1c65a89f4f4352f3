"""What a network's forward pass calls, in order, found by tracing without a computation."""

import operator
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from convscope.errors import UserError

KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.BatchNorm2d: "batchnorm",
    nn.ReLU: "relu",
    nn.MaxPool2d: "maxpool",
    nn.AvgPool2d: "avgpool",
    nn.AdaptiveAvgPool2d: "avgpool",
    nn.Linear: "linear",
    nn.Flatten: "flatten",
}
NO_OPERATIONS = (nn.Dropout, nn.Identity)
JOINS: dict[Any, str] = {
    torch.cat: "concat",
    torch.add: "add",
    operator.add: "add",
    operator.iadd: "add",
}


@dataclass(frozen=True)
class ModuleCall:
    """One call of a module that makes a layer.

    Parameters
    ----------
    layer
        The layer's name: the module's, with ``.call2`` and so on from its second call.
    module
        The module's name.
    kind
        ``conv``, ``relu``, ``concat``, ...; the class name in small letters for other modules.
    source
        The layer whose output the call reads as it is; None after a function or a dropout.
    parts
        The layers that a concatenation puts side by side along the channels; empty otherwise.
    """

    layer: str
    module: str
    kind: str
    source: str | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """The graph of a forward pass and the calls that make layers, in the order of computation."""

    graph: fx.Graph
    calls: tuple[ModuleCall, ...]


def is_leaf(module: nn.Module) -> bool:
    """Return whether a module's inside stays closed: it has no children, or it is torch's own."""
    own = type(module).__module__.startswith("torch.nn") and not isinstance(module, nn.Sequential)
    return own or next(module.children(), None) is None


def trace(network: nn.Module) -> Trace:
    """Trace a network's forward pass; the network may lie on the meta device.

    Raises
    ------
    UserError
        If the forward pass depends on values or cannot be followed.
    """
    tracer = _CallTracer()
    try:
        graph = tracer.trace(network)
    except Exception as error:
        # The network's own code runs on stand-ins here, so anything may be raised.
        raise UserError(
            f"its forward pass cannot be traced ({type(error).__name__}: {error})",
            where=type(network).__name__,
            remedy="Use a network whose forward pass is a fixed sequence of modules.",
        ) from error
    return Trace(graph, tuple(tracer.calls))


class _CallTracer(fx.Tracer):
    """Notes every leaf module that is called, and containers that end in a concatenation or sum."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[ModuleCall] = []
        self._times: Counter[str] = Counter()
        self._joined: set[fx.Node] = set()
        self._layers: dict[fx.Node, str] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_leaf(m)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        output = super().call_module(m, forward, args, kwargs)
        name = self.path_of_module(m)
        if self.is_leaf_module(m, name):
            if not isinstance(m, NO_OPERATIONS):
                kind = KINDS.get(type(m), type(m).__name__.lower())
                self._note(name, kind, output, args[0] if args else None)
        elif self._is_new_join(output):
            self._joined.add(output.node)
            kind = JOINS[output.node.target]
            self._note(name, kind, output, None, self._parts(output.node))
        return output

    def _parts(self, join: fx.Node) -> tuple[str, ...]:
        dimension = join.kwargs.get("dim", join.args[1] if len(join.args) > 1 else 0)
        if join.target is not torch.cat or dimension != 1 or not join.args:
            return ()
        names = [self._layers.get(node) for node in join.args[0]]
        return tuple(name for name in names if name) if all(names) else ()

    def _is_new_join(self, output: Any) -> bool:
        # A Sequential that ends in a Fire module returns the same value: the Fire counts.
        return (
            isinstance(output, fx.Proxy)
            and output.node.target in JOINS
            and output.node not in self._joined
        )

    def _note(
        self, module: str, kind: str, output: Any, read: Any, parts: tuple[str, ...] = ()
    ) -> None:
        self._times[module] += 1
        times = self._times[module]
        layer = module if times == 1 else f"{module}.call{times}"
        source = self._layers.get(read.node) if isinstance(read, fx.Proxy) else None
        self._layers[output.node] = layer
        self.calls.append(ModuleCall(layer, module, kind, source, parts))
