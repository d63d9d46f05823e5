"""What edgeseg does to a Keras network without knowing which."""

from __future__ import annotations

import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, first_line
from edgeseg.core.outputs import main_output
from edgeseg.core.types import Size
from edgeseg.models import keras_files
from edgeseg.models.blocks import keras_hard, keras_resize, keras_shuffle
from edgeseg.models.keras_float32 import FLOAT32, check_same, in_float32
from edgeseg.models.tf1_checkpoint import read_checkpoint, slim_names

__all__ = [
    "arrays",
    "assign",
    "backbone",
    "complete",
    "describe",
    "load_own",
    "named_anew",
    "open_file",
    "open_saved_model",
    "params",
    "read_checkpoint",
    "seeded",
    "slim_names",
    "unchanged",
]

_REGISTERED = keras_hard, keras_resize, keras_shuffle
"""Imported so that a .keras file may hold our layers."""

_COUNTS = "object_name_uids"
"""Of the names that Keras has given so far, which it appends to further ones."""

_SIZE = Size(512, 1024)
_OTHER_FLOATS = ("float16", "bfloat16", "float64")
_PRODUCTS = ("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul")


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
    return {path: variable.value.numpy() for path, variable in _variables(network).items()}


def assign(network: keras.Model, values: Mapping[str, NDArray[Any]]) -> None:
    """Copy arrays of matching paths and shapes into the network; variables not given stay."""
    variables = _variables(network)
    for path, value in values.items():
        variables[path].assign(value)


def _variables(network: keras.Model) -> dict[str, Any]:
    """By path; parts of a network may have variables of one path, of which the second is `PATH#2`, and so on."""
    found: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for variable in network.weights:
        if "seed_generator" not in variable.path:
            counts[variable.path] += 1
            count = counts[variable.path]
            found[variable.path if count == 1 else f"{variable.path}#{count}"] = variable
    return found


