"""Puts the head on a Keras network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeseg.core.errors import EdgesegError, InputError, first_line
from edgeseg.core.outputs import main_output, which_output
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Model, Size
from edgeseg.exporters.completion import completed
from edgeseg.exporters.keras_ending import Ending, ending_of
from edgeseg.exporters.program import BEFORE_SOFTMAX, Program, Upsample, output_facts

__all__ = ["signature", "trace"]


@lru_cache(maxsize=1)
def trace(model: Model, spec: ExportSpec) -> Program:
    """The network as a tf.function of one (N, H, W, 3) image batch, ending in the head asked for.

    Raises InputError for a size that the network cannot take.
    """
    network = model.network
    _check_input(model, spec)
    ending = ending_of(network)
    upsample = _upsample(network, ending, spec)
    output = output_facts(spec, "NHWC", upsample)
    cut = ending if output.head == "scores" else None
    inner = keras.Model(_inputs(network), cut.given) if cut else network

    @tf.function(autograph=False, input_signature=[signature(spec)])
    def headed(image: Any) -> Any:
        result = main_output(inner(image, training=False))
        for step in cut.steps if cut else ():
            result = step(result)
        return tf.argmax(result, -1, output_type=tf.int32) if output.head == "classmap" else result

    # As a graph, which frees each activation after its last use, as a call of the layers one by one does not.
    @tf.function(autograph=False, input_signature=[signature(spec)])
    def whole(image: Any) -> Any:
        return main_output(network(image, training=False))

    def reference(batch: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        tensor = tf.constant(batch)
        first = headed.get_concrete_function()(tensor).numpy()
        return first, (whole(tensor).numpy() if cut or output.head == "classmap" else first)

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
    notes = (*(() if which is None else (which,)), *((BEFORE_SOFTMAX,) if cut and cut.softmax else ()))
    complete = None
    if cut:
        complete = partial(completed, size=spec.size, upsample=upsample, softmax=cut.softmax)
    program = Program(headed, output, reference, layers, lambda _batch, _winners: None, complete, notes)
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


def _upsample(network: Any, ending: Ending | None, spec: ExportSpec) -> Upsample | None:
    """That the network ends in, but for steps that may as well come before it."""
    if ending is None or ending.align_corners is None:
        return None
    image = (1, spec.size.height, spec.size.width, 3)
    shape = keras.Model(_inputs(network), ending.given).compute_output_shape(image)
    return Upsample(Size(shape[1], shape[2]), ending.align_corners)


def _inputs(network: Any) -> Any:
    """A Sequential has `inputs`, but an `input` only once another model has called it."""
    return network.inputs if isinstance(network, keras.Sequential) else network.input
