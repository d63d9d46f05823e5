from __future__ import annotations

from collections import Counter

import pytest
import torch

from benchmarks.fuzzing.networks import draw_case


@pytest.mark.parametrize("seed", [0, 1])
def test_a_seed_is_a_network(seed: int) -> None:
    one, other = draw_case(seed), draw_case(seed)
    assert (one.size, one.classes, one.head) == (other.size, other.classes, other.head)
    image = torch.randn(1, 3, one.size.height, one.size.width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        scores = one.network(image)
        assert torch.equal(scores, other.network(image))
    assert scores.shape == (1, one.classes, one.size.height, one.size.width)


def test_draws_of_everything() -> None:
    drawn = [draw_case(seed) for seed in range(12)]
    kinds = Counter(type(module).__name__ for case in drawn for module in case.network.modules())
    assert {"Conv2d", "ConvTranspose2d", "BatchNorm2d", "Add", "Concat", "Gate", "Resize", "PReLU"} <= kinds.keys()
    assert {case.head for case in drawn} == {None, "logits"}
