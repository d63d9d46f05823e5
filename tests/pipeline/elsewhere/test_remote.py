"""Measuring over ssh, on a server of this machine's own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from getpass import getuser
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgeseg
from edgeseg import data, runtimes
from edgeseg.bench.comparison.records import read_records
from edgeseg.bench.times.latency import EFFORTS, LatencyOptions
from edgeseg.core.container import read_facts
from edgeseg.core.errors import EdgesegError, InputError, WorkError
from edgeseg.core.parts import sha256_of
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.data.write import write_folder
from edgeseg.pipeline.elsewhere.remote import Host, _files, measure_over_ssh
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.evaluating import accuracy
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import as_artifact

SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")
needs_server = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None, reason="no sshd here; apt-get install openssh-server to test over ssh"
)


@pytest.mark.parametrize(
    ("device", "host"),
    [
        ("ssh://board", Host("board")),
        ("ssh://Board:22", Host("Board", port=22)),
        ("ssh://pi@[FE80::1]:22", Host("FE80::1", "pi", 22)),
        ("ssh://pi@board:2222", Host("board", "pi", 2222)),
        ("ssh://pi@10.0.0.7/home/pi/venv/bin/python", Host("10.0.0.7", "pi", None, "/home/pi/venv/bin/python")),
    ],
)
def test_addresses(device: str, host: Host) -> None:
    assert Host.parse(device) == host
    assert host.command("true")[-3:] == ["--", host.name, "sh -c true"]


@pytest.mark.parametrize(
    "device", ["ssh://", "ssh://pi:secret@board", "ssh://board:x", "ssh://-oProxyCommand=x", "ssh://b?a"]
)
def test_what_is_no_address(device: str) -> None:
    with pytest.raises(InputError, match=r"expected ssh://\[user@\]host"):
        Host.parse(device)


def test_networks_do_not_go() -> None:
    with pytest.raises(InputError, match=r"fastscnn: only \.onnx and \.tflite files go to board; export it first"):
        measure_over_ssh(Job(Source(""), device="ssh://board"), [Source("fastscnn")], silent)


def test_times_are_taken_there_as_its_command_line_can_say(file: Path) -> None:
    job = Job(Source(""), device="ssh://board", latency=LatencyOptions(min_samples=3))
    with pytest.raises(InputError, match="ssh://board: times are taken there as one of EFFORTS says: quick, default"):
        measure_over_ssh(job, [Source(str(file), classes=19)], silent)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an ssh server; `ssh` is told of its key by a script of that name that comes first in PATH."""
    folder = tmp_path_factory.mktemp("ssh")
    (folder / "tmp").mkdir()
    for key in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    public = (folder / "host.pub").read_text()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {public}")
    (folder / "ssh").write_text(
        f'#!/bin/sh\nexec {shutil.which("ssh")} -F none -i {folder}/client -o UserKnownHostsFile={folder}/known "$@"\n'
    )
    (folder / "ssh").chmod(0o755)
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/client.pub\n"
        f"StrictModes no\nUsePAM no\nPidFile none\n"
        f"SetEnv PYTHONPATH={Path(edgeseg.__file__).parents[1]} OMP_NUM_THREADS=1 TMPDIR={folder}/tmp\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    assert SSHD is not None
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=subprocess.DEVNULL)
    before, os.environ["PATH"] = os.environ["PATH"], f"{folder}:{os.environ['PATH']}"
    try:
        _wait(port)
        yield f"ssh://{getuser()}@127.0.0.1:{port}"
        assert list((folder / "tmp").glob("tmp.*")) == []
    finally:
        os.environ["PATH"] = before
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("sshd does not listen")


