"""`edgeseg quantize`: its options for calibration and weights."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeseg import pipeline
from edgeseg.cli.interrupt import EndByCtrlC
from edgeseg.cli.main import app
from edgeseg.cli.quantize_file import Wanted, _within
from edgeseg.core import cpu
from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError, WorkError
from edgeseg.core.protocols import Progress, Recipe
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import as_artifact
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.mixing import Budget, Cost, Mixture
from edgeseg.quantize.finished.report import int8_report
from tests.small import small_onnx


def test_one_calibration_file_for_all_float_files(cli, tmp_path: Path, workspace: Path) -> None:
    files = [workspace / f"fastscnn_64x128_fp32.{format}" for format in ("onnx", "tflite")]
    command = ("quantize", "--int8", "--no-profile", "--calibration", "kept.npz")
    done = cli(*command, *files, "--samples", "2", "--out", "first")
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines() if "equal classes on 2 calibration images" in line]
    assert len(told) == 2
    assert all(float(line[1]) > 15 for line in told)
    assert not done.stderr
    done = cli(*command, *files, "--data", "cityscapes:gone", "--out", "again")
    assert done.returncode == 0, done.stderr
    assert "equal classes" not in done.stdout
    written = sorted((tmp_path / "first").iterdir())
    assert [path.suffix for path in written] == [".onnx", ".tflite"]
    for path in written:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    done = cli(*command, *files, "--method", "mse", "--per-tensor", "--out", "other")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("equal classes on 4 images of scenes\n") == 2
    facts = read_facts(tmp_path / "other" / written[0].name)
    assert facts is not None
    recipe, passes = (facts.recipe or "").split("; passes: ")
    assert recipe == "default: mse ranges, uint8 activations, int8 weights per tensor"
    assert "bias-correction" in passes
    assert "equalization" not in passes
    assert str(facts.calibration) == "2 images of scenes"


def test_the_scenes_are_no_images_for_another_network(cli, tmp_path: Path) -> None:
    small_onnx(tmp_path / "enet_best.onnx")
    command = ("quantize", "--int8", "enet_best.onnx", "--samples", "1", "--no-profile")
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "built-in scenes" in line]
    assert line.startswith("edgeseg: edgeseg-out/enet_best_int8.onnx: calibrated on the built-in scenes; give images")
    assert "--data images:PATH" in line
    assert "built-in scenes" not in cli(*command, "--data", "scenes").stderr


def test_a_file_that_int8_spoils_is_said_to_be(cli, workspace: Path) -> None:
    narrow = ("--method", "percentile", "--percentile", "51", "--samples", "2", "--no-profile")
    done = cli("quantize", workspace / "fastscnn_64x128_fp32.onnx", "--int8", *narrow)
    assert done.returncode == 0, done.stderr
    assert re.search(r"fastscnn_64x128_int8\.onnx: far from the float file \(SQNR .* dB .*--min-sqnr 20", done.stderr)


def test_no_budget_is_advised_where_one_was_given_or_none_can_be(cli, workspace: Path) -> None:
    narrow = ("--method", "percentile", "--percentile", "51", "--samples", "2", "--no-profile")
    file = workspace / "fastscnn_64x128_fp32.onnx"
    for asked in (("--max-drop", "100", "--images", "1"), ("--int16-activations",)):
        done = cli("quantize", file, "--int8", *narrow, *asked)
        assert done.returncode == 0, done.stderr
        assert re.search(r": far from the float file \(SQNR [^;]*\)\n$", done.stderr)


def test_rounding_is_learned_where_there_are_images(cli, tmp_path: Path, workspace: Path) -> None:
    file = workspace / "fastscnn_64x128_fp32.onnx"
    command = ("quantize", "--int8", "--no-profile", "--learned-rounding", "--calibration", "kept.npz", "--out", "out")
    done = cli(*command, file, "--samples", "1")
    assert done.returncode == 0, done.stderr
    facts = read_facts(tmp_path / "out" / "fastscnn_64x128_int8.onnx")
    assert facts is not None
    assert "learned-rounding" in (facts.recipe or "")
    done = cli(*command, file)
    assert done.returncode != 0
    assert done.stderr == "edgeseg: kept.npz: learned rounding needs calibration images; leave out --calibration\n"


@pytest.mark.parametrize("keep", [(), ("--calibration", "kept.npz")])
def test_what_was_stopped_goes_on_after_the_last_file(cli, tmp_path: Path, keep: tuple[str, ...]) -> None:
    small_onnx(tmp_path / "a.onnx")
    small_onnx(tmp_path / "b.onnx", layers=20)  # Which takes longer than it takes to see that the first is there.
    asked = ("quantize", "a.onnx", "b.onnx", "--int8", "--samples", "2", "--no-profile", *keep)
    out = tmp_path / "edgeseg-out"
    command = [sys.executable, "-m", "edgeseg", *asked]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not any("a_int8.onnx" in path.read_text() for path in out.glob("unfinished_quantize_*.json")):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    before = (out / "a_int8.onnx").stat().st_mtime_ns
    done = cli(*asked, "--resume")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("edgeseg-out/a_int8.onnx: made before this went on\nedgeseg-out/b_int8.onnx  ")
    assert (out / "a_int8.onnx").stat().st_mtime_ns == before
    assert sorted(path.name for path in out.iterdir()) == ["a_int8.onnx", "b_int8.onnx"]
    assert cli(*asked, "--resume").stdout.count("MiB") == 2


@pytest.mark.parametrize("content", [b"", b"no calibration", None])
def test_a_calibration_file_that_is_none(cli, tmp_path: Path, content: bytes | None) -> None:
    """It is told before the network is exported."""
    path = tmp_path / "kept.npz"
    path.mkdir() if content is None else path.write_bytes(content)
    done = cli("quantize", "fastscnn", "--int8", "--calibration", path)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "kept.npz: " in line
    assert not list(tmp_path.glob("edgeseg-out/*"))


def test_a_calibration_file_that_cannot_be_written(cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = cli("quantize", "fastscnn", "--int8", "--calibration", "file/kept.npz")
    assert done.returncode == 2
    assert re.fullmatch(r"edgeseg: file/kept\.npz: cannot be written: .+; choose another --calibration\n", done.stderr)
    assert not list(tmp_path.glob("edgeseg-out/*"))


def test_ctrl_c_ends_calibration_only_between_images(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    for what, done in (("calibrate", 0), ("calibrate", 9), ("export", 3)):
        with EndByCtrlC(silent) as end, pytest.raises(KeyboardInterrupt):
            end.progress(what, done, 9)
            signal.raise_signal(signal.SIGINT)
    with EndByCtrlC(silent) as end:
        end.progress("calibrate", 3, 9)
        assert not end.enough()
        signal.raise_signal(signal.SIGINT)
        end.progress("calibrate", 4, 9)
        assert end.enough()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == "edgeseg: calibration ended after 4 of 9 images; quantizing with those\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_ends_calibration_for_a_budget_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def mix(again: Again, budget: Budget, known: Path, threads: int, progress: Progress) -> Mixture:
        progress("calibrate", 3, 9)
        assert not again.enough()
        signal.raise_signal(signal.SIGINT)
        assert again.enough()
        return Mixture((), 0, Cost(), 1)

    monkeypatch.setattr(pipeline, "mix", mix)
    again = Again(as_artifact(Source(str(small_onnx(tmp_path / "net.onnx")))), "scenes", Recipe())
    found = _within(again, Budget(1.0, "scenes"), Wanted(tmp_path, 1))
    assert not found.enough()
    assert capsys.readouterr().err == "edgeseg: calibration ended after 3 of 9 images; quantizing with those\n"


def test_what_is_deaf_to_ctrl_c_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with EndByCtrlC(silent) as end:
            end.progress("calibrate", 3, 9)
            signal.raise_signal(signal.SIGINT)
            assert not end.enough()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_int8_is_held_against_float(cli, tmp_path: Path, workspace: Path) -> None:
    file = workspace / "fastscnn_64x128_fp32.tflite"
    done = cli("quantize", "--int8", file, "--samples", "2", "--threads", "1", "--float-slow", "--input", "float")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(
        r"  int8 [\d.]+ ms, float [\d.]+ ms in turns on litert, 1 thread: [\d.]+ of float's time", lines[3]
    )
    assert "at the file's input or output" in done.stdout
    left = re.findall(r"--float '([^']+)'", done.stdout)
    assert left or "int8 pays for every operator" in done.stdout
    written = tmp_path / "edgeseg-out" / "fastscnn_64x128_int8.tflite"
    facts = read_facts(written)
    assert facts is not None
    assert ("left in float" in str(facts.recipe)) == bool(left)
    assert _is_noted_slow(written) == ("slower than float" in done.stderr)
    named = [word for name in left for word in ("--float", name)]
    done = cli("quantize", "--int8", file, "--samples", "2", "--no-profile", *named, "--out", "again")
    assert done.returncode == 0, done.stderr
    again = tmp_path / "again" / written.name
    assert int8_report(read_graph(again)) == int8_report(read_graph(written))
    assert getattr(read_facts(again), "recipe", None) == facts.recipe


def test_a_file_that_int8_makes_slower_gets_its_operators_back_in_float(cli, tmp_path: Path) -> None:
    """Convolutions of three channels are filled up, and each has a float operator behind it."""
    small_onnx(tmp_path / "slow.onnx", layers=8, height=256, width=256, channels=3, side=1, behind="Abs")
    command = ("quantize", "--int8", "slow.onnx", "--samples", "2", "--threads", "1")
    told = cli(*command, "--no-float-slow", "--out", "slow")
    assert told.returncode == 0, told.stderr
    assert "slow_int8.onnx: int8 is slower than float here (onnxruntime, 1 thread); ship the float file" in told.stderr
    assert "left in float, for" not in told.stdout
    assert _is_noted_slow(tmp_path / "slow" / "slow_int8.onnx")

    done = cli(*command, "--out", "mended")
    assert done.returncode == 0, done.stderr
    (line,) = re.findall(r"left in float, for 0\.\d+ of the time: (.*)", done.stdout)
    names = re.findall(r"--float '([^']+)'", line)
    assert len(names) == len(set(names)) > 0
    mended = tmp_path / "mended" / "slow_int8.onnx"
    facts = read_facts(mended)
    assert facts is not None
    assert "left in float" in str(facts.recipe)
    assert _is_noted_slow(mended) == ("slower than float" in done.stderr)


@pytest.mark.parametrize("dot_product", [True, False])
def test_a_tflite_file_stays_whole_where_the_processor_has_no_int8_dot_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], dot_product: bool
) -> None:
    tf = pytest.importorskip("tensorflow")
    kernels = list(tf.random.stateless_normal((8, 1, 1, 3, 3), (0, 1)).numpy())

    @tf.function(input_signature=[tf.TensorSpec((1, 256, 256, 3), tf.float32, "image")])
    def slow(image):
        for kernel in kernels:
            image = tf.floor(tf.nn.conv2d(image, kernel, 1, "SAME"))  # Which has no int8 kernel.
        return image

    monkeypatch.chdir(tmp_path)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([slow.get_concrete_function()])
    Path("slow.tflite").write_bytes(converter.convert())
    flags = {"avx2", "avx512_vnni"} if dot_product else {"avx2"}
    monkeypatch.setattr(cpu, "_flags", lambda: frozenset(flags))
    monkeypatch.setattr(cpu.platform, "machine", lambda: "x86_64")
    capfd.readouterr()
    app(["quantize", "--int8", "slow.tflite", "--samples", "1", "--threads", "1"], standalone_mode=False)
    told = capfd.readouterr()
    assert ("sets tried in float" in told.out or "left in float, for 0." in told.out) == dot_product
    if not dot_product:
        assert "int8 is slower than float here (litert, 1 thread); this processor has no int8 dot product" in told.err


def _is_noted_slow(path: Path) -> bool:
    facts = read_facts(path)
    assert facts is not None
    return any("slower than its float twin" in note for note in facts.notes)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed to quantize two small networks, in the folder that this is now."""
    monkeypatch.chdir(tmp_path)
    return ["quantize", *(str(small_onnx(Path(f"{name}.onnx"))) for name in "ab"), "--int8", "--samples", "1"]


