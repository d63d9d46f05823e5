"""Checkpoints in the format that TF-Slim's training scripts write, with all that they keep beside the weights."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from edgeseg import models
from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from edgeseg.models import weights
from edgeseg.models.adapters import adapter
from tests.models.golden import Golden, rule_made

SMALL = Size(65, 65)
SHUFFLENET, MOBILENET = Golden("sercant_shufflenetv2_basic_os16"), Golden("deeplab_mobilenetv2_dm05_os16")
Arrays = Mapping[str, Any]
load = partial(models.load, "shufflenetv2", size=SMALL)


def save(values: Arrays, prefix: Path, step: int | None = None) -> None:
    """As `tf.train.Saver` of TensorFlow 1 does."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(name, initializer=value, use_resource=False) for name, value in values.items()]
        session.run(v1.global_variables_initializer())
        v1.train.Saver(variables).save(session, str(prefix), global_step=step)


def trained(averages: Arrays) -> dict[str, Any]:
    """What a training has made of the weights, and keeps besides."""
    moved = {name: value + 1 for name, value in averages.items() if "moving_" not in name}
    statistics = {name: value for name, value in averages.items() if "moving_" in name}
    shadows = {f"{name}/ExponentialMovingAverage": averages[name] for name in moved}
    slots = {f"{name}/{slot}": value for name, value in moved.items() for slot in ("Momentum", "Adam", "Adam_1")}
    counters = {"global_step": np.int64(30000), "beta1_power": np.float32(0.9), "train/beta2_power": np.float32(0.99)}
    return {**moved, **statistics, **shadows, **slots, **counters}


def pack(archive: Path, *files: Path, folder: str = "deeplabv3_mnv2") -> Path:
    with tarfile.open(archive, "w:gz") as packed:
        for file in files:
            packed.add(file, f"{folder}/{file.name}")
    return archive


