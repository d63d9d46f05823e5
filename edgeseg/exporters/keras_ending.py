"""What the scores of a Keras network are computed from, and how, where it ends in an upsample or a softmax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import layers

from edgeseg.core.outputs import main_output

__all__ = ["Ending", "ending_of"]

_Step: TypeAlias = Callable[[Any], Any]

_SOFTMAXES = ((keras.activations.softmax, "softmax"), (keras.activations.log_softmax, "log_softmax"))
_SOFTMAX_KINDS = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}


@dataclass(frozen=True)
class Ending:
    """`steps` make scores of `given`, a tensor of the network, each of single pixels.

    `align_corners` is that of the bilinear upsample that comes between `given` and the steps in the network, and that
    may as well come after them, since it makes every pixel a mean of others; None where there is none. `softmax` is the
    one over the classes that comes last, `softmax` or `log_softmax`.
    """

    given: Any
    steps: tuple[_Step, ...]
    align_corners: bool | None
    softmax: str | None


def ending_of(network: Any) -> Ending | None:
    """The end of a functional model's main output; None where there is nothing to leave out."""
    if not hasattr(network, "inputs"):
        return None
    given = network.outputs[0] if isinstance(network, keras.Sequential) else main_output(network.output)
    found = _read(given)
    if found is None:
        return None
    softmax, steps = None, list[_Step]()
    if (scored := _before_softmax(*found)) is not None:
        given, linear, softmax = scored
        steps = [linear] if linear else []
    cut = Ending(given, tuple(steps), None, softmax)
    while (found := _read(given)) is not None:
        operation, before = found
        align_corners = _upsampled(operation, before)
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


def _before_softmax(operation: Any, given: Any) -> tuple[Any, _Step | None, str] | None:
    """What a softmax over the classes is computed from, how if it belongs to a convolution, and which it is."""
    config, kind = _config(operation), type(operation)
    if kind.__module__.startswith("keras.") and kind.__name__ in _SOFTMAX_KINDS:
        is_of_classes = config.get("axis", getattr(operation, "axis", None)) in (-1, 3)
        return (given, None, _SOFTMAX_KINDS[kind.__name__]) if is_of_classes else None
    name = next((name for one, name in _SOFTMAXES if getattr(operation, "activation", None) is one), None)
    if name is None:
        return None
    if kind is layers.Conv2D and _is_of_single_pixels(config):
        return given, lambda x: _convolved(operation, x), name
    return (given, None, name) if kind is layers.Activation else None


def _convolved(layer: Any, x: Any) -> Any:
    """A convolution without its activation."""
    result = layer.convolution_op(x, layer.kernel)
    return result + layer.bias if layer.use_bias else result


def _is_pointwise(operation: Any) -> bool:
    """Whether an operation takes the mean of two pixels to the mean of what it makes of them."""
    config, kind = _config(operation), type(operation)
    if kind is layers.Conv2D:
        return operation.activation is keras.activations.linear and _is_of_single_pixels(config)
    if kind is layers.BatchNormalization:
        return config["axis"] in (-1, 3)
    return kind in (layers.Dropout, layers.SpatialDropout2D)


def _is_of_single_pixels(config: dict[str, Any]) -> bool:
    sides = (*config["kernel_size"], *config["strides"])
    return set(sides) == {1} and config["data_format"] == "channels_last"


def _upsampled(operation: Any, given: Any) -> bool | None:
    """The align_corners of a bilinear upsample; None for another operation."""
    config = _config(operation)
    if type(operation).__name__ == "ResizeBilinear":  # Of our own networks, which this room does not know.
        return bool(config["align_corners"])
    if type(operation) in (layers.UpSampling2D, layers.Resizing) and config["interpolation"] == "bilinear":
        sides = zip(given.shape[1:3], (config.get("height", 0), config.get("width", 0)), strict=True)
        is_smoothed = config.get("antialias") and any(side is None or side > target for side, target in sides)
        is_cut = config.get("crop_to_aspect_ratio") or config.get("pad_to_aspect_ratio")
        return None if is_smoothed or is_cut else False
    return None
