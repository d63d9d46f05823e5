"""Devices that are not of this machine: another one over ssh, or one behind adb."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.core.protocols import Progress
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Format
from edgeseg.pipeline.elsewhere.android import benchmark_model, is_android, measure_on_android
from edgeseg.pipeline.elsewhere.remote import Host, is_remote, measure_over_ssh
from edgeseg.pipeline.job import Job

__all__ = ["check_elsewhere", "is_elsewhere", "measure_elsewhere"]


def is_elsewhere(device: str) -> bool:
    """Whether a device is not one of this machine's."""
    return is_remote(device) or is_android(device)


def check_elsewhere(device: str, formats: Collection[Format]) -> None:
    """Raise InputError, before long work, for a device that is none, or that takes no files of these formats."""
    if is_remote(device):
        Host.parse(device)
        return
    benchmark_model(device)
    if "onnx" in formats:
        raise InputError(f"device {device}: only .tflite files go to Android; give --to tflite")


def measure_elsewhere(job: Job, sources: Sequence[Source], progress: Progress) -> list[Record | EdgesegError]:
    """Measure finished files on such a device: for each, in order, a Record or why there is none.

    Raises what `measure_over_ssh` and `measure_on_android` raise.
    """
    return (measure_over_ssh if is_remote(job.device) else measure_on_android)(job, sources, progress)