def same(network: Any, values: Arrays) -> bool:
    ours = adapter("keras")
    names = ours.slim_names(network)
    return all(np.array_equal(value, values[names[path]]) for path, value in ours.arrays(network).items())


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a checkpoint of shufflenetv2."""
    folder = tmp_path_factory.mktemp("published")
    save(trained(rule_made(SHUFFLENET)), folder / "model.ckpt", 30000)
    return folder


@pytest.fixture
def two_weights(tmp_path: Path) -> Path:
    """The prefix of a checkpoint of no network."""
    save({"a/weights": np.zeros(3), "b/weights": np.zeros(9)}, tmp_path / "model.ckpt")
    return tmp_path / "model.ckpt"


def as_archive(folder: Path, out: Path) -> Path:
    (out / "._model.ckpt-30000.index").write_bytes(b"of macOS")
    (out / "frozen_inference_graph.pb").write_bytes(b"graph")
    return pack(out / "published.tar.gz", *sorted(folder.iterdir()), *sorted(out.iterdir()))


WAYS: dict[str, Callable[[Path, Path], Path]] = {
    "prefix": lambda folder, _: folder / "model.ckpt-30000",
    "index": lambda folder, _: folder / "model.ckpt-30000.index",
    "data": lambda folder, _: folder / "model.ckpt-30000.data-00000-of-00001",
    "folder": lambda folder, _: folder,
    "archive": as_archive,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_name_one(way: str, published: Path, tmp_path: Path) -> None:
    path = WAYS[way](published, tmp_path)
    model = load(weights=path)
    assert same(model.network, rule_made(SHUFFLENET))
    assert model.weights_sha256 == weights.sha256(path)
    if way != "archive":
        assert model.weights_sha256 == weights.sha256(published)


def test_moving_averages_are_preferred_and_the_optimizer_s_variables_left(tmp_path: Path) -> None:
    values = rule_made(MOBILENET)
    save(trained(values), tmp_path / "model.ckpt")
    network = models.build("deeplab_mobilenetv2_dm05", 21, tmp_path / "model.ckpt", SMALL)
    assert same(network, values)


def test_without_moving_averages(tmp_path: Path) -> None:
    values = rule_made(MOBILENET)
    save(values, tmp_path / "model.ckpt")
    network = models.build("deeplab_mobilenetv2_dm05", 21, tmp_path / "model.ckpt", SMALL)
    assert same(network, values)


def test_another_class_count_is_explained(published: Path) -> None:
    with pytest.raises(InputError, match="of 19 classes, and this one has 21; build it with 19 classes"):
        load(classes=21, weights=published)


def test_what_does_not_fit_is_listed_by_the_checkpoint_s_names(tmp_path: Path) -> None:
    values = rule_made(SHUFFLENET)
    del values["image_pooling/weights"]
    save({**values, "aspp1/weights": np.zeros(3), "aspp1/Momentum": np.zeros(3)}, tmp_path / "model.ckpt")
    with pytest.raises(InputError, match=r"1 missing \(image_pooling/weights\); 2 unexpected \(aspp1/") as error:
        load(weights=tmp_path / "model.ckpt")
    assert "aspp1/Momentum" in str(error.value)


def test_absent_ones(tmp_path: Path) -> None:
    for name in ("model.ckpt-7", "model.ckpt.index", "model.data-00000-of-00001"):
        with pytest.raises(InputError, match=rf"{name}: no such checkpoint; .+\.index and .+ are needed"):
            weights.read(tmp_path / name)
    with pytest.raises(InputError, match="no such weights file"):
        weights.read(tmp_path / "model.ckpt.tar.gz")
    with pytest.raises(InputError, match=r"holds no checkpoint; MODEL\.ckpt\.index and"):
        weights.read(tmp_path)


def test_a_folder_of_several(two_weights: Path) -> None:
    save({"a": np.zeros(2)}, two_weights.with_name("model.ckpt-8"))
    with pytest.raises(InputError, match=r"holds 2 checkpoints \(model.ckpt, model.ckpt-8\); give one of them"):
        weights.read(two_weights.parent)


@pytest.mark.parametrize("part", ["model.ckpt.index", "model.ckpt.data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0, 10, -8])
def test_truncated_files(two_weights: Path, part: str, kept: int) -> None:
    path = two_weights.with_name(part)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"model.ckpt: not a checkpoint of TensorFlow, or a truncated one") as error:
        weights.read(two_weights)
    assert "\n" not in str(error.value)


def test_an_index_without_its_data(two_weights: Path) -> None:
    two_weights.with_name("model.ckpt.data-00000-of-00001").unlink()
    with pytest.raises(InputError, match=r"no such checkpoint; .+data-00000-of-00001 are needed"):
        weights.read(two_weights)


def test_archives_that_hold_none(two_weights: Path) -> None:
    folder, index = two_weights.parent, two_weights.with_name("model.ckpt.index")
    (folder / "frozen_inference_graph.pb").write_bytes(b"graph")
    frozen = pack(folder / "frozen.tar.gz", folder / "frozen_inference_graph.pb")
    with pytest.raises(InputError, match=r"frozen.tar.gz: holds no checkpoint; .+ a frozen graph is not enough"):
        weights.read(frozen)
    with pytest.raises(InputError, match=r"model.ckpt.index without .+model.ckpt.data-00000-of-00001"):
        weights.read(pack(folder / "half.tar.gz", index))
    whole = pack(folder / "whole.tar.gz", *sorted(folder.glob("model*")))
    for content in (whole.read_bytes()[:200], b"", b"no archive"):
        whole.write_bytes(content)
        with pytest.raises(InputError, match=r"whole.tar.gz: not an archive, or a truncated one"):
            weights.read(whole)


@pytest.mark.parametrize("place", ["../../elsewhere", "{folder}/elsewhere"])
def test_an_archive_that_would_write_elsewhere_does_not(place: str, published: Path, tmp_path: Path) -> None:
    folder = place.format(folder=tmp_path)
    archive = pack(tmp_path / "bad.tar.gz", *sorted(published.iterdir()), folder=folder)
    assert same(load(weights=archive).network, rule_made(SHUFFLENET))
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]


def test_checkpoints_of_tensorflow_2(tmp_path: Path) -> None:
    tf.train.Checkpoint(weights=tf.Variable(1.0)).write(str(tmp_path / "model.ckpt"))
    with pytest.raises(InputError, match=r"a checkpoint of TensorFlow 2 objects; save the Keras model as .keras"):
        weights.read(tmp_path / "model.ckpt")


def test_a_pytorch_network(two_weights: Path) -> None:
    with pytest.raises(InputError, match=r"only a Keras network takes a TensorFlow checkpoint, and FastSCNN is"):
        models.build("fastscnn", weights=two_weights)


def test_from_the_command_line(cli, tmp_path: Path) -> None:
    save(trained(rule_made(MOBILENET)), tmp_path / "model.ckpt", 30000)
    archive = pack(tmp_path / "published.tar.gz", *sorted(tmp_path.glob("model*")))
    command = ("export", "deeplab_mobilenetv2_dm05", "--size", "65x65", "--to", "tflite", "--classes", "21")
    done = cli(*command, "--weights", archive.name)
    assert done.returncode == 0, done.stderr
    facts = read_facts(tmp_path / "edgeseg-out" / "deeplab_mobilenetv2_dm05_65x65_fp32.tflite")
    assert facts.weights_sha256 == weights.sha256(archive)
