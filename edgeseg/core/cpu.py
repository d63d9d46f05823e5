"""The processor that this runs on: its name, its cores, and its instructions for int8 and other speed."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from edgeseg.core.errors import InputError

__all__ = [
    "Family",
    "Int8Features",
    "check_threads",
    "cpu_model",
    "cpuinfo_flags",
    "cpuinfo_model",
    "explain",
    "int8_features",
    "read_text",
    "speed_flags",
]

Family: TypeAlias = Literal["x86", "arm", "other"]

_X86_FLAGS = ("avx2", "avx512_vnni", "avx_vnni", "amx_int8")
_ARM_FLAGS = {"asimddp": "dotprod", "i8mm": "i8mm"}
_SYSCTL_FLAGS = {
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512vnni": "avx512_vnni",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
}
_SPEED_FLAGS = re.compile(r"sse4_2|f16c|fma|avx.*|amx.*|asimd.*|neon|dotprod|i8mm|bf16|sve.*|sme2?")

_THREADS_PER_CORE = 4
_ALWAYS_ALLOWED = 16
"""Threads, however few the cores: to see what more of them than cores cost."""

_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Int8Features:
    """The instructions of this processor that decide how fast int8 runs, and what they mean in plain words."""

    family: Family
    present: tuple[str, ...]
    absent: tuple[str, ...]
    meaning: str

    @property
    def vnni(self) -> bool:
        """Whether u8 x s8 products are summed in 32 bits; without it, x86 kernels add pairs of them in 16."""
        return not {"avx512_vnni", "avx_vnni", "amx_int8"}.isdisjoint(self.present)

    @property
    def dot_product(self) -> bool:
        """Whether one instruction multiplies and adds int8 numbers; without it, kernels take about float's time."""
        return self.vnni or not {"dotprod", "i8mm"}.isdisjoint(self.present)


def int8_features() -> Int8Features:
    """What this processor has for int8 arithmetic."""
    return explain(_flags(), platform.machine())


def speed_flags(flags: frozenset[str] | None = None) -> tuple[str, ...]:
    """All the instructions that kernels choose their code by, of this processor or among flags in our names."""
    return tuple(sorted(filter(_SPEED_FLAGS.fullmatch, _flags() if flags is None else flags)))


def check_threads(threads: int) -> None:
    """Raise InputError for a number of threads that nothing on this machine can be run with to any purpose."""
    cores = os.cpu_count() or 1
    most = max(_ALWAYS_ALLOWED, _THREADS_PER_CORE * cores)
    if threads < 1:
        raise InputError(f"{threads} threads: at least 1 is needed")
    if threads > most:
        raise InputError(f"{threads} threads: too many for the {cores} core{'s' * (cores > 1)} here; give 1 to {most}")


def explain(flags: frozenset[str], architecture: str) -> Int8Features:
    """The same for any processor, from its flags in our names and its architecture."""
    family = _family(architecture.lower())
    known = {"arm": tuple(_ARM_FLAGS.values()), "x86": _X86_FLAGS, "other": ()}[family]
    present = tuple(flag for flag in known if flag in flags)
    absent = tuple(flag for flag in known if flag not in flags)
    return Int8Features(family, present, absent, _meaning(flags, family))


def _family(architecture: str) -> Family:
    if architecture.startswith(("arm", "aarch64")):
        return "arm"
    return "x86" if architecture in ("x86_64", "amd64", "i686", "i386") else "other"


def _meaning(flags: frozenset[str], family: Family) -> str:
    if "amx_int8" in flags:
        return "int8 matrix tiles (AMX): int8 convolutions can run many times as fast as float."
    if "avx512_vnni" in flags or "avx_vnni" in flags:
        return "one instruction multiplies and adds four int8 pairs (VNNI): expect int8 to run faster than float."
    if "i8mm" in flags:
        return "int8 matrix instructions (i8mm): expect int8 to run several times as fast as float."
    if "dotprod" in flags:
        return "one instruction multiplies and adds four int8 pairs (dotprod): expect int8 to run faster than float."
    if family == "x86" and "avx2" in flags:
        return "no int8 dot product (AVX2 only): int8 gains little, and its 16-bit sums can saturate and cost accuracy."
    if family != "other":
        return "no int8 dot product: int8 makes the file smaller, but hardly faster than float."
    return "this processor's int8 instructions are not known to edgeseg: measure before you choose int8."


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


def _flags() -> frozenset[str]:
    cpuinfo = read_text(_CPUINFO)
    if cpuinfo is not None:
        return cpuinfo_flags(cpuinfo)
    return frozenset(flag for key, flag in _SYSCTL_FLAGS.items() if _sysctl(key) == "1")


def cpu_model() -> str | None:
    """Name of this processor; None where the system does not tell."""
    cpuinfo = read_text(_CPUINFO)
    if cpuinfo is not None:
        return cpuinfo_model(cpuinfo) or read_text(Path("/proc/device-tree/model"))
    return _sysctl("machdep.cpu.brand_string") or platform.processor() or None


def _sysctl(key: str) -> str | None:
    if sys.platform != "darwin":
        return None
    done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def read_text(path: Path) -> str | None:
    """The text of a small file of the system, without the white space around it; None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
