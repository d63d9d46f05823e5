"""Mixing the channels of groups in Keras."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["ChannelShuffle"]


@keras.saving.register_keras_serializable("edgeseg")
class ChannelShuffle(keras.layers.Layer):
    """(N, H, W, C) -> (N, H, W, C): channel i of group g becomes channel i * groups + g.

    Source: Zhang et al., ShuffleNet, https://arxiv.org/abs/1707.01083, section 3.1.
    """

    def __init__(self, groups: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, inputs: Any) -> Any:
        _, height, width, channels = inputs.shape
        grouped = tf.reshape(inputs, (-1, height, width, self.groups, channels // self.groups))
        return tf.reshape(tf.transpose(grouped, (0, 1, 2, 4, 3)), (-1, height, width, channels))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}
