"""The published networks as the golden files know them, and how to feed ours the same."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg import models
from edgeseg.core.types import Framework, Size
from edgeseg.models.adapters import adapter

FOLDER = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Golden:
    """One golden file: `facts` from its .json, arrays from its .npz."""

    name: str

    @cached_property
    def facts(self) -> dict[str, Any]:
        return json.loads((FOLDER / f"{self.name}.json").read_text())

    @property
    def card(self) -> str:
        return self.facts["card"]

    @property
    def framework(self) -> Framework:
        return models.card(self.card).framework

    @cached_property
    def variables(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(name, tuple(shape)) for name, shape, *_ in json.loads(str(self.array("variables")))]

    def array(self, key: str) -> NDArray[Any]:
        return np.load(FOLDER / f"{self.name}.npz")[key]

    def build(self, size: Size | None = None, classes: int | None = None, **options: Any) -> Any:
        """Our network; `options` are a run's own, beside those of the file."""
        classes = classes or self.facts["classes"]
        return models.build(self.card, classes, "random", size, **self.facts["options"], **options)

    def outputs(self, run: dict[str, Any]) -> NDArray[Any]:
        """What our network of rule-made weights gives, thinned out as the golden output is."""
        image = drawn(run["seed"]).standard_normal(run["input"]).astype(np.float32) * np.float32(run["scale"])
        step, options = run["step"], tuple(run.get("options", {}).items())
        if self.framework == "torch":
            return run_torch(filled_torch(self, options), image)[run["output"]][:, :, ::step, ::step]
        return run_keras(filled_keras(self, *run["input"][1:3], options), image, run["output"])[:, ::step, ::step]


@cache
def goldens() -> list[Golden]:
    return [Golden(path.stem) for path in sorted(FOLDER.glob("*.json"))]


def drawn(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def rule_made(golden: Golden) -> dict[str, NDArray[np.float32]]:
    """Weights by the rule that the golden outputs were made with: variable i is drawn from seed i."""
    gain = golden.facts["gain"]
    normalized = {name.rpartition(".")[0] for name, _ in golden.variables if name.endswith(".running_mean")}
    values = {}
    for i, (name, shape) in enumerate(golden.variables):
        scope, _, role = name.replace("/", ".").rpartition(".")
        values[name] = _rule(drawn(i), role, shape, scope in normalized, gain).astype(np.float32)
    return values


def _rule(draw: np.random.Generator, role: str, shape: tuple[int, ...], normalized: bool, gain: float) -> NDArray[Any]:
    match role:
        case "num_batches_tracked":
            return np.zeros(shape)
        case "running_var" | "moving_variance":
            return 1 + 0.2 * draw.random(shape)
        case "running_mean" | "moving_mean" | "beta":
            return 0.1 * draw.standard_normal(shape)
        case "bias" | "biases":
            return (0.1 if normalized else 0.05) * draw.standard_normal(shape)
        case "gamma":
            return 1 + 0.1 * draw.standard_normal(shape)
        case "weights":
            fan_in = math.prod(shape[:3])
        case "depthwise_weights":
            fan_in = math.prod(shape[:2])
        case _ if normalized:
            return 1 + 0.1 * draw.standard_normal(shape)
        case _ if len(shape) == 1:
            return np.full(shape, 0.25)
        case _:
            fan_in = math.prod(shape[1:])
    return draw.standard_normal(shape) * math.sqrt(2 / fan_in) * gain


Options = tuple[tuple[str, Any], ...]


@lru_cache(2)
def filled_torch(golden: Golden, options: Options) -> Any:
    import torch

    network = golden.build(**dict(options))
    values = {name: torch.from_numpy(value) for name, value in rule_made(golden).items()}
    network.load_state_dict({**_counters(network), **values})
    return network


def _counters(network: Any) -> dict[str, Any]:
    """Entries that older networks lack."""
    return {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}


@lru_cache(2)
def filled_keras(golden: Golden, height: int, width: int, options: Options) -> Any:
    from edgeseg.models.tf1_checkpoint import slim_names

    network = golden.build(Size(height, width), **dict(options))
    values, names = rule_made(golden), slim_names(network)
    adapter("keras").assign(network, {path: values[name] for path, name in names.items()})
    return network


def run_torch(network: Any, image: NDArray[Any]) -> list[NDArray[Any]]:
    """All outputs; the flag makes auxiliary heads run while everything inside stays in eval mode."""
    import torch

    network.training = True
    try:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(image))
    finally:
        network.training = False
    return [output.numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


def run_keras(network: Any, image: NDArray[Any], output: str) -> NDArray[Any]:
    import keras

    upsample = network.layers[-1]
    network = keras.Model(network.input, upsample.input) if output == "native" else network
    return np.asarray(network(image, training=False))


def names_and_shapes(network: Any, golden: Golden) -> list[tuple[str, tuple[int, ...]]]:
    """Of the weights, in order; the step counters of batch normalisation only where the golden file has them."""
    if golden.framework == "torch":
        entries, known = network.state_dict(), dict(golden.variables)
        new = _counters(network).keys() - known.keys()
        return [(name, tuple(value.shape)) for name, value in entries.items() if name not in new]
    from edgeseg.models.tf1_checkpoint import slim_names

    names = slim_names(network)
    found = [(names[v.path], tuple(v.shape)) for v in network.weights if v.path in names]
    order = [name for name, _ in golden.variables]  # Keras' own is by depth, and a checkpoint is read by name.
    return sorted(found, key=lambda entry: order.index(entry[0]) if entry[0] in order else len(order))


def nested(variables: list[tuple[str, tuple[int, ...]]]) -> list[tuple[str, tuple[int, ...]]]:
    """In the order of modules within modules, which published ones with a dot in their own name do not keep."""
    first: dict[str, int] = {}
    for i, (name, _) in enumerate(variables):
        for path in _paths(name):
            first.setdefault(path, i)
    return sorted(variables, key=lambda variable: [first[path] for path in _paths(variable[0])])


def _paths(name: str) -> list[str]:
    """Of everything that holds the variable, and its own."""
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def params(network: Any, framework: Framework) -> int:
    if framework == "torch":
        return sum(p.numel() for p in network.parameters())
    return sum(math.prod(v.shape) for v in network.trainable_weights)


def madds(golden: Golden, size: Size, classes: int) -> int:
    """Multiply-accumulates of the convolutions and matrix products at one size; nothing is computed."""
    if golden.framework == "torch":
        return _torch_madds(golden, size, classes)
    import keras

    layers = golden.build(size, classes).layers
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)]
    return sum(math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape) for layer in convolutions)


def _torch_madds(golden: Golden, size: Size, classes: int) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    network = golden.build(classes=classes).to("meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        run_meta(network, size)
    return counter.get_total_flops() // 2


def run_meta(network: Any, size: Size) -> tuple[int, ...]:
    """The logits' shape, found without computing; the auxiliary heads run too."""
    import torch

    network.training = True
    outputs = network(torch.empty(1, 3, size.height, size.width, device="meta"))
    network.training = False
    return tuple((outputs[0] if isinstance(outputs, tuple) else outputs).shape)
