"""What is said to adb, which a script stands for: there is no device here."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeseg
from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.pipeline.elsewhere.android import is_android, measure_on_android
from edgeseg.pipeline.elsewhere.devices import check_elsewhere
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.silence import silent

ADB = """#!/bin/sh
there() { printf %s "$1" | sed "s#/data/local/tmp#HOME#g"; }
case $1 in
    push) cp "$2" "$(there "$3")" ;;
    shell) PATH=HOME/bin:$PATH sh -c "$(there "$2")" ;;
esac
"""
TOOL = """#!/bin/sh
echo "$@" >> HOME/asked
echo "INFO: [benchmark_tflite_model.cc] count=1 curr=7421" >&2
echo "Inference timings in us: Init: 812, First inference: 9e+03, Warmup (avg): 8000.5, Inference (avg): TIME"
"""


def script(path: Path, text: str, home: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("HOME", str(home)))
    path.chmod(0o755)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the device's /data/local/tmp is here; adb comes first in PATH."""
    home = tmp_path / "home"
    script(home / "bin" / "getprop", '#!/bin/sh\necho "the $1"\n', home)
    script(tmp_path / "path" / "adb", ADB, home)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    return home


@pytest.fixture
def file(workspace: Path) -> Path:
    return workspace / "fastscnn_64x128_int8.tflite"


def measured(tool: Path, *files: Path) -> list[Record | Exception]:
    job = Job(Source(""), device=f"android:{tool}", threads=3)
    return list(measure_on_android(job, [Source(str(file)) for file in files], silent))


@pytest.mark.parametrize(("time", "ms"), [("7421.5", 7.4215), ("1.25e+06", 1250.0)])
def test_every_sample_is_a_run(home: Path, file: Path, tmp_path: Path, time: str, ms: float) -> None:
    (record,) = measured(script(tmp_path / "tool", TOOL.replace("TIME", time), home), file)
    assert isinstance(record, Record)
    assert record.network_ms == (ms,) * 64
    assert (record.device, record.threads, record.precision, record.classmap_ms) == ("android", 3, "int8", ())
    assert record.environment["cpu_model"] == "the ro.product.model the ro.soc.model"
    asked = (home / "asked").read_text().splitlines()
    assert len(asked) == 64
    assert {"--num_threads=3", "--num_runs=1", "--min_secs=0"} <= set(asked[0].split())
    assert sorted(path.name for path in home.iterdir()) == ["asked", "bin"]


def test_a_notebook_measures_there_too(home: Path, file: Path, tmp_path: Path) -> None:
    tool = script(tmp_path / "tool", TOOL.replace("TIME", "7421.5"), home)
    (record,) = edgeseg.bench([file], None, device=f"android:{tool}", threads=3)
    assert (record.device, record.network_ms) == ("android", (7.4215,) * 64)
    with pytest.raises(InputError, match=r"fastscnn: only \.onnx and \.tflite files go to board"):
        edgeseg.bench(["fastscnn"], None, device="ssh://board")


def test_a_file_that_cannot_be_read_does_not_stop_the_others(home: Path, file: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.tflite").write_bytes(b"junk")
    tool = script(tmp_path / "tool", TOOL.replace("TIME", "7421.5"), home)
    junk, record = measured(tool, tmp_path / "junk.tflite", file)
    assert isinstance(junk, InputError)
    assert "junk.tflite" in str(junk)
    assert isinstance(record, Record)


def test_the_first_error_is_told_where_the_device_goes_away(home: Path, file: Path, tmp_path: Path) -> None:
    full = "case $* in push*) echo No space left >&2; exit 1;; *rm*) echo no devices >&2; exit 1;; esac"
    script(tmp_path / "path" / "adb", f"#!/bin/sh\n{full}\n", home)
    with pytest.raises(MeasureError, match="adb push: No space left"):
        measured(script(tmp_path / "tool", TOOL, home), file)


def test_what_can_go_wrong(home: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_android("android")
    assert not is_android("cpu")
    tool = script(tmp_path / "tool", "#!/bin/sh\necho hello\n", home)
    (error,) = measured(tool, file)
    assert isinstance(error, MeasureError)
    assert "tells no inference time" in str(error)
    (error,) = measured(script(tmp_path / "tool", "#!/bin/sh\necho no such flag >&2\nexit 1\n", home), file)
    assert str(error) == "adb shell: no such flag; see `adb devices`"
    assert [path.name for path in home.iterdir()] == ["bin"]
    with pytest.raises(InputError, match=r"net\.onnx: only \.tflite files go to Android"):
        measured(tool, Path("net.onnx"))
    with pytest.raises(InputError, match="expected android:PATH of LiteRT's benchmark_model"):
        measured(tmp_path / "absent", file)
    script(tmp_path / "path" / "adb", "#!/bin/sh\necho 'adb: no devices/emulators found' >&2\nexit 1\n", home)
    with pytest.raises(MeasureError, match="adb shell: adb: no devices/emulators found"):
        measured(tool, file)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="adb is not installed"):
        measured(tool, file)


def test_a_device_with_words_that_are_no_text(home: Path, file: Path, tmp_path: Path) -> None:
    script(home / "bin" / "getprop", "#!/bin/sh\nprintf 't\\351l\\351phone\\n'\n", home)
    (record,) = measured(script(tmp_path / "tool", TOOL.replace("TIME", "7421.5"), home), file)
    assert isinstance(record, Record)


def test_where_it_cannot_be_measured_is_told_before_long_work(tmp_path: Path) -> None:
    tool = script(tmp_path / "tool", TOOL, tmp_path)
    check_elsewhere(f"android:{tool}", ["tflite"])
    check_elsewhere("ssh://board", ["onnx", "tflite"])
    for device, words in (
        (f"android:{tool}", r"only \.tflite files go to Android; give --to tflite"),
        ("android:gone", "expected android:PATH"),
        ("ssh://board?key", "expected ssh://"),
    ):
        with pytest.raises(InputError, match=words):
            check_elsewhere(device, ["onnx", "tflite"])
