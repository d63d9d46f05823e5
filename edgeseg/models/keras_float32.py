"""Keras networks that were built to compute in half floats, built again to compute in float32 with the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.saving.serialization_lib import SafeModeScope

from edgeseg.core.errors import InputError, first_line
from edgeseg.core.outputs import main_output
from edgeseg.core.types import Size

__all__ = ["FLOAT32", "check_same", "in_float32"]

_HALF = ("float16", "bfloat16")
_MIXED = ("mixed_float16", "mixed_bfloat16")
"""Policies under which weights are float32 and what is computed with them is not."""
FLOAT32 = 'build it under keras.config.set_dtype_policy("float32") and load its weights'
"""What works for every network."""
_MOST_NOISE = 0.03
"""Of a network's output, that half floats may make, relative to its variance."""


def in_float32(network: keras.Model) -> keras.Model:
    """The network itself, or, where layers of it have a policy of half floats beside float32 weights, a copy without.

    Raises InputError where Keras cannot build it again.
    """
    policies = (layer.dtype_policy.name for layer in network._flatten_layers())
    policy = next((name for name in policies if name in _MIXED), None)
    if policy is None:
        return network
    if not isinstance(network, keras.Sequential) and not hasattr(network, "inputs"):
        raise _refusal(network, policy, "a model of your own class cannot be built again in float32")
    try:
        own = {type(layer).__name__: type(layer) for layer in network._flatten_layers()}
        # What code it has runs already: there is nothing to guard against.
        with _float32_policy(), keras.saving.custom_object_scope(own), SafeModeScope(False), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copy = type(network).from_config(_config_in_float32(network.get_config()))
        copy.set_weights(network.get_weights())
    except Exception as error:  # Layers may be of anyone's code.
        raise _refusal(network, policy, f"it cannot be built again in float32: {first_line(error)}") from error
    return copy


def check_same(copy: keras.Model, network: keras.Model, size: Size) -> None:
    """Raise InputError where a copy differs from its network by more than half floats do, on one image of noise."""
    image = np.random.default_rng(0).standard_normal((1, size.height, size.width, 3), np.float32)
    given, expected = (np.asarray(main_output(each(image, training=False)), np.float64) for each in (copy, network))
    if not np.square(given - expected).mean() <= _MOST_NOISE * expected.var():
        raise InputError(f"{network.name}: its copy in float32 gives something else than it does itself; {FLOAT32}")


def _refusal(network: keras.Model, policy: str, problem: str) -> InputError:
    return InputError(f"{network.name} computes in half floats (policy {policy}), and {problem}; {FLOAT32}")


@contextmanager
def _float32_policy() -> Iterator[None]:
    """For what layers of the user's own build in turn."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _config_in_float32(config: Any) -> Any:
    """A network's configuration, or a part of it, with float32 for half floats: in policies, inputs and casts."""
    match config:
        case {"class_name": "DTypePolicy", "config": {"name": name}} if name in _MIXED:
            return "float32"
        case {"dtype": dtype} if dtype in _HALF:
            return _config_in_float32({**config, "dtype": "float32"})
        case dict():
            return {name: _config_in_float32(value) for name, value in config.items()}
        case list() | tuple():
            return type(config)(map(_config_in_float32, config))
    return config
