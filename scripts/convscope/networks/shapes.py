"""The shape of everything that a forward pass computes, found on the meta device."""

from typing import Any

import torch
from torch import fx, nn
from torch.func import functional_call

Shape = tuple[int, ...]


class UnfitStepError(Exception):
    """A step of a forward pass that fails for images of the given size.

    Parameters
    ----------
    node
        The step.
    reason
        What torch says of it, in one line.
    """

    def __init__(self, node: fx.Node, reason: str) -> None:
        self.node = node
        self.reason = reason
        super().__init__(f"{node}: {reason}")


def shapes_of(
    network: nn.Module, graph: fx.Graph, image_size: tuple[int, int]
) -> dict[fx.Node, Shape]:
    """Return the shape of every tensor of a traced forward pass of one image.

    Nothing is computed; neither the modules' values nor their hooks are touched.

    Parameters
    ----------
    network
        In eval mode, on any device.
    graph
        Its forward pass, of one input.
    image_size
        Height and width of the image, in pixels.

    Raises
    ------
    UnfitStepError
        If a step cannot read what the steps before it make of such an image.
    """
    propagation = _Propagation(network, graph)
    dtypes = (p.dtype for p in network.parameters() if p.is_floating_point())
    image = torch.empty(1, 3, *image_size, dtype=next(dtypes, None), device="meta")
    with torch.no_grad():
        propagation.run(image)
    return propagation.shapes


class _Bare(nn.Module):
    """Calls a module past its hooks."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module.forward(*args, **kwargs)


class _Propagation(fx.Interpreter):
    """Runs a graph with the modules' weights replaced by ones without values."""

    def __init__(self, network: nn.Module, graph: fx.Graph) -> None:
        super().__init__(network, graph=graph)
        self.extra_traceback = False
        self.shapes: dict[fx.Node, Shape] = {}

    def run_node(self, n: fx.Node) -> Any:
        try:
            result = super().run_node(n)
        except Exception as error:
            # torch's complaints about shapes are of several types.
            raise UnfitStepError(n, str(error).strip().partition("\n")[0]) from error
        if isinstance(result, torch.Tensor):
            self.shapes[n] = tuple(result.shape)
        return result

    def call_module(self, target: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        module = _Bare(self.fetch_attr(target))
        named = [*module.named_parameters(), *module.named_buffers()]
        state = {name: torch.empty_like(tensor, device="meta") for name, tensor in named}
        return functional_call(module, state, args, kwargs)