def test_what_calibration_saw_is_held_for_one_file_at_a_time(small: list[str], monkeypatch) -> None:
    held: list[Path] = []

    def fake(again: Again, wanted: Wanted) -> Artifact:
        assert again.keep is not None
        assert not any(path.parent.exists() for path in held)
        held.append(again.keep.path)
        return again.source

    monkeypatch.setattr("edgeseg.cli.quantize.quantize_file", fake)
    app(small, standalone_mode=False)
    assert len(set(held)) == 2


def test_a_stopped_ablation_goes_on_with_the_calibration_file_it_began(small: list[str], monkeypatch) -> None:
    asked = [*small, "--ablate", "--calibration", "kept.npz"]

    def stopped(again: Again, wanted: Wanted) -> Artifact:
        again((), wanted.out / f"{again.source.path.stem}_int8.onnx")
        raise WorkError("stopped")

    monkeypatch.setattr("edgeseg.cli.quantize.quantize_file", stopped)
    with pytest.raises(WorkError, match="stopped"):
        app(asked, standalone_mode=False)
    with pytest.raises(WorkError, match="stopped"):
        app([*asked, "--resume"], standalone_mode=False)
    for others in (asked, [*asked, "--threads", "1", "--resume"]):
        with pytest.raises(InputError, match=r"kept\.npz: graphs that passes are left out of need images"):
            app(others, standalone_mode=False)
