"""The same bench on another machine: files and images go there over ssh, Records come back.

One connection carries all: a tar archive on the way there, the JSON table on the way back. The other side needs ssh,
tar and a Python with edgeseg and a runtime; it works in a temporary folder that it removes whatever happens, and it
stops where the connection ends.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

from edgeseg.bench.comparison.records import parse_records
from edgeseg.bench.times.latency import EFFORTS
from edgeseg.core import registry
from edgeseg.core.container import read_facts, write_facts
from edgeseg.core.errors import EdgesegError, InputError, MeasureError, WorkError
from edgeseg.core.files import temporary_folder
from edgeseg.core.parts import parts
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.pipeline.images import DEFAULT_DATA, open_evaluation
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.sources import as_artifact, is_file

__all__ = ["Host", "is_remote", "measure_over_ssh"]

_SCHEME = "ssh://"
_IMAGES = 16
"""Images that are sent where no number is asked for."""
_OWN = "edgeseg: "
"""What the errors of edgeseg begin with, which say themselves what would work."""
_SCRIPT = """
folder=$(mktemp -d) || exit
bench=
trap 'trap "" PIPE; [ "$bench" ] && kill $bench && wait $bench; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cd "$folder" && tar -xf - || exit
{bench} 1>&2 </dev/null &
bench=$!
while kill -0 $bench; do sleep 1; echo; done 2>/dev/null
wait $bench
code=$?
bench=
[ -f out/table.json ] || exit $code
cat out/table.json
"""
"""Where nobody hears the line that it says every second, the connection is gone, and it ends."""


def is_remote(device: str) -> bool:
    """Whether a device is another machine."""
    return device.startswith(_SCHEME)


@dataclass(frozen=True)
class Host:
    """`ssh://[user@]host[:port][/path/of/python]`, of which ssh may know more in its own configuration."""

    name: str
    user: str | None = None
    port: int | None = None
    python: str = "python3"

    @classmethod
    def parse(cls, device: str) -> Self:
        """Raise InputError for what is no such address."""
        try:
            address = urlsplit(device)
            name, port = _spelled(address.hostname, address.netloc), address.port
        except ValueError:
            name, port = None, None
        if not name or name.startswith("-") or address.password or address.query or address.fragment:
            raise InputError(f"device {device!r}: expected ssh://[user@]host[:port][/path/of/python]; ssh has the keys")
        return cls(name, address.username, port, address.path if len(address.path) > 1 else "python3")

    def __str__(self) -> str:
        return f"{self.user}@{self.name}" if self.user else self.name

    def command(self, script: str) -> list[str]:
        """What runs a shell script there without asking anybody anything."""
        who = ["-l", self.user] if self.user else []
        where = ["-p", str(self.port)] if self.port else []
        settings = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15"]
        return ["ssh", *settings, *who, *where, "--", self.name, f"sh -c {shlex.quote(script)}"]


def _spelled(hostname: str | None, address: str) -> str | None:
    """A host's name as it was typed, for ssh tells `Board` and `board` apart in its own settings."""
    if not hostname:
        return None
    at = address.lower().rindex(hostname)
    return address[at : at + len(hostname)]


def measure_over_ssh(job: Job, sources: Sequence[Source], progress: Progress) -> list[Record | EdgesegError]:
    """Measure finished files on the machine that `job.device` names: for each, in order, a Record or why there is none.

    `scenes` are made there; of other data the first `job.images` (or 16) images are sent.

    Raises:
        InputError: An address or dataset that cannot be used, or what is no .onnx or .tflite file.
        WorkError: The machine cannot be reached, or edgeseg does not run there.
    """
    host = Host.parse(job.device)
    for source in sources:
        if not is_file(source.target):
            raise InputError(f"{source.target}: only .onnx and .tflite files go to {host}; export it first")
    read = [_read(source) for source in sources]
    artifacts = [each for each in read if isinstance(each, Artifact)]
    measured = iter(_measured(job, host, artifacts, progress) if artifacts else ())
    return [next(measured) if isinstance(each, Artifact) else each for each in read]


def _read(source: Source) -> Artifact | EdgesegError:
    try:
        return as_artifact(source)
    except EdgesegError as error:
        return error


def _measured(job: Job, host: Host, artifacts: Sequence[Artifact], progress: Progress) -> list[Record | EdgesegError]:
    progress(f"on {host}", 0, 1)
    with temporary_folder() as folder, tempfile.TemporaryFile() as archive:
        sent = _files(artifacts, folder)
        dataset = _images(job, artifacts, folder)
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, ".")
        archive.seek(0)
        table = _run(host, _arguments(job, [f"{number}/{each.path.name}" for number, each in enumerate(sent)]), archive)
        found = list(_found(host, table, zip(artifacts, sent, strict=True), dataset.name if dataset else None))
    progress(f"on {host}", 1, 1)
    return found


