from __future__ import annotations

import os

import pytest

from edgeseg.core.cpu import check_threads, cpuinfo_flags, cpuinfo_model, explain, speed_flags
from edgeseg.core.errors import InputError

X86 = "processor\t: 0\nmodel name\t: Some Server CPU\nflags\t\t: fpu avx2 avx512_vnni amx_int8\n\nprocessor\t: 1\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\nCPU part\t: 0xd0b\n\nModel\t\t: Some Board Rev 1.0\n"


def test_cpuinfo_of_both_families() -> None:
    assert cpuinfo_flags(X86) == {"fpu", "avx2", "avx512_vnni", "amx_int8"}
    assert cpuinfo_flags(ARM) == {"fp", "asimd", "dotprod", "i8mm"}
    assert cpuinfo_flags("") == frozenset()
    assert cpuinfo_model(X86) == "Some Server CPU"
    assert cpuinfo_model(ARM) == "Some Board Rev 1.0"
    assert cpuinfo_model("") is None


@pytest.mark.parametrize(
    ("flags", "architecture", "present", "words"),
    [
        ({"avx2", "avx512_vnni", "amx_int8"}, "x86_64", ("avx2", "avx512_vnni", "amx_int8"), "AMX"),
        ({"avx2", "avx_vnni"}, "AMD64", ("avx2", "avx_vnni"), "VNNI"),
        ({"avx2"}, "x86_64", ("avx2",), "AVX2 only"),
        (set(), "x86_64", (), "hardly faster"),
        ({"dotprod"}, "aarch64", ("dotprod",), "dotprod"),
        ({"dotprod", "i8mm"}, "arm64", ("dotprod", "i8mm"), "i8mm"),
        (set(), "armv7l", (), "hardly faster"),
        ({"avx2"}, "riscv64", (), "not known"),
    ],
)
def test_int8_in_plain_words(flags: set[str], architecture: str, present: tuple[str, ...], words: str) -> None:
    features = explain(frozenset(flags), architecture)
    assert features.present == present
    assert not set(features.present) & set(features.absent)
    assert words in features.meaning


def test_flags_that_kernels_choose_by() -> None:
    x86 = cpuinfo_flags("flags\t: fpu sse2 sse4_2 f16c fma avx avx2 avx512_vnni avx512f avx_vnni amx_int8 smep\n")
    assert " ".join(speed_flags(x86)) == "amx_int8 avx avx2 avx512_vnni avx512f avx_vnni f16c fma sse4_2"
    arm = cpuinfo_flags("Features\t: fp asimd asimdhp asimddp i8mm bf16 sve sve2 crc32\n")
    assert " ".join(speed_flags(arm)) == "asimd asimdhp bf16 dotprod i8mm sve sve2"


@pytest.mark.parametrize(("cores", "most"), [(1, 16), (2, 16), (8, 32), (None, 16)])
def test_threads_far_above_the_cores_are_refused(cores: int | None, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    for threads in (1, 2, most):
        check_threads(threads)
    with pytest.raises(InputError, match=rf"^{most + 1} threads: too many for the .* here; give 1 to {most}$"):
        check_threads(most + 1)
    with pytest.raises(InputError, match="0 threads: at least 1 is needed"):
        check_threads(0)
