"""The piecewise linear sigmoid and swish of MobileNetV3 in Keras, of operators that int8 runtimes have.

Source: Howard et al., Searching for MobileNetV3, https://arxiv.org/abs/1905.02244, section 5.2. Both are
relu6(x + 3) / 6, one times x; in TFLite the swish is one HARD_SWISH.
"""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["HardSigmoid", "HardSwish"]


@keras.saving.register_keras_serializable("edgeseg")
class HardSigmoid(keras.layers.Layer):
    """Any shape -> the same, in [0, 1]. The sixth is 0.16667, as in the published checkpoints."""

    def call(self, inputs: Any) -> Any:
        return keras.ops.relu6(inputs + 3.0) * 0.16667

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


@keras.saving.register_keras_serializable("edgeseg")
class HardSwish(keras.layers.Layer):
    """Any shape -> the same."""

    def call(self, inputs: Any) -> Any:
        return inputs * (keras.ops.relu6(inputs + 3.0) * (1 / 6))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
