"""One training step in Keras (TensorFlow backend)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.outputs import all_outputs
from edgeseg.core.types import Model
from edgeseg.train.options import TrainOptions

__all__ = ["open_stepper"]

_MOMENTUM = 0.97
"""Networks for long trainings average batch statistics over thousands of steps: more than a short run has."""


def open_stepper(model: Model, options: TrainOptions, class_weights: NDArray[np.float32]) -> KerasStepper:
    """Make a Keras network ready to learn; InputError where it was built for another size than the crop's."""
    inputs = getattr(model.network, "inputs", None)
    built = tuple(inputs[0].shape[1:3]) if inputs else (None, None)  # A subclassed network takes any size.
    if any(
        side not in (None, wanted)
        for side, wanted in zip(built, (options.crop.height, options.crop.width), strict=True)
    ):
        raise InputError(
            f"model {model.name} takes {built[0]}x{built[1]} and the crop is {options.crop}; "
            "make the crop that size or build the model at the crop's"
        )
    return KerasStepper(model.network, options, class_weights)


class KerasStepper:
    """AdamW on the mean cross-entropy of the pixels that have a label, of every logits that the network gives."""

    def __init__(self, network: Any, options: TrainOptions, class_weights: NDArray[np.float32]) -> None:
        keras.utils.set_random_seed(options.seed)
        self._network = network
        self._class_weights = tf.constant(class_weights)
        self._norms = [
            layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)
        ]
        self._momenta = [layer.momentum for layer in self._norms]
        for layer in self._norms:
            layer.momentum = min(layer.momentum, _MOMENTUM)
        self._optimizer = keras.optimizers.AdamW(options.learning_rate, weight_decay=options.weight_decay)
        self._optimizer.exclude_from_weight_decay(
            var_list=[v for v in network.trainable_variables if len(v.shape) <= 1]
        )
        if not network.trainable_variables:
            raise InputError("no layer of the network is trainable; set `trainable` of those that are to learn")
        self._optimizer.build(network.trainable_variables)
        self._step = tf.function(self._traced, autograph=False, jit_compile=False)

    def _traced(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        weights = self._network.trainable_variables
        with tf.GradientTape() as tape:
            given = self._logits(images)
            loss = tf.add_n([_loss(logits, labels, self._class_weights) for logits in given])
        gradients = tape.gradient(loss, [v.value for v in weights])
        learning = [pair for pair in zip(gradients, weights, strict=True) if pair[0] is not None]
        self._optimizer.apply(*zip(*learning, strict=True))
        return loss

    def _logits(self, images: tf.Tensor) -> list[tf.Tensor]:
        """All that the network gives, its own logits and auxiliary ones, but for what are no scores of the classes."""
        classes = self._class_weights.shape[0]
        given = all_outputs(self._network(images, training=True))
        found = [each for each in given if len(each.shape) == 4 and each.shape[3] == classes]
        if not found:
            raise ValueError(f"in training mode it gives no logits (N, H, W, {classes})")
        return found

    def step(self, images: NDArray[np.float32], labels: NDArray[np.int32], learning_rate: float) -> float:
        """See `edgeseg.train.loop.Stepper`."""
        self._optimizer.learning_rate.assign(learning_rate)
        try:
            return float(self._step(tf.constant(images), tf.constant(labels)))
        except tf.errors.OpError as error:
            raise RuntimeError(error.message) from error

    def _variables(self) -> list[Any]:
        return [*self._network.variables, *self._optimizer.variables]

    def state(self) -> dict[str, NDArray[Any]]:
        """See `edgeseg.train.loop.Stepper`. `variables` include the random state of Dropout layers."""
        return {f"variable/{i}": v.value.numpy() for i, v in enumerate(self._variables())}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """See `edgeseg.train.loop.Stepper`."""
        variables = self._variables()
        if [state.get(f"variable/{i}", np.empty(0)).shape for i in range(len(state))] != [v.shape for v in variables]:
            raise ValueError("its weights are of another network")
        for i, variable in enumerate(variables):
            variable.assign(state[f"variable/{i}"])

    def close(self) -> None:
        """See `edgeseg.train.loop.Stepper`."""
        for layer, momentum in zip(self._norms, self._momenta, strict=True):
            layer.momentum = momentum


def _loss(logits: tf.Tensor, labels: tf.Tensor, class_weights: tf.Tensor) -> tf.Tensor:
    """(N, h, w, classes) and (N, H, W) -> mean cross-entropy over the labelled pixels, weighted by their classes."""
    if logits.shape[1:3] != labels.shape[1:3]:
        logits = tf.image.resize(logits, labels.shape[1:3])
    weights = tf.where(labels >= 0, tf.gather(class_weights, tf.maximum(labels, 0)), 0.0)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(labels, 0), logits=logits)
    return tf.math.divide_no_nan(tf.reduce_sum(weights * each), tf.reduce_sum(weights))
