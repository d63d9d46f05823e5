"""Constants above 32 MiB, which ai-edge-quantizer 0.10 fails on.

It works on such a tensor in chunks, for which it flattens the tensor to two dimensions but not the scales per channel
(google-ai-edge/ai-edge-quantizer, issues 472 and 512).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.quiet import quiet

with quiet():
    from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as tool

__all__ = ["quantized_in_parts"]

_PART_BYTES = 32 * 2**20
"""Up to which the tool takes a tensor whole."""


@contextmanager
def quantized_in_parts() -> Iterator[None]:
    """While the block lasts, the tool is given a large constant in parts of its first dimension."""
    whole = tool.uniform_quantize
    tool.uniform_quantize = _in_parts(whole)
    try:
        yield
    finally:
        tool.uniform_quantize = whole


def _in_parts(whole: Callable[..., NDArray[Any]]) -> Callable[..., NDArray[Any]]:
    def quantize(data: NDArray[Any], params: Any, is_blockwise_quant: bool = False) -> NDArray[Any]:
        if is_blockwise_quant or data.nbytes <= _PART_BYTES:
            return whole(data, params, is_blockwise_quant)
        params = tool.fix_quantization_params_rank(data, params)
        parts = []
        for rows in np.array_split(np.arange(len(data)), -(-data.nbytes // _PART_BYTES)):
            scale, zero_point = (
                each[rows] if len(each) == len(data) else each for each in (params.scale, params.zero_point)
            )
            parts.append(whole(data[rows], replace(params, scale=scale, zero_point=zero_point), False))
        return np.concatenate(parts)

    return quantize
