from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite

NETS = [nn.ELU(), nn.ELU(0.3), nn.ELU(1.5, inplace=True), nn.SELU(), nn.CELU(1.0)]


@pytest.mark.parametrize("net", NETS, ids=repr)
def test_is_the_same_function(net: nn.Module) -> None:
    assert rewrite("elu", net, 2, 4, 3, 5) == (not isinstance(net, nn.CELU))


@pytest.mark.parametrize("net", NETS[:1] + NETS[3:4], ids=repr)
def test_nothing_is_selected_in_the_file(net: nn.Module, tmp_path: Path) -> None:
    operators = set(exported(net, "tflite", tmp_path))
    assert not {"SELECT", "SELECT_V2", "GREATER", "GREATER_EQUAL", "TRANSPOSE"} & operators
