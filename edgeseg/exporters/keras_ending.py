"""What the scores of a Keras network are computed from, and how, where it ends in an upsample or a softmax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras

from edgeseg.core.outputs import main_output

__all__ = ["Ending", "ending_of"]

_Step: TypeAlias = Callable[[Any], Any]

_SOFTMAXES = ("softmax", "log_softmax")


@dataclass(frozen=True)
class Ending:
    """`steps` make scores of `given`, a tensor of the network, each of single pixels.

    `align_corners` is that of the bilinear upsample that comes between `given` and the steps in the network, and that
    may as well come after them, since it makes every pixel a mean of others; None where there is none. `softmax` says
    whether one over the classes comes last.
    """

    given: Any
    steps: tuple[_Step, ...]
    align_corners: bool | None
    softmax: bool


def ending_of(network: Any) -> Ending | None:
    """The end of a functional model's main output; None where there is nothing to leave out."""
    if not hasattr(network, "inputs"):
        return None
    given = network.outputs[0] if isinstance(network, keras.Sequential) else main_output(network.output)
    found = _read(given)
    if found is None:
        return None
    softmax, steps = False, list[_Step]()
    if (scored := _before_softmax(*found)) is not None:
        given, linear = scored
        softmax, steps = True, [linear] if linear else []
    cut = Ending(given, tuple(steps), None, softmax)
    while (found := _read(given)) is not None:
        operation, before = found
        align_corners = _upsampled(operation)
        if align_corners is not None:
            return Ending(before, tuple(reversed(steps)), align_corners, softmax)
        if not _is_pointwise(operation):
            break
        steps.append(operation)
        given = before
    return cut if softmax else None


def _read(tensor: Any) -> tuple[Any, Any] | None:
    """The operation that gives a tensor, and the one tensor that it is given; None where there is no such one."""
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return None
    given = history.operation._inbound_nodes[history.node_index].input_tensors
    return (history.operation, given[0]) if len(given) == 1 else None


def _config(operation: Any) -> dict[str, Any]:
    found: dict[str, Any] = operation.get_config() if isinstance(operation, keras.layers.Layer) else {}
    return found


def _before_softmax(operation: Any, given: Any) -> tuple[Any, _Step | None] | None:
    """What a softmax over the classes is computed from, and how if it belongs to a convolution; None for others."""
    config = _config(operation)
    match type(operation).__name__:
        case "Softmax" | "LogSoftmax":
            return (given, None) if config.get("axis", getattr(operation, "axis", None)) in (-1, 3) else None
        case "Activation" if config["activation"] in _SOFTMAXES:
            return given, None
        case "Conv2D" if config["activation"] in _SOFTMAXES and _is_of_single_pixels(config):
            return given, lambda x: _convolved(operation, x)
    return None


def _convolved(layer: Any, x: Any) -> Any:
    """A convolution without its activation."""
    result = layer.convolution_op(x, layer.kernel)
    return result + layer.bias if layer.use_bias else result


def _is_pointwise(operation: Any) -> bool:
    """Whether an operation takes the mean of two pixels to the mean of what it makes of them."""
    config = _config(operation)
    match type(operation).__name__:
        case "Conv2D":
            return config["activation"] == "linear" and _is_of_single_pixels(config)
        case "BatchNormalization":
            return config["axis"] in (-1, 3)
        case "Dropout" | "SpatialDropout2D":
            return True
    return False


def _is_of_single_pixels(config: dict[str, Any]) -> bool:
    sides = (*config["kernel_size"], *config["strides"])
    return set(sides) == {1} and config["data_format"] == "channels_last"


def _upsampled(operation: Any) -> bool | None:
    """The align_corners of a bilinear upsample; None for another operation."""
    config = _config(operation)
    match type(operation).__name__:
        case "ResizeBilinear":
            return bool(config["align_corners"])
        case "UpSampling2D" | "Resizing" if config.get("interpolation") == "bilinear":
            cropped = config.get("crop_to_aspect_ratio") or config.get("pad_to_aspect_ratio")
            return None if cropped else False
    return None
