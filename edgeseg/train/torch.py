"""One training step in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeseg.core.errors import InputError
from edgeseg.core.outputs import all_outputs
from edgeseg.core.types import Model
from edgeseg.train.options import TrainOptions

__all__ = ["open_stepper"]


def open_stepper(model: Model, options: TrainOptions, class_weights: NDArray[np.float32]) -> TorchStepper:
    """Make a PyTorch network ready to learn, on the device that its parameters are on."""
    return TorchStepper(model.network, options, class_weights)


class TorchStepper:
    """AdamW on the mean cross-entropy of the pixels that have a label.

    A network may give several logits while it trains, its own and auxiliary ones: their losses are added up.
    """

    def __init__(self, network: nn.Module, options: TrainOptions, class_weights: NDArray[np.float32]) -> None:
        torch.manual_seed(options.seed)
        # Depthwise convolutions and their gradients are several times faster in this layout on a CPU.
        self._network = network.to(memory_format=torch.channels_last).train()
        weights = [p for p in network.parameters() if p.requires_grad]
        if not weights:
            raise InputError("no parameter of the network has requires_grad; let those that are to learn have it")
        self._device = weights[0].device
        self._class_weights = torch.from_numpy(class_weights).to(self._device)
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in weights if p.ndim > 1], "weight_decay": options.weight_decay},
                {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=options.learning_rate,
        )

    def step(self, images: NDArray[np.float32], labels: NDArray[np.int32], learning_rate: float) -> float:
        """See `edgeseg.train.loop.Stepper`."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        x = torch.from_numpy(images).permute(0, 3, 1, 2).to(self._device)
        target = torch.from_numpy(labels).long().to(self._device)
        loss = torch.stack([self._loss(logits, target) for logits in self._logits(x)]).sum()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def _logits(self, images: Tensor) -> list[Tensor]:
        """All that the network gives, but for what are no scores of the classes."""
        classes = len(self._class_weights)
        given = all_outputs(self._network(images))
        found = [each for each in given if isinstance(each, Tensor) and each.ndim == 4 and each.shape[1] == classes]
        if not found:
            raise ValueError(f"in training mode it gives no logits (N, {classes}, H, W)")
        return found

    def _loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """(N, classes, H, W) and (N, H, W) -> weighted mean over the labelled pixels; 0 where there are none."""
        if logits.shape[2:] != target.shape[1:]:
            logits = nn.functional.interpolate(logits, target.shape[1:], mode="bilinear", align_corners=False)
        total = nn.functional.cross_entropy(logits, target, self._class_weights, ignore_index=-1, reduction="sum")
        return total / self._class_weights[target[target >= 0]].sum().clamp(min=1e-6)

    def state(self) -> dict[str, NDArray[Any]]:
        """See `edgeseg.train.loop.Stepper`."""
        arrays = {f"network/{name}": value.cpu().numpy() for name, value in self._network.state_dict().items()}
        for index, slots in self._optimizer.state_dict()["state"].items():
            arrays |= {f"optimizer/{index}/{slot}": value.cpu().numpy() for slot, value in slots.items()}
        return arrays | {"random": torch.get_rng_state().numpy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """See `edgeseg.train.loop.Stepper`."""
        network: dict[str, Tensor] = {}
        slots: dict[int, dict[str, Tensor]] = {}
        for name, array in state.items():
            part, _, rest = name.partition("/")
            if part == "network":
                network[rest] = torch.from_numpy(array)
            elif part == "optimizer":
                index, _, slot = rest.partition("/")
                slots.setdefault(int(index), {})[slot] = torch.from_numpy(array)
        try:
            self._network.load_state_dict(network)
        except RuntimeError as error:
            raise ValueError("its weights are of another network") from error
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": slots, "param_groups": groups})
        torch.set_rng_state(torch.from_numpy(state["random"]))

    def close(self) -> None:
        """See `edgeseg.train.loop.Stepper`."""
        self._network.to(memory_format=torch.contiguous_format).eval()
