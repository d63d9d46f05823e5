"""Puts the head on a Keras network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeseg.core.errors import EdgesegError, InputError, first_line
from edgeseg.core.outputs import main_output, which_output
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Model, Size
from edgeseg.exporters.program import Program, Upsample, output_facts

__all__ = ["signature", "trace"]


@lru_cache(maxsize=1)
def trace(model: Model, spec: ExportSpec) -> Program:
    """The network as a tf.function of one (N, H, W, 3) image batch, ending in the head asked for.

    Raises InputError for a size that the network cannot take.
    """
    network = model.network
    _check_input(model, spec)
    final = _final_upsample(network)
    upsample = _upsample(network, final, spec) if final else None
    output = output_facts(spec, "NHWC", upsample)
    low = output.head == "scores" and upsample is not None
    inner = keras.Model(_inputs(network), final[0]) if low and final else network

    @tf.function(autograph=False, input_signature=[signature(spec)])
    def headed(image: Any) -> Any:
        result = main_output(inner(image, training=False))
        return tf.argmax(result, -1, output_type=tf.int32) if output.head == "classmap" else result

    # As a graph, which frees each activation after its last use, as a call of the layers one by one does not.
    @tf.function(autograph=False, input_signature=[signature(spec)])
    def whole(image: Any) -> Any:
        return main_output(network(image, training=False))

    def reference(batch: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        tensor = tf.constant(batch)
        first = headed.get_concrete_function()(tensor).numpy()
        return first, (whole(tensor).numpy() if low or output.head == "classmap" else first)

    def layers(batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        if not hasattr(network, "inputs"):
            return
        single = [layer for layer in network.layers if not isinstance(layer, keras.Model)]
        steps = [layer for layer in single if getattr(layer.output, "ndim", 0) == 4][1:]
        try:
            inner = keras.Model(_inputs(network), [layer.output for layer in steps])
        except ValueError:  # A layer that another network has called before gives that one's output.
            return
        outputs = inner(tf.constant(batch), training=False)
        for layer, value in zip(steps, outputs, strict=True):
            yield layer.name, value.numpy()

    which = which_output(getattr(network, "output", None))
    notes = () if which is None else (which,)
    program = Program(headed, output, reference, layers, lambda _batch, _winners: None, notes)
    _try_size(model, program, spec)
    return program


def signature(spec: ExportSpec) -> Any:
    """The one input, of static shape."""
    return tf.TensorSpec((spec.batch, spec.size.height, spec.size.width, 3), tf.float32, name="image")


def _check_input(model: Model, spec: ExportSpec) -> None:
    """A functional model has its input size built in, unless it leaves it open."""
    built = getattr(model.network, "input_shape", None)
    if built is None:
        return
    if not isinstance(built, tuple) or len(built) != 4 or built[3] != 3:
        raise InputError(f"{model.name}: takes an input of shape {built}; one RGB image batch (N, H, W, 3) is needed")
    asked = (spec.size.height, spec.size.width)
    if any(side not in (None, wanted) for side, wanted in zip(built[1:3], asked, strict=True)):
        raise InputError(
            f"{model.name} cannot take {spec.size}: it was built for {built[1]}x{built[2]}; pass --size {built[1]}x"
            f"{built[2]}, or build it for the size wanted"
        )


def _try_size(model: Model, program: Program, spec: ExportSpec) -> None:
    can = f"; it takes {model.card.sizes}" if model.card else "; build it for that size, or try another --size"
    image = np.zeros((spec.batch, spec.size.height, spec.size.width, 3), np.float32)
    try:
        _, logits = program.reference(image)
    except EdgesegError:
        raise
    except Exception as error:
        raise InputError(f"{model.name} cannot take {spec.size}: {first_line(error)}{can}") from error
    expected = (spec.batch, spec.size.height, spec.size.width, len(model.classes))
    if logits.shape != expected:
        raise InputError(f"{model.name}: logits of shape {logits.shape} where {expected} is needed")


def _final_upsample(network: Any) -> tuple[Any, bool] | None:
    """What the bilinear upsample is given that the main output of a functional model ends in, and its align_corners."""
    if not hasattr(network, "inputs"):
        return None
    main = network.outputs[0] if isinstance(network, keras.Sequential) else main_output(network.output)
    history = getattr(main, "_keras_history", None)
    if history is None:
        return None
    last = history.operation
    given = last._inbound_nodes[history.node_index].input_tensors
    config = last.get_config() if isinstance(last, keras.layers.Layer) else {}
    match type(last).__name__:
        case "ResizeBilinear":
            return given[0], bool(config["align_corners"])
        case "UpSampling2D" | "Resizing" if config.get("interpolation") == "bilinear":
            if config.get("crop_to_aspect_ratio") or config.get("pad_to_aspect_ratio"):
                return None
            return given[0], False
    return None


def _upsample(network: Any, final: tuple[Any, bool], spec: ExportSpec) -> Upsample | None:
    given, align_corners = final
    shape = keras.Model(_inputs(network), given).compute_output_shape((1, spec.size.height, spec.size.width, 3))
    return Upsample(Size(shape[1], shape[2]), align_corners)


def _inputs(network: Any) -> Any:
    """A Sequential has `inputs`, but an `input` only once another model has called it."""
    return network.inputs if isinstance(network, keras.Sequential) else network.input
