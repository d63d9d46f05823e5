"""Runs a traced network with the maxima of its poolings where a file has them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, shape
from edgeseg.exporters.passes.max_unpool import poolings

__all__ = ["FollowingMaxima", "fits"]


def fits(graph: fx.GraphModule, winners: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether these are of as many poolings as the network has, if any, of the same sizes."""
    return bool(winners) and [places.size for places in winners] == [prod(shape(node)) for node in poolings(graph)]


class FollowingMaxima(fx.Interpreter):
    """The network with the winners of its unpooled max poolings given, as `maxima.winners` gives them.

    After a run `others` is the number of maxima that the network itself has elsewhere, and `tie_error` the largest
    distance of a winner from its cell's maximum, relative to the spread of what is pooled.
    """

    def __init__(self, graph: fx.GraphModule, winners: Sequence[NDArray[np.uint8]]) -> None:
        super().__init__(graph)
        self.others, self.tie_error = 0, 0.0
        self._winners = dict(zip(poolings(graph), winners, strict=True))

    def run_node(self, n: fx.Node) -> Any:
        """A node's output."""
        own = super().run_node(n)
        winners = self._winners.get(n)
        return own if winners is None else self._followed(self.env[arguments(n)["self"]], own, winners)

    def _followed(
        self, pooled: Tensor, own: tuple[Tensor, Tensor], winners: NDArray[np.uint8]
    ) -> tuple[Tensor, Tensor]:
        maxima, places = own
        images, channels, height, width = maxima.shape
        winner = torch.from_numpy(winners.reshape(images, height, width, channels)).permute(0, 3, 1, 2).long()
        rows = 2 * torch.arange(height).unsqueeze(1) + winner // 2
        taken_at = pooled.shape[3] * rows + 2 * torch.arange(width) + winner % 2
        taken = pooled.flatten(2).gather(2, taken_at.flatten(2)).view_as(maxima)
        spread = float(pooled.max() - pooled.min()) or 1.0
        # NumPy's maximum keeps a NaN, which is no tie.
        self.tie_error = float(np.maximum(self.tie_error, float((maxima - taken).max()) / spread))
        self.others += int((taken_at != places).sum())
        return taken, taken_at
