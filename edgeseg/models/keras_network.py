"""What edgeseg does to a Keras network without knowing which."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, first_line
from edgeseg.core.types import Size
from edgeseg.models.blocks import keras_resize

__all__ = ["arrays", "assign", "describe", "open_file", "open_saved_model", "seeded"]

_REGISTERED = keras_resize
"""Imported so that a .keras file may hold our layers."""
_DEFAULT_SIZE = Size(512, 1024)


def seeded(build: Callable[[], keras.Model], seed: int = 0) -> keras.Model:
    """Build a network with the same random weights every time; the caller's random state is kept."""
    state = random.getstate()
    random.seed(seed)  # Keras draws the seeds of its initializers from here.
    try:
        return build()
    finally:
        random.setstate(state)


def arrays(network: keras.Model) -> dict[str, NDArray[Any]]:
    """The variables by path, without the random state of Dropout layers."""
    return {path: keras.ops.convert_to_numpy(variable) for path, variable in _variables(network).items()}


def assign(network: keras.Model, values: Mapping[str, NDArray[Any]]) -> None:
    """Copy arrays of matching paths and shapes into the network; variables not given stay."""
    variables = _variables(network)
    for path, value in values.items():
        variables[path].assign(value)


def _variables(network: keras.Model) -> dict[str, Any]:
    return {variable.path: variable for variable in network.weights if "seed_generator" not in variable.path}


def describe(network: keras.Model, size: Size | None) -> tuple[int, Size]:
    """Number of classes and input size. Raises InputError where the network is made for another size or purpose."""
    if len(network.inputs or []) != 1 or len(network.inputs[0].shape) != 4 or network.inputs[0].shape[3] != 3:
        raise InputError(f"{network.name} must take one batch of images (N, H, W, 3)")
    built = network.inputs[0].shape[1:3]
    found = Size(*(side or default for side, default in zip(built, _sides(size or _DEFAULT_SIZE), strict=True)))
    if size is not None and found != size:
        raise InputError(f"{network.name} is made for images of {found}, not {size}; build it for that size")
    output = _main(network.outputs)
    if len(output.shape) != 4 or output.shape[3] is None:
        raise InputError(f"{network.name} must return logits (N, H, W, classes), not {tuple(output.shape)}")
    return output.shape[3], found


def _sides(size: Size) -> tuple[int, int]:
    return size.height, size.width


def _main(output: Any) -> Any:
    while isinstance(output, Mapping | list | tuple):
        output = next(iter(output.values())) if isinstance(output, Mapping) else output[0]
    return output


def open_file(path: Path) -> keras.Model:
    """The network in a .keras file. Raises InputError where it cannot be read, or not without running code."""
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: Keras cannot load it: {first_line(error)}; give module:callable for a network of your own layers"
        ) from error


def open_saved_model(path: Path, size: Size | None) -> keras.Model:
    """The network in a SavedModel folder: its signature `serving_default`, of one image batch (N, H, W, 3)."""
    try:
        layer = keras.layers.TFSMLayer(str(path), call_endpoint="serving_default", name="saved_model")
        (_, inputs) = layer.call_endpoint_fn.structured_input_signature
    except (ValueError, KeyError, AttributeError, OSError) as error:
        raise InputError(f"{path}: no SavedModel with a signature serving_default: {first_line(error)}") from error
    if len(inputs) != 1:
        raise InputError(f"{path}: its signature takes {len(inputs)} inputs; one batch of images is needed")
    shape = next(iter(inputs.values())).shape.as_list()
    if len(shape) != 4 or shape[3] != 3:
        raise InputError(f"{path}: its input is of shape {shape}; (N, H, W, 3) is needed")
    sides = (side or wanted for side, wanted in zip(shape[1:3], _sides(size or _DEFAULT_SIZE), strict=True))
    image = keras.Input((*sides, 3), name="image")
    return keras.Model(image, _main(layer(image)), name=path.name)