def _files(artifacts: Sequence[Artifact], folder: Path) -> list[Artifact]:
    """Copies that say themselves what the user's options say of the originals."""
    copies = []
    for number, artifact in enumerate(artifacts):
        copy = folder / str(number) / artifact.path.name
        for part in parts(artifact.path):
            target = copy.parent / part.relative_to(artifact.path.parent)
            target.parent.mkdir(exist_ok=True, parents=True)
            target.write_bytes(part.read_bytes())
        if read_facts(copy) != artifact.facts:
            write_facts(copy, artifact.facts)
        copies.append(replace(artifact, path=copy))
    return copies


def _images(job: Job, artifacts: Sequence[Artifact], folder: Path) -> Dataset | None:
    """Write what accuracy is measured on, unless the other side can make it; at the files' size where they have one."""
    if job.data is None or job.data == DEFAULT_DATA:
        return None
    sizes = {artifact.facts.input.size for artifact in artifacts}
    size = next(iter(sizes)) if len(sizes) == 1 and not job.evaluation.takes_whole_images else None
    dataset = open_evaluation(job.data, job.split, size, job.images or _IMAGES)
    writing = registry.load("edgeseg.data", "write", package="pillow", extra="images", why="sending images elsewhere")
    writing.write_folder(dataset, folder / "data")
    return dataset


def _arguments(job: Job, files: Sequence[str]) -> list[str]:
    arguments = ["bench", *files, "--device", "cpu", "--threads", str(job.threads), "--no-picture"]
    arguments += ["--table", "json", "--out", "out", "--effort", _effort(job)]
    if job.runtime:
        arguments += ["--runtime", job.runtime]
    if job.data is None:
        return [*arguments, "--no-accuracy"]
    evaluation = job.evaluation
    arguments += ["--at", evaluation.at, "--scales", ",".join(map(str, evaluation.scales))]
    arguments += ["--flip"] if evaluation.flip else []
    if job.data != DEFAULT_DATA:
        return [*arguments, "--data", "folder:data"]
    arguments += ["--split", job.split] if job.split else []
    return [*arguments, *(["--images", str(job.images)] if job.images else [])]


def _effort(job: Job) -> str:
    """The word for how long times are taken; InputError where the command line there has none."""
    for name, options in EFFORTS.items():
        if options == job.latency:
            return name
    raise InputError(f"device {job.device}: times are taken there as one of EFFORTS says: {', '.join(EFFORTS)}")


def _run(host: Host, arguments: Sequence[str], archive: IO[bytes]) -> dict[str, Any]:
    """The JSON table of `edgeseg` run on the files of an archive."""
    bench = shlex.join([host.python, "-m", "edgeseg", *arguments])
    try:
        done = subprocess.run(
            host.command(_SCRIPT.format(bench=bench)), stdin=archive, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise InputError("ssh is not installed here; --device ssh:// needs its client") from error
    if not done.stdout.strip():
        raise WorkError(f"{host}: {_reason(done.stderr.decode(errors='replace'), host)}")
    try:
        table: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise WorkError(f"{host}: answers no JSON ({error}); its shell must print nothing by itself") from error
    return table


def _reason(errors: str, host: Host) -> str:
    lines = errors.strip().splitlines() or ["ended without a word"]
    last = lines[-1].strip().rstrip(".")
    if last.startswith(_OWN):
        return last.removeprefix(_OWN)
    if "No module named edgeseg" in last:
        return f"{host.python} has no edgeseg; install it there with pip install 'edgeseg[litert]' or 'edgeseg[onnx]'"
    port = f"-p {host.port} " if host.port else ""
    return f"{last}; try `ssh {port}{host} {shlex.quote(host.python)} -m edgeseg doctor`"


def _found(
    host: Host, table: Mapping[str, Any], files: Iterable[tuple[Artifact, Artifact]], dataset: str | None
) -> Iterator[Record | EdgesegError]:
    """Of each file and the copy that was sent, the Record or why there is none.

    Both come in the order of the files, of which several may have one name.
    """
    records = list(parse_records(str(host), table))
    reasons = [failure["reason"] for failure in table.get("failures", ())]
    for artifact, copy in files:
        if records and (records[0].name, records[0].sha256) == (copy.path.name, copy.sha256):
            yield _at_home(records.pop(0), artifact, dataset, host)
        else:
            why = reasons.pop(0) if reasons else "was not measured"
            yield MeasureError(f"{artifact.path}: on {host}: {why}")


def _at_home(record: Record, artifact: Artifact, dataset: str | None, host: Host) -> Record:
    """A Record as if the file had never left."""
    note = f"measured over ssh on {host}"
    home = replace(record, sha256=artifact.sha256, size_bytes=artifact.size_bytes, notes=(*record.notes, note))
    return replace(home, dataset=dataset) if dataset and record.dataset else home