def load_own(network: keras.Model, path: Path) -> None:
    """Fill a network, wholly or not at all, from a file that Keras wrote: .weights.h5, .h5 or .keras.

    Raises InputError for a file that cannot be read or is of another network.
    """
    before = arrays(network)
    try:
        keras_files.load(network, path)
    except InputError:
        assign(network, before)
        raise
    except (ValueError, TypeError, KeyError, OSError, RuntimeError, zipfile.BadZipFile) as error:
        assign(network, before)
        raise InputError(f"{path}: Keras cannot load it into {network.name}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """Keras tells it in further lines, before those of every layer that there is."""
    return " ".join(str(error).partition("List of objects")[0].split()).rstrip(" .") or type(error).__name__


@contextmanager
def named_anew() -> Iterator[None]:
    """Layers that are built meanwhile get the names that they would get in a process of their own."""
    kept = global_state.get_global_attribute(_COUNTS)
    global_state.set_global_attribute(_COUNTS, None)
    try:
        yield
    finally:
        global_state.set_global_attribute(_COUNTS, kept)


def backbone(network: keras.Model) -> None:
    """None: torchvision has no weights for Keras networks."""


def unchanged(network: keras.Model) -> AbstractContextManager[None]:
    """Keras is told at each call whether it trains, so there is nothing to put back."""
    return nullcontext()


def params(network: Any) -> int:
    """Number of parameters; moving statistics do not count."""
    weights = getattr(network, "weights", None) or getattr(network, "variables", [])
    return sum(int(np.prod(w.shape)) for w in weights if "moving_" not in w.path and "seed" not in w.path)


def complete(network: keras.Model, size: Size | None) -> None:
    """Give a network the variables that it has only once it has run. Raises InputError where it fails."""
    if not network.built:
        _on_an_empty_image(network, size or _SIZE)


def describe(network: keras.Model, size: Size | None) -> tuple[keras.Model, int, Size]:
    """The network, or a float32 copy of one that computes in half floats; its number of classes and its input size.

    Raises InputError where the network is made for another size or purpose, or cannot be had in float32.
    """
    inputs = getattr(network, "inputs", None) or [keras.KerasTensor((None, None, None, 3))]
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[3] != 3:
        shapes = ", ".join(str(tuple(given.shape)) for given in inputs)
        raise InputError(f"{network.name} takes {shapes}; it must take one batch of RGB images (N, H, W, 3)")
    whole = in_float32(network)
    _check_policy(whole)
    found = _filled(inputs[0].shape[1:3], size)
    if size is not None and found != size:
        raise InputError(f"{network.name} is made for images of {found}, not {size}; build it for that size")
    output = _on_an_empty_image(whole, found)
    if len(output.shape) != 4 or not keras.backend.is_float_dtype(output.dtype):
        found_output = f"{keras.backend.standardize_dtype(output.dtype)} {tuple(output.shape)}"
        raise InputError(f"{network.name} must return logits (N, H, W, classes), not {found_output}")
    if output.shape[3] < 2:
        raise InputError(
            f"{network.name} has one output channel, and edgeseg wants scores of 2 classes or more; of one logit x (no "
            "sigmoid), return keras.ops.concatenate([-x, x], -1), which are background and foreground"
        )
    if whole is not network:
        check_same(whole, network, found)
    return whole, output.shape[3], found


def _on_an_empty_image(network: keras.Model, size: Size) -> Any:
    try:
        return main_output(network(np.zeros((1, size.height, size.width, 3), np.float32), training=False))
    except Exception as error:
        raise InputError(
            f"{network.name} fails on an image of {size}: {first_line(error)}; try another --size"
        ) from error


def _check_policy(network: keras.Model) -> None:
    others = (layer for layer in network._flatten_layers() if layer.compute_dtype in _OTHER_FLOATS)
    if (layer := next(others, None)) is not None:
        raise InputError(
            f"{network.name} computes in {layer.compute_dtype} (policy {layer.dtype_policy.name}); {FLOAT32}"
        )


def _filled(sides: Iterable[int | None], size: Size | None) -> Size:
    """Sides that are left open take those of `size`."""
    wanted = size or _SIZE
    return Size(*(side or given for side, given in zip(sides, (wanted.height, wanted.width), strict=True)))


def open_file(path: Path) -> keras.Model:
    """The network in a .keras file. Raises InputError where it cannot be read, or not without running code."""
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: Keras cannot load it: {_cause(error)}; give module:callable for a network of your own layers"
        ) from error


def open_saved_model(path: Path, size: Size | None) -> keras.Model:
    """The network in a SavedModel folder: its signature `serving_default`, of one image batch (N, H, W, 3)."""
    try:
        layer = keras.layers.TFSMLayer(str(path), call_endpoint="serving_default", name="saved_model")
        (_, inputs) = layer.call_endpoint_fn.structured_input_signature
    except (ValueError, KeyError, AttributeError, OSError) as error:
        raise InputError(f"{path}: no SavedModel with a signature serving_default: {first_line(error)}") from error
    _check_graph(path, layer.call_endpoint_fn.graph.as_graph_def())
    if len(inputs) != 1:
        raise InputError(f"{path}: its signature takes {len(inputs)} inputs; one batch of images is needed")
    shape = next(iter(inputs.values())).shape.as_list()
    if len(shape) != 4 or shape[3] != 3:
        raise InputError(f"{path}: its input is of shape {shape}; (N, H, W, 3) is needed")
    built = _filled(shape[1:3], size)
    image = keras.Input((built.height, built.width, 3), name="image")
    return keras.Model(image, main_output(layer(image)), name=path.name)


def _check_graph(path: Path, graph: Any) -> None:
    """A SavedModel is no more of layers that could be built again."""
    outer, functions = attrgetter("node", "library.function")(graph)
    nodes = chain(outer, *(function.node_def for function in functions))
    dtypes = (tf.as_dtype(node.attr["T"].type).name for node in nodes if node.op in _PRODUCTS)
    if (dtype := next((dtype for dtype in dtypes if dtype in _OTHER_FLOATS), None)) is not None:
        remedy = "give the .keras file of its network, or save it anew from one in float32"
        raise InputError(f"{path}: it computes in {dtype}, which no exporter takes; {remedy}")
