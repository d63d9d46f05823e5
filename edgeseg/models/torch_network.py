"""What edgeseg does to a PyTorch network without knowing which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeseg.core.errors import EdgesegError, InputError, first_line
from edgeseg.core.outputs import main_output
from edgeseg.core.types import Size
from edgeseg.models.backbones.torchvision import TorchvisionFile
from edgeseg.models.torch_checkpoint import read_checkpoint

__all__ = [
    "DEFAULT_SIZE",
    "arrays",
    "assign",
    "backbone",
    "complete",
    "describe",
    "params",
    "read_checkpoint",
    "seeded",
    "unchanged",
]

DEFAULT_SIZE = Size(512, 1024)


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Build a network in eval mode with the same random weights every time; the caller's random state is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build().eval()


def arrays(network: nn.Module) -> dict[str, NDArray[Any]]:
    """The entries of the state_dict; those in bfloat16, which NumPy lacks, in float32.

    Raises InputError where one is no tensor.
    """
    state = network.state_dict()
    if (other := next((name for name, value in state.items() if not isinstance(value, Tensor)), None)) is not None:
        raise InputError(
            f"{_name(network)} keeps {other}, a {type(state[other]).__name__}, in its state_dict; let get_extra_state "
            "return a tensor, or leave it out"
        )
    return {name: (v.float() if v.dtype == torch.bfloat16 else v).detach().cpu().numpy() for name, v in state.items()}


def assign(network: nn.Module, values: Mapping[str, NDArray[Any]]) -> None:
    """Copy entries of matching names and shapes into the network; those not given stay."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()}, strict=False)


@contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """What is done in here leaves every part in the mode that it is in: that of training or that of evaluation."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def params(network: nn.Module) -> int:
    """Number of parameters; buffers do not count."""
    return sum(parameter.numel() for parameter in network.parameters())


def complete(network: nn.Module, size: Size | None) -> None:
    """Give a network the parameters that it has only once it has run. Raises InputError where it fails."""
    if any(nn.parameter.is_lazy(each) for each in (*network.parameters(), *network.buffers())):
        _on_an_empty_image(network, size or DEFAULT_SIZE)


def describe(network: nn.Module, size: Size | None) -> tuple[nn.Module, int, Size]:
    """The network, its number of classes and input size, found by running an empty image.

    Raises InputError where that fails.
    """
    size, name = size or DEFAULT_SIZE, _name(network)
    _check_parameters(network)
    output = main_output(_on_an_empty_image(network, size))
    if not isinstance(output, Tensor) or output.ndim != 4 or not output.is_floating_point():
        found = f"{_dtype(output)} {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        raise InputError(f"{name} must return logits (N, classes, H, W), not {found}")
    if output.shape[1] < 2:
        raise InputError(
            f"{name} has one output channel, and edgeseg wants scores of 2 classes or more; of one logit x (no "
            "sigmoid), return torch.cat([-x, x], 1), which are background and foreground"
        )
    return network, output.shape[1], size


def _check_parameters(network: nn.Module) -> None:
    others = (p for p in network.parameters() if p.is_floating_point() and p.dtype != torch.float32)
    if (other := next(others, None)) is not None:
        raise InputError(
            f"{_name(network)} has {_dtype(other)} parameters, and edgeseg exports float32; call .float() on it before "
            "returning it"
        )


def _on_an_empty_image(network: nn.Module, size: Size) -> Any:
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    taken: list[int] = []
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [
        each.register_forward_pre_hook(lambda module, _: taken.append(module.in_channels)) for each in convolutions
    ]
    try:
        with torch.no_grad():  # Tensors of the inference mode would take no weights.
            return network.eval()(torch.zeros(1, 3, size.height, size.width, device=device))
    except EdgesegError:
        raise
    except Exception as error:
        if len(taken) == 1 and taken[0] != 3:
            problem = f"its first convolution takes {taken[0]} channels, where RGB images have 3; build it for 3"
        else:
            problem = f"{first_line(error)}; try another --size"
        raise InputError(f"{_name(network)} fails on an image of {size}: {problem}") from error
    finally:
        for hook in hooks:
            hook.remove()


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def backbone(network: nn.Module) -> nn.Module | None:
    """The part that an ImageNet file of torchvision fits: its `torchvision` is a TorchvisionFile."""
    parts = network.modules()
    return next((part for part in parts if isinstance(getattr(part, "torchvision", None), TorchvisionFile)), None)


def _name(network: nn.Module) -> str:
    return type(network).__name__