def convolution(path: Path, classes: int) -> Path:
    """A 1x1 convolution that says nothing about itself."""
    kernel = np.random.default_rng(0).normal(size=(classes, 3, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "kernel"], ["scores"])],
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 32, 64))],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    path.parent.mkdir(exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return convolution(tmp_path / "theirs.onnx", 19)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of this machine, for which a script stands for ssh."""
    ssh = tmp_path / "path" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text('#!/bin/sh\nfor command; do :; done\nexec sh -c "$command"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    return f"ssh://board{sys.executable}"


def there(device: str, *files: Path) -> list[Record | EdgesegError]:
    job = Job(Source(""), device=device, threads=1, data="scenes", images=1, latency=EFFORTS["quick"])
    return measure_over_ssh(job, [Source(str(file)) for file in files], silent)


def test_files_of_one_name_or_one_content_are_told_apart(board: str, tmp_path: Path) -> None:
    files = {"a/net.onnx": 7, "one.onnx": 19, "b/net.onnx": 5, "two.onnx": 19}
    few, one, fewer, two = there(board, *(convolution(tmp_path / name, classes) for name, classes in files.items()))
    assert isinstance(one, Record)
    assert isinstance(two, Record)
    assert (one.name, two.name) == ("one.onnx", "two.onnx")
    assert one.sha256 == two.sha256
    for error, folder, classes in ((few, "a", 7), (fewer, "b", 5)):
        assert str(error).startswith(f"{tmp_path / folder / 'net.onnx'}: on board: ")
        assert f"net was made for {classes};" in str(error)


def test_a_file_that_cannot_be_read_does_not_stop_the_others(board: str, file: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.tflite").write_bytes(b"junk")
    (junk,) = there(f"{board}-gone", tmp_path / "junk.tflite")  # Nothing is asked there.
    again, record = there(board, tmp_path / "junk.tflite", file)
    assert isinstance(junk, InputError)
    assert "junk.tflite" in str(junk)
    assert str(again) == str(junk)
    assert isinstance(record, Record)
    assert (record.name, record.sha256, record.size_bytes) == (file.name, sha256_of([file]), file.stat().st_size)


def test_copies_say_what_the_user_says_of_the_originals(file: Path, tmp_path: Path) -> None:
    model = onnx.load(file)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    onnx.save(model, file)
    artifact = as_artifact(Source(str(file), size=Size(32, 64), classes=19, mean=(0.4, 0.5, 0.6)))
    (tmp_path / "sent").mkdir()
    (copy,) = _files([artifact], tmp_path / "sent")
    assert as_artifact(Source(str(copy.path))).facts == artifact.facts
    assert read_facts(file) is None


@needs_server
def test_the_same_accuracy_as_here(cli, server: str, file: Path, tmp_path: Path) -> None:
    write_folder(data.open_dataset("scenes", size=Size(48, 96), limit=3), tmp_path / "mine")
    content, text = file.read_bytes(), f"folder:{tmp_path / 'mine'}"
    away = ("--device", f"{server}{sys.executable}", "--threads", "1", "--effort", "quick")
    done = cli("bench", file, "--classes", "19", "--mean", "0.4,0.5,0.6", "--data", text, *away)
    assert done.returncode == 0, done.stderr
    (record,) = read_records(tmp_path / "edgeseg-out" / "records.json")
    artifact = as_artifact(Source(str(file), classes=19, mean=(0.4, 0.5, 0.6)))
    size = artifact.facts.input.size
    with runtimes.open_session(artifact, threads=1) as session:
        expected = accuracy(session, data.open_dataset(text, size=size), Preprocessor(artifact.facts.input), silent)
    assert record.image_counts == expected["image_counts"]
    assert record.miou_percent == expected["miou_percent"]
    assert (record.name, record.sha256, record.dataset) == ("theirs.onnx", artifact.sha256, "folder")
    assert record.notes[-1].startswith("measured over ssh on ")
    assert record.network_ms
    assert file.read_bytes() == content
    assert read_facts(file) is None


@needs_server
def test_what_fails_there_is_said_in_one_line(cli, server: str, file: Path, tmp_path: Path) -> None:
    away = ("--device", f"{server}{sys.executable}", "--no-accuracy")
    bad = cli("bench", file, "--runtime", "litert", "--classes", "19", *away)
    assert bad.returncode != 0
    assert bad.stderr.endswith("127.0.0.1: 0/theirs.onnx: runtime litert runs tflite, not onnx; use onnxruntime\n")
    (tmp_path / "python").write_text("#!/bin/sh\necho 'python: No module named edgeseg' >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(WorkError, match=r"has no edgeseg; install it there with pip install 'edgeseg\[litert\]'"):
        measure_over_ssh(Job(Source(""), device=f"{server}{tmp_path}/python"), [Source(str(file), classes=19)], silent)
    with pytest.raises(WorkError, match=r"127\.0\.0\.1: .*(refused|denied)"):
        measure_over_ssh(Job(Source(""), device="ssh://127.0.0.1:1"), [Source(str(file), classes=19)], silent)


@needs_server
def test_it_stops_with_the_command_that_asked_for_it(server: str, file: Path, tmp_path: Path) -> None:
    away = ("--device", f"{server}{sys.executable}", "--no-accuracy", "--classes", "19", "--effort", "strict")
    command = [Path(sys.executable).with_name("edgeseg"), "bench", file, *away]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert _soon(lambda: len(_at_work_there()) > 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 1
    assert _soon(lambda: not _at_work_there())


def _at_work_there() -> list[str]:
    """The processes that work in the other side's temporary folder."""
    ssh = shutil.which("ssh")
    assert ssh is not None
    folder = Path(ssh).with_name("tmp")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found += [process.name] * (process / "cwd").resolve(strict=True).is_relative_to(folder)
    return found


def _soon(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.1)
    return happened()
