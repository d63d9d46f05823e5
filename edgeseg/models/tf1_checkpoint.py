"""Checkpoints of TensorFlow 1, as TF-Slim's training scripts write them, and the names of their variables."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, first_line
from edgeseg.models import tf1_files

__all__ = ["read_checkpoint", "slim_names"]

_AVERAGE = "/ExponentialMovingAverage"
_COUNTER = re.compile(r"(.*/)?(global_step|beta[12]_power(_\d+)?)")
_SLOT = re.compile(r"(.+)/(Momentum|Adam|RMSProp|Adagrad)(_\d+)?")
"""What an optimizer keeps for a variable."""
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_LEAVES = {"kernel": "weights", "bias": "biases"}


def slim_names(network: keras.Model) -> dict[str, str]:
    """TF-Slim's names of a network's variables by Keras path: variable `weights` of scope `A/B` is `A.B/kernel`."""
    depthwise = {layer.kernel.path for layer in network.layers if isinstance(layer, keras.layers.DepthwiseConv2D)}
    names = {}
    for path in (variable.path for variable in network.weights if "seed_generator" not in variable.path):
        scope, _, leaf = path.replace(".", "/").rpartition("/")
        names[path] = f"{scope}/{'depthwise_weights' if path in depthwise else _LEAVES.get(leaf, leaf)}"
    return names


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """The variables of a checkpoint by name, as moving averages where it has them; without what an optimizer keeps.

    `path` is the checkpoint's prefix, one of its files, the folder of one checkpoint, or a .tar.gz that holds one.
    Raises InputError where there is none, or a damaged one, or one of TensorFlow 2.
    """
    with tf1_files.prefix(path) as prefix:
        try:
            reader = tf.train.load_checkpoint(str(prefix))
            names = reader.get_variable_to_shape_map().keys()
            if _OBJECTS not in names:
                return {name: np.asarray(reader.get_tensor(stored)) for name, stored in _variables(names).items()}
        except (tf.errors.OpError, RuntimeError, ValueError, LookupError) as error:
            raise InputError(
                f"{path}: not a checkpoint of TensorFlow, or a truncated one; copy it anew: {first_line(error)}"
            ) from error
    raise InputError(f"{path}: a checkpoint of TensorFlow 2 objects; save the Keras model as .keras and give that")


def _variables(names: Collection[str]) -> dict[str, str]:
    """The name that each variable's value is stored under."""
    averages = {name.removesuffix(_AVERAGE): name for name in names if name.endswith(_AVERAGE)}
    plain = {name: name for name in names if not name.endswith(_AVERAGE) and not _COUNTER.fullmatch(name)}
    slots = {name for name in plain if (found := _SLOT.fullmatch(name)) and found[1] in names}
    return {name: stored for name, stored in (plain | averages).items() if name not in slots}
