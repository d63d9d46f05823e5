"""Bilinear resizing in Keras, with aligned corners where Keras' own layers cannot."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["ResizeBilinear"]


@keras.saving.register_keras_serializable("edgeseg")
class ResizeBilinear(keras.layers.Layer):
    """(N, h, w, C) -> (N, *size, C). With `align_corners` the corner pixels' centres coincide, as in TensorFlow 1.

    One RESIZE_BILINEAR in TFLite and one Resize in ONNX.
    """

    def __init__(self, size: tuple[int, int], align_corners: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = (int(size[0]), int(size[1]))
        self.align_corners = align_corners

    def call(self, inputs: Any) -> Any:
        return tf.raw_ops.ResizeBilinear(
            images=inputs, size=self.size, align_corners=self.align_corners, half_pixel_centers=not self.align_corners
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.size, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "align_corners": self.align_corners}
