"""What a measurement was taken on: processor, system, libraries, load."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["Int8Features", "environment", "int8_features", "library_versions"]

_LIBRARIES = (
    "edgeseg",
    "numpy",
    "numba",
    "pillow",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxsim",
    "ai-edge-litert",
    "tflite-runtime",
    "ai-edge-quantizer",
    "litert-torch",
    "torch",
    "tensorflow",
    "keras",
    "tf2onnx",
)

_X86_FLAGS = ("avx2", "avx512_vnni", "avx_vnni", "amx_int8")
_ARM_FLAGS = {"asimddp": "dotprod", "i8mm": "i8mm"}
_SYSCTL_FLAGS = {
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512vnni": "avx512_vnni",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
}

_CPUINFO = Path("/proc/cpuinfo")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_THERMAL = Path("/sys/class/thermal")


@dataclass(frozen=True)
class Int8Features:
    """The instructions of this processor that decide how fast int8 runs, and what they mean in plain words."""

    present: tuple[str, ...]
    absent: tuple[str, ...]
    meaning: str


def environment(threads: int) -> dict[str, Any]:
    """Everything beside the artifact that moves a measurement, as plain JSON values; None for what cannot be read."""
    return {
        "cpu_model": _cpu_model(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "allowed_cores": _allowed_cores(),
        "threads": threads,
        "int8_features": list(int8_features().present),
        "governor": _governor(),
        "load_average": _load_average(),
        "temperature_c": _temperature_c(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "libraries": library_versions(),
    }


def library_versions() -> dict[str, str]:
    """Installed packages that take part in a measurement, by distribution name, without importing them."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def int8_features() -> Int8Features:
    """What this processor has for int8 arithmetic."""
    return explain(_processor_flags(), platform.machine())


def explain(flags: frozenset[str], architecture: str) -> Int8Features:
    """The same for any processor, from its flags in our names and its architecture."""
    is_arm = architecture.lower() in ("aarch64", "arm64") or architecture.lower().startswith("arm")
    is_x86 = architecture.lower() in ("x86_64", "amd64", "i686", "i386")
    known = tuple(_ARM_FLAGS.values()) if is_arm else _X86_FLAGS if is_x86 else ()
    present = tuple(flag for flag in known if flag in flags)
    absent = tuple(flag for flag in known if flag not in flags)
    return Int8Features(present, absent, _meaning(flags, is_arm=is_arm, is_x86=is_x86))


def _meaning(flags: frozenset[str], *, is_arm: bool, is_x86: bool) -> str:
    if "amx_int8" in flags:
        return "int8 matrix tiles (AMX): int8 convolutions can run many times as fast as float."
    if "avx512_vnni" in flags or "avx_vnni" in flags:
        return "one instruction multiplies and adds four int8 pairs (VNNI): expect int8 to run faster than float."
    if "i8mm" in flags:
        return "int8 matrix instructions (i8mm): expect int8 to run several times as fast as float."
    if "dotprod" in flags:
        return "one instruction multiplies and adds four int8 pairs (dotprod): expect int8 to run faster than float."
    if is_x86 and "avx2" in flags:
        return "no int8 dot product (AVX2 only): int8 gains little, and its 16-bit sums can saturate and cost accuracy."
    if is_x86 or is_arm:
        return "no int8 dot product: int8 makes the file smaller, but hardly faster than float."
    return "this processor's int8 instructions are not known to edgeseg: measure before you choose int8."


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def cpuinfo_flags(cpuinfo: str) -> frozenset[str]:
    """Flags of the first processor in the text of /proc/cpuinfo, the ARM ones in our names."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return frozenset(_ARM_FLAGS.get(flag, flag) for flag in (found[1].split() if found else ()))


def cpuinfo_model(cpuinfo: str) -> str | None:
    """Name of the processor, or of the board where the processor has none (ARM), in the text of /proc/cpuinfo."""
    for key in ("model name", "Model", "Hardware"):
        found = re.search(rf"^{key}\s*:\s*(\S.*)$", cpuinfo, re.MULTILINE)
        if found:
            return found[1].strip()
    return None


def _processor_flags() -> frozenset[str]:
    cpuinfo = _read(_CPUINFO)
    if cpuinfo is not None:
        return cpuinfo_flags(cpuinfo)
    return frozenset(flag for key, flag in _SYSCTL_FLAGS.items() if _sysctl(key) == "1")


def _cpu_model() -> str | None:
    cpuinfo = _read(_CPUINFO)
    if cpuinfo is not None:
        return cpuinfo_model(cpuinfo) or _read(Path("/proc/device-tree/model"))
    return _sysctl("machdep.cpu.brand_string") or platform.processor() or None


def _sysctl(key: str) -> str | None:
    if sys.platform != "darwin":
        return None
    done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _allowed_cores() -> list[int] | None:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _governor() -> str | None:
    return _read(_GOVERNOR)


def _load_average() -> list[float] | None:
    """Over 1, 5 and 15 minutes."""
    try:
        return [round(load, 2) for load in os.getloadavg()]
    except (OSError, AttributeError):
        return None


def _temperature_c() -> float | None:
    """Of the hottest thermal zone; the kernel tells thousandths of a degree Celsius."""
    readings = [text for zone in sorted(_THERMAL.glob("thermal_zone*/temp")) if (text := _read(zone))]
    degrees = [int(text) / 1000 for text in readings if re.fullmatch(r"-?\d+", text)]
    return max(degrees, default=None)
