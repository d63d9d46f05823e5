"""Keras, running the source network itself as a compiled function."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import tensorflow
from numpy.typing import NDArray

from edgeseg.core.errors import MeasureError, first_line
from edgeseg.core.outputs import main_output
from edgeseg.core.protocols import RuntimeDeclaration
from edgeseg.core.types import Artifact, Model
from edgeseg.runtimes.network import facts_of, refuse_tensors, source_engine
from edgeseg.runtimes.session import Session

__all__ = ["DECLARATION", "open_session"]

DECLARATION = RuntimeDeclaration(format="keras", package="tensorflow", extra="tf", default=True)


def open_session(
    source: Artifact | Model, threads: int, *, device: str, tensors: bool, watch: tuple[str, ...]
) -> Session:
    """Run a `keras.Model`. TensorFlow takes the number of threads before its first operation and not again."""
    assert isinstance(source, Model)
    refuse_tensors(source, tensors or bool(watch))
    with suppress(RuntimeError):
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    network = tensorflow.function(
        lambda image: main_output(source.network(image, training=False)),
        input_signature=[tensorflow.TensorSpec((None, source.size.height, source.size.width, 3), tensorflow.float32)],
        autograph=False,
    )

    def run(batch: NDArray[Any]) -> NDArray[Any]:
        try:
            logits: NDArray[Any] = network(tensorflow.constant(batch)).numpy()
        except Exception as error:
            raise MeasureError(f"{source.name}: Keras cannot run it: {first_line(error)}") from error
        return logits

    return Session(facts_of(source, "keras", "NHWC"), source_engine(run))
