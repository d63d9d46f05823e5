"""Latency on an Android device over adb, by LiteRT's own benchmark program.

Nothing is installed on the device: program and files go to a folder of its own in /data/local/tmp and are removed. The
program tells averages only, so it is started anew for every sample, with warm-up runs before the one that counts.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edgeseg.bench.times.intervals import samples_for
from edgeseg.core.errors import EdgesegError, InputError, MeasureError
from edgeseg.core.protocols import Progress
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.pipeline.files.counting import recounted
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.sources import as_artifact

__all__ = ["benchmark_model", "is_android", "measure_on_android"]

_DEVICE = "android"
_WARMUP_RUNS = 3
_INFERENCE_US = re.compile(r"Inference \(avg\): (\d+(?:\.\d+)?(?:e\+?\d+)?)(?![\d.])")
_US_PER_MS = 1e3
_NOTE = "on Android by LiteRT's benchmark program: the network's latency alone"


def is_android(device: str) -> bool:
    """Whether a device is one behind adb."""
    return device.partition(":")[0] == _DEVICE


def benchmark_model(device: str) -> Path:
    """The program that a device names; InputError where there is none."""
    tool = Path(device.partition(":")[2])
    if not tool.is_file():
        raise InputError(f"device {device}: expected android:PATH of LiteRT's benchmark_model, built for the device")
    return tool


def measure_on_android(job: Job, sources: Sequence[Source], progress: Progress) -> list[Record | EdgesegError]:
    """Measure .tflite files on the device that adb finds: for each, in order, a Record or why there is none.

    `job.device` is `android:PATH` with the path of LiteRT's `benchmark_model`, built for the device. adb chooses among
    several devices by `$ANDROID_SERIAL`. A Record has the samples of the network and no accuracy.

    Raises:
        InputError: No such program, adb not installed, or a file that is no .tflite.
        MeasureError: adb finds no device, or cannot copy to it.
    """
    tool = benchmark_model(job.device)
    for source in sources:
        if Path(source.target).suffix.lower() != ".tflite":
            raise InputError(f"{source.target}: only .tflite files go to Android; export it with --to tflite first")
    folder = f"/data/local/tmp/edgeseg-{os.getpid()}"
    _adb("shell", f"mkdir {folder}")
    try:
        _adb("push", str(tool), f"{folder}/benchmark_model")
        _adb("shell", f"chmod 755 {folder}/benchmark_model")
        environment = {
            "cpu_model": " ".join(filter(None, map(_property, ("ro.product.model", "ro.soc.model")))),
            "os": f"Android {_property('ro.build.version.release')}",
            "threads": job.threads,
        }
        found: list[Record | EdgesegError] = []
        for source in sources:
            try:
                artifact = as_artifact(source)
                samples = _samples_ms(artifact, folder, job.threads, progress)
                found.append(_record(artifact, job, samples, environment))
            except EdgesegError as error:
                found.append(error)
        return found
    finally:
        with suppress(EdgesegError):  # Where the device has gone away, the first error tells more.
            _adb("shell", f"rm -rf {folder}")


def _samples_ms(artifact: Artifact, folder: str, threads: int, progress: Progress) -> tuple[float, ...]:
    file = f"{folder}/net.tflite"
    _adb("push", str(artifact.path), file)
    command = shlex.join(
        [
            f"{folder}/benchmark_model",
            f"--graph={file}",
            f"--num_threads={threads}",
            f"--warmup_runs={_WARMUP_RUNS}",
            "--num_runs=1",
            "--min_secs=0",
            "--use_xnnpack=true",
        ]
    )
    samples, needed = [], samples_for(90)
    for number in range(needed):
        told = _adb("shell", command)
        match = _INFERENCE_US.search(told)
        if match is None or not float(match[1]):
            raise MeasureError(f"{artifact.path}: benchmark_model tells no inference time; is it LiteRT's?")
        samples.append(float(match[1]) / _US_PER_MS)
        progress("latency", number + 1, needed)
    return tuple(samples)


def _property(name: str) -> str:
    return _adb("shell", f"getprop {name}").strip()


def _adb(*arguments: str) -> str:
    """All that a command prints; InputError without adb, MeasureError where the command fails."""
    try:
        done = subprocess.run(["adb", *arguments], capture_output=True, encoding="utf-8", errors="replace", check=False)
    except FileNotFoundError as error:
        raise InputError("adb is not installed here; --device android needs the Android platform tools") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no word why"]
        raise MeasureError(f"adb {arguments[0]}: {lines[-1].strip()}; see `adb devices`")
    return done.stdout + done.stderr


def _record(artifact: Artifact, job: Job, samples: tuple[float, ...], environment: dict[str, object]) -> Record:
    facts = recounted(artifact.facts, artifact)
    return Record(
        name=artifact.path.name,
        model=facts.model,
        format=facts.format,
        precision=facts.precision,
        head=facts.output.head,
        size=facts.input.size,
        batch=facts.input.batch,
        runtime="litert",
        device=_DEVICE,
        threads=job.threads,
        network_ms=samples,
        classmap_ms=(),
        sha256=artifact.sha256,
        parent_sha256=facts.parent_sha256,
        params=facts.params,
        madds=facts.madds,
        size_bytes=artifact.size_bytes,
        environment=environment,
        notes=(*facts.notes, _NOTE),
    )
