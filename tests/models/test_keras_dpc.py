from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from edgeseg import models
from edgeseg.core.errors import InputError
from edgeseg.core.source import Source
from edgeseg.core.types import Size
from edgeseg.models.blocks.keras_dpc import CITYSCAPES, Branch, dense_prediction_cell, read_cell
from edgeseg.pipeline.sources import as_model

PUBLISHED = [
    {"kernel": 3, "rate": [1, 6], "op": "conv", "input": -1},
    {"kernel": 3, "rate": [18, 15], "op": "conv", "input": 0},
    {"kernel": 3, "rate": [6, 3], "op": "conv", "input": 1},
    {"kernel": 3, "rate": [1, 1], "op": "conv", "input": 0},
    {"kernel": 3, "rate": [6, 21], "op": "conv", "input": 0},
]
EVERY_OPERATION = [
    {"op": "conv", "kernel": 1, "input": -1},
    {"op": "pyramid_pooling", "grid_size": [2, 4], "input": -1},
    {"op": "conv", "kernel": 3, "rate": [1, 15], "input": 1},
]


def written(tmp_path: Path, cell: Any) -> Path:
    path = tmp_path / "cell.json"
    path.write_text(cell if isinstance(cell, str) else json.dumps(cell))
    return path


def built(cell: tuple[Branch, ...], size: tuple[int, int] = (5, 9), output_stride: int = 16) -> keras.Model:
    features = keras.Input((*size, 12), batch_size=1)
    return keras.Model(features, dense_prediction_cell(features, cell, output_stride))


def test_the_published_cell_is_the_default(tmp_path: Path) -> None:
    assert read_cell(written(tmp_path, PUBLISHED)) == read_cell(None) == CITYSCAPES


@pytest.mark.parametrize(("output_stride", "rate"), [(8, (2, 30)), (16, (1, 15)), (32, (1, 7))])
def test_rates_follow_the_output_stride(tmp_path: Path, output_stride: int, rate: tuple[int, int]) -> None:
    network = built(read_cell(written(tmp_path, EVERY_OPERATION)), output_stride=output_stride)
    assert network.get_layer("meta_architecture.branch2_depthwise").dilation_rate == rate


def test_a_cell_of_every_operation(tmp_path: Path) -> None:
    network = built(read_cell(written(tmp_path, EVERY_OPERATION)))
    assert network.output_shape == (1, 5, 9, 256)
    assert network.get_layer("meta_architecture.concat").output.shape[-1] == 3 * 256
    kernels = {v.path: tuple(v.shape) for v in network.weights if v.path.endswith("/kernel")}
    assert kernels == {
        "meta_architecture.branch0/kernel": (1, 1, 12, 256),
        "meta_architecture.branch1/kernel": (1, 1, 12, 256),
        "meta_architecture.branch2_depthwise/kernel": (3, 3, 256, 1),
        "meta_architecture.branch2_pointwise/kernel": (1, 1, 256, 256),
        "meta_architecture.concat_projection/kernel": (1, 1, 768, 256),
    }


@pytest.mark.parametrize("size", [(2, 4), (5, 9), (6, 12), (33, 65)])
def test_pooling_is_over_a_grid(size: tuple[int, int]) -> None:
    network = built((Branch(-1, "pyramid_pooling", grid_size=(2, 4)),), size)
    pool = keras.Model(network.input, network.get_layer("meta_architecture.branch0.pool").output)
    x = np.random.default_rng(0).standard_normal((1, *size, 12)).astype(np.float32)
    expected = F.adaptive_avg_pool2d(torch.from_numpy(x).permute(0, 3, 1, 2), (2, 4)).permute(0, 2, 3, 1)
    assert np.allclose(pool(x), expected, rtol=0, atol=1e-6)


def test_a_network_of_another_cell(tmp_path: Path) -> None:
    cell = written(tmp_path, EVERY_OPERATION)
    network = models.build("shufflenetv2_dpc", 7, "random", Size(65, 129), cell=cell)
    assert network.output_shape == (None, 65, 129, 7)
    with pytest.raises(InputError, match="a grid of 2x4 cells does not fit features of 2x3 pixels"):
        models.build("shufflenetv2_dpc", 7, "random", Size(17, 33), cell=cell)


CONV = {"op": "conv", "kernel": 3, "rate": [1, 1], "input": -1}
BAD = [
    ("[{", "cannot be read as JSON"),
    ({}, "a list of branches, at least one"),
    ([], "a list of branches, at least one"),
    (["conv"], "branch 0 is 'conv'; expected an object with op and input"),
    ([CONV, {**CONV, "input": 1}], "branch 1 has the input 1; expected -1 for the features or an earlier branch"),
    ([{**CONV, "input": None}], "branch 0 has the input None; expected -1"),
    ([{**CONV, "op": "pool"}], "branch 0 has the op 'pool'; expected conv or pyramid_pooling"),
    ([{**CONV, "kernel": 5}], "branch 0 has the kernel 5; expected 1 or 3"),
    ([{**CONV, "rate": [1, 0]}], r"branch 0 has the rate \[1, 0\]; expected two whole numbers from 1"),
    ([{**CONV, "rate": 6}], "branch 0 has the rate 6; expected two whole numbers from 1"),
    ([{"op": "pyramid_pooling", "input": -1}], "branch 0 has the grid_size None; expected two whole numbers from 1"),
]


@pytest.mark.parametrize(("cell", "complaint"), BAD, ids=[complaint for _, complaint in BAD])
def test_bad_descriptions(tmp_path: Path, cell: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=rf"cell\.json: {complaint}|cell\.json: .*{complaint}") as error:
        read_cell(written(tmp_path, cell))
    assert "\n" not in str(error.value)


def test_an_absent_description(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.json: no such file"):
        read_cell(tmp_path / "gone.json")


def test_the_name_tells_what_was_chosen(tmp_path: Path) -> None:
    file = written(tmp_path, EVERY_OPERATION)
    chosen = Source("shufflenetv2_dpc", weights="random", size=Size(65, 129), output_stride=8, cell=str(file))
    model = as_model(chosen)
    assert model.name == "shufflenetv2_dpc_os8_cell"
    assert any(isinstance(layer, keras.layers.AveragePooling2D) for layer in model.network.layers)
    with pytest.raises(InputError, match="fastscnn has no cell to choose"):
        models.load("fastscnn", cell=file)
    with pytest.raises(InputError, match="net:Net is not of the zoo; build it with the cell that it is to have"):
        models.load("net:Net", cell=file)
