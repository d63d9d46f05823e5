from __future__ import annotations

import argparse
import io
import pickle
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch
from torch import nn

from edgeseg import models
from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from edgeseg.models import weights
from edgeseg.models.adapters import adapter
from edgeseg.models.zoo.fastscnn import RENAMED


def tiny(classes: int = 3, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, classes, 1)).eval()


def same(network: nn.Module, other: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    )


def rounded_to_half(found: Any, exact: Any) -> bool:
    return np.allclose(found, exact, rtol=2**-11, atol=2**-25)


def test_networks_as_they_are_shipped() -> None:
    built_in = models.load("fastscnn").weights_sha256
    for name in ("fastscnn", "fastscnn_os8"):
        assert models.is_as_shipped(name, built_in)
        assert models.is_as_shipped(name, None)
        assert not models.is_as_shipped(name, "0" * 64)
    assert not models.is_as_shipped("deeplab_mobilenetv2_dm05", built_in)
    assert not models.is_as_shipped("enet", built_in)
    for name in ("build", "smp:unet:resnet18", "fastscnnx", "segnet_best", "fastscnn_os8_mine"):
        assert not models.is_as_shipped(name, None)


class Intruder:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("intruder"),))


def zeros(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value * 0 for name, value in state.items()}


WRAPPERS = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"cur_epoch": 7, "best_score": torch.tensor(0.5), "state_dict": state, "optimizer": {}},
    "model": lambda state: {"model": state, "epoch": 3},
    "model_state": lambda state: {"model_state": {f"module.{n}": v for n, v in state.items()}, "epoch": 3},
    "module.": lambda state: {f"module.{name}": value for name, value in state.items()},
    "compiled": lambda state: {"state_dict": {f"module._orig_mod.{name}": value for name, value in state.items()}},
    "ema": lambda state: {"state_dict": {n: v * 0 for n, v in state.items()}, "ema": {"decay": 0.9, "shadow": state}},
    "averaged": lambda state: {"n_averaged": torch.tensor(3), **{f"module.{n}": v for n, v in state.items()}},
    "ema of parameters": lambda state: {
        "state_dict": {n: v if "running" in n or "num" in n else v * 0 for n, v in state.items()},
        "ema": {n: v for n, v in state.items() if "running" not in n and "num" not in n},
    },
    "ema of parameters of a wrapped network": lambda state: {
        "model": {f"module.{n}": v if "running" in n or "num" in n else v * 0 for n, v in state.items()},
        "ema": {n: v for n, v in state.items() if "running" not in n and "num" not in n},
    },
    "ema of a callback": lambda state: {
        "state_dict": zeros(state),
        "callbacks": {"EMACallback": {"decay": torch.tensor(0.9), "ema_weights": state}},
    },
    "ema beside it": lambda state: {
        "state_dict": {f"model.{n}": v * 0 for n, v in state.items()} | {f"ema_model.{n}": v for n, v in state.items()},
    },
    "ema of parameters beside it": lambda state: {
        **{f"net.{n}": v if "running" in n or "num" in n else v * 0 for n, v in state.items()},
        **{f"ema_net.{n}": v for n, v in state.items() if "running" not in n and "num" not in n},
        "loss.weight": torch.ones(3),
    },
    "nested": lambda state: {"checkpoint": {"model": state}, "iou": torch.ones(3), "optimizer": {"state": {}}},
    "weights": lambda state: {"weights": state, "epoch": 3},
    "segmentor": lambda state: {"meta": {"arch": "x"}, "segmentor": state},
    "a name of the network": lambda state: {"model": {"arch": "x"}, "net": state},
    "no ema": lambda state: {"model": state, "semantic": zeros(state), "teacher": zeros(state)},
    "twice the same": lambda state: {"model": state, "net": {f"module.{n}": v for n, v in state.items()}},
    "scores and options": lambda state: {
        "state_dict": state,
        "best_score": np.float64(0.5),
        "miou": np.float32(50),
        "args": argparse.Namespace(lr=0.1, crop=(512, 1024)),
    },
    "a loss beside it": lambda state: {
        "state_dict": {**{f"model.{n}": v for n, v in state.items()}, "criterion.weight": torch.ones(3)},
        "pytorch-lightning_version": "2.5",
    },
    "bfloat16": lambda state: {n: v.bfloat16() if v.is_floating_point() else v for n, v in state.items()},
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".pth.tar", ".ckpt", ".bin"])
def test_reads_checkpoints_of_training_scripts(tmp_path: Path, wrapper: str, suffix: str) -> None:
    source, network = tiny(seed=1), tiny(seed=2)
    if wrapper == "bfloat16":
        source = source.bfloat16().float()
    path = tmp_path / f"checkpoint{suffix}"
    torch.save(WRAPPERS[wrapper](source.state_dict()), path)
    weights.load_into(network, path)
    assert same(network, source)


def test_refuses_a_pickle_that_runs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": tiny().state_dict(), "extra": Intruder()}, "zip.pth")
    Path("plain.pth").write_bytes(pickle.dumps(Intruder(), protocol=2))
    torch.save(tiny(), "whole.pth")
    for path in ("zip.pth", "plain.pth", "whole.pth"):
        with pytest.raises(InputError, match=rf"{path}: refused, since it holds Python objects .* state_dict"):
            weights.load_into(tiny(), Path(path))
    assert not Path("intruder").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kept", [0, 10, 300, -20])
def test_damaged_files(tmp_path: Path, suffix: str, kept: int) -> None:
    path = tmp_path / f"w{suffix}"
    torch.save(tiny().state_dict(), path) if suffix == ".pth" else weights.save(tiny(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=rf"w{suffix}: .*(truncated|damaged)"):
        weights.load_into(tiny(), path)


def test_files_of_another_kind(tmp_path: Path) -> None:
    for name, content, complaint in (
        ("text.pth", b"hello", "not a PyTorch checkpoint"),
        ("text.safetensors", b"hello", "not a safetensors file"),
        ("cut.pth", b"PK\x03\x04" + b"a" * 10_000, "not a PyTorch checkpoint"),
        ("weights.xyz", b"", "expected .safetensors, a checkpoint of PyTorch or, for a Keras network, .weights.h5"),
        ("text.ckpt", b"hello", "unknown kind of weights"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=complaint):
            weights.read(tmp_path / name)
    with pytest.raises(InputError, match="no such weights file"):
        weights.read(tmp_path / "absent.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(tiny()).save(str(tmp_path / "program.pt"))
    with pytest.raises(InputError, match=r"program.pt: a TorchScript program; save the network's state_dict"):
        weights.read(tmp_path / "program.pt")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(InputError, match="holds no weights"):
        weights.read(tmp_path / "empty.pth")


def test_what_does_not_fit_is_listed_and_nothing_is_changed(tmp_path: Path) -> None:
    path, network = tmp_path / "w.safetensors", tiny(seed=1)
    entries = adapter("torch").arrays(network)
    del entries["0.weight"]
    entries["0.bias"] = np.zeros(7, np.float32)
    save_file({**entries, **{f"head.{i}": np.zeros(1) for i in range(12)}}, path)
    with pytest.raises(InputError) as error:
        weights.load_into(network, path)
    message = str(error.value)
    assert "1 missing (0.weight)" in message
    assert "12 unexpected (head.0, head.1, head.10, " in message
    assert "and 2 more)" in message
    assert "1 of another shape (0.bias 7 instead of 4)" in message
    assert "\n" not in message
    assert same(network, tiny(seed=1))


def test_another_class_count_is_explained(tmp_path: Path) -> None:
    weights.save(tiny(classes=3), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="a network of 3 classes, and this one has 5; build it with 3 classes"):
        weights.load_into(tiny(classes=5), tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["farseenet", "espnet"])
def test_another_class_count_is_explained_where_channels_are_computed_from_it(name: str, tmp_path: Path) -> None:
    weights.save(models.build(name, weights="random"), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="a network of 19 classes, and this one has 7; build it with 19 classes"):
        models.build(name, classes=7, weights=tmp_path / "w.safetensors")


def test_other_widths_are_not_taken_for_other_classes(tmp_path: Path) -> None:
    weights.save(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 9, 1)), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"1.bias 9 instead of 5\)$"):
        weights.load_into(nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 5, 1)), tmp_path / "w.safetensors", classes=5)


def test_a_network_may_itself_have_a_wrapper_s_name(tmp_path: Path) -> None:
    source = nn.ModuleDict({"module": tiny(seed=1)})
    torch.save({"state_dict": {f"module.{n}": v for n, v in source.state_dict().items()}}, tmp_path / "twice.pth")
    torch.save(source.state_dict(), tmp_path / "once.pth")
    for name in ("twice.pth", "once.pth"):
        network = nn.ModuleDict({"module": tiny(seed=2)})
        weights.load_into(network, tmp_path / name)
        assert same(network, source)


def test_counters_of_batches_may_be_absent(tmp_path: Path) -> None:
    state = {name: v for name, v in tiny(seed=1).state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "old.pth")
    network = tiny(seed=2)
    weights.load_into(network, tmp_path / "old.pth")
    assert same(network, tiny(seed=1))


def test_saved_weights_are_small_and_come_back_in_float32(tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.safetensors"
    weights.save(tiny(seed=1), path)
    types = {name: str(value.dtype) for name, value in load_file(path).items()}
    assert types["0.weight"] == "float16"
    assert types["0.bias"] == types["1.running_var"] == "float32"
    network = tiny(seed=2)
    weights.load_into(network, path)
    assert network[0].weight.dtype == torch.float32
    assert all(map(rounded_to_half, network.state_dict().values(), tiny(seed=1).state_dict().values()))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_weights_beyond_the_range_of_half_stay_float32(tmp_path: Path) -> None:
    network = tiny()
    network[0].weight.data *= 1e6
    weights.save(network, tmp_path / "w.safetensors")
    assert load_file(tmp_path / "w.safetensors")["0.weight"].dtype == np.float32


def test_keras_weights_by_variable_path(tmp_path: Path) -> None:
    path, size, arrays = tmp_path / "w.safetensors", Size(33, 65), adapter("keras").arrays
    source = models.build("deeplab_mobilenetv2_dm05", weights="random", size=size)
    source.get_layer("aspp0.BatchNorm").moving_variance.assign(np.full(256, 3.0))
    weights.save(source, path)
    network = models.build("deeplab_mobilenetv2_dm05", weights=path, size=Size(49, 33))
    loaded, expected = arrays(network), arrays(source)
    assert expected["aspp0.BatchNorm/moving_variance"][0] == 3
    assert loaded.keys() == expected.keys()
    assert all(rounded_to_half(loaded[name], expected[name]) for name in expected)


def keras_net(seed: int, channels: int = 4) -> keras.Model:
    """Two parts that have layers of the same names."""
    keras.utils.set_random_seed(seed)
    parts = [keras.Input((8, 8, 3))]
    for part in ("first", "second"):
        inner = keras.Input((8, 8, parts[-1].shape[-1]))
        convolved = keras.layers.Conv2D(channels, 1, name="same")(inner)
        parts.append(keras.Model(inner, convolved, name=part)(parts[-1]))
    return keras.Model(parts[0], parts[-1])


def test_variables_of_the_same_path_are_all_kept(tmp_path: Path) -> None:
    source, network = keras_net(1), keras_net(2)
    weights.save(source, tmp_path / "w.safetensors")
    weights.load_into(network, tmp_path / "w.safetensors")
    pairs = list(zip(network.weights, source.weights, strict=True))
    assert len(pairs) == 4
    assert all(rounded_to_half(one.value.numpy(), other.value.numpy()) for one, other in pairs)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_what_keras_saves_is_taken_whole_or_not_at_all(tmp_path: Path, suffix: str) -> None:
    path, source, network = tmp_path / f"best{suffix}", keras_net(1), keras_net(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' own of NumPy.
        source.save(path) if suffix == ".keras" else source.save_weights(path)
    weights.load_into(network, path)
    loaded, wanted = (adapter("keras").arrays(each) for each in (network, source))
    assert all(np.array_equal(loaded[name], wanted[name]) for name in wanted)
    wider = keras_net(3, channels=5)
    before = adapter("keras").arrays(wider)
    with pytest.raises(InputError, match=f"best{suffix}: Keras cannot load it into "):
        weights.load_into(wider, path)
    assert all(np.array_equal(value, before[name]) for name, value in adapter("keras").arrays(wider).items())
    with pytest.raises(InputError, match="only a Keras network takes weights that Keras saved"):
        weights.load_into(tiny(), path)
    with pytest.raises(InputError, match="no such weights file"):
        weights.load_into(wider, tmp_path / f"absent{suffix}")


def of_layers(*names: str, aux: bool = False, seed: int = 1) -> keras.Model:
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3))
    found = keras.layers.Conv2D(4, 1, name="stem")(image)
    outputs = [keras.layers.Conv2D(4, 1, name="aux")(found)] if aux else []
    for name in names:
        found = keras.layers.Conv2D(4, 1, name=name, bias_initializer="normal")(found)
    return keras.Model(image, [keras.layers.Dropout(0.1)(found), *outputs])


def saved(network: keras.Model, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' own of NumPy.
        network.save_weights(path) if path.name.endswith(".weights.h5") else network.save(path)
    return path


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5"])
@pytest.mark.parametrize("source", [of_layers("one", "two", "three"), of_layers("one", "two", aux=True)])
def test_what_keras_saved_of_a_larger_network_is_refused(tmp_path: Path, source: keras.Model, suffix: str) -> None:
    path, network = saved(source, tmp_path / f"best{suffix}"), of_layers("one", "two", seed=2)
    before = adapter("keras").arrays(network)
    told = "expected 3 layers, found 4" if suffix == ".h5" else r"its layers are not those of .*: 1 unexpected \(\w+\);"
    with pytest.raises(InputError, match=rf"best{suffix}: .*{told}"):
        weights.load_into(network, path)
    assert all(np.array_equal(value, before[name]) for name, value in adapter("keras").arrays(network).items())


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5"])
def test_no_layer_gets_the_weights_of_another(tmp_path: Path, suffix: str) -> None:
    source, network = of_layers("one", "two", "three"), of_layers("one", "three", "two", seed=2)
    path, before = saved(source, tmp_path / f"best{suffix}"), adapter("keras").arrays(network)
    if suffix != ".h5":
        with pytest.raises(InputError, match=rf"best{suffix}: its layers are in .*: two is where three is wanted;"):
            weights.load_into(network, path)
    else:
        weights.load_into(network, path)
        before = adapter("keras").arrays(source)
    assert all(np.array_equal(value, before[name]) for name, value in adapter("keras").arrays(network).items())


def test_no_layer_gets_the_weights_of_another_in_a_file_of_an_older_keras(tmp_path: Path) -> None:
    path, old = saved(of_layers("one", "two"), tmp_path / "new.keras"), tmp_path / "old.keras"
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(old, "w") as stripped:
        content = io.BytesIO(given.read("model.weights.h5"))
        with h5py.File(content, "r+") as file:
            file.visititems(lambda name, part: part.attrs.pop("name", None) and None)
        stripped.writestr("model.weights.h5", content.getvalue())
        stripped.writestr("config.json", given.read("config.json"))
    weights.load_into(of_layers("one", "two"), old)
    with pytest.raises(InputError, match=r"old.keras: its layers are in .*: one is where two is wanted;"):
        weights.load_into(of_layers("two", "one"), old)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5"])
def test_what_keras_saves_of_a_training_loads(tmp_path: Path, suffix: str) -> None:
    source, network = of_layers("one", "two"), of_layers("one", "two", seed=2)
    source.compile("adam", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' own of NumPy.
        source.fit(np.ones((2, 8, 8, 3)), np.ones((2, 8, 8, 4)), verbose=0)
    weights.load_into(network, saved(source, tmp_path / f"best{suffix}"))
    wanted = adapter("keras").arrays(source)
    assert all(np.array_equal(value, wanted[name]) for name, value in adapter("keras").arrays(network).items())


def test_what_keras_says_is_told_to_its_cause(tmp_path: Path) -> None:
    path = saved(keras_net(1, channels=5), tmp_path / "best.weights.h5")
    with pytest.raises(InputError) as error:
        weights.load_into(keras_net(2), path)
    assert "(1, 1, 3, 5)" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_checkpoint_of_an_old_release_is_renamed(tmp_path: Path) -> None:
    source = models.build("fastscnn", weights="random")
    source.feature_fusion.non_linear[0].bias.data += 1
    old = {new: former for former, new in RENAMED.items()}
    state = {}
    for name, value in source.state_dict().items():
        prefix = ".".join(name.split(".")[:3])
        state[name.replace(prefix, old.get(prefix, prefix), 1)] = value
    assert "global_feature_extractor.bottleneck3.2.conv.0.0.weight" in state
    assert "global_feature_extractor.bottlenecks.7.conv.0.0.weight" not in state
    torch.save({"state_dict": state}, tmp_path / "fastscnn.pth")
    assert same(models.build("fastscnn", weights=tmp_path / "fastscnn.pth"), source)


def test_auxiliary_heads_in_a_checkpoint_are_left_out(tmp_path: Path) -> None:
    source = models.build("bisenetv2", weights="random", aux=True)
    weights.save(source, tmp_path / "aux.safetensors")
    network = models.build("bisenetv2", weights=tmp_path / "aux.safetensors")
    assert rounded_to_half(network.seg_head[1].weight.detach(), source.seg_head[1].weight.detach())
    assert not any("seg_head2" in name for name in network.state_dict())


def test_a_model_knows_its_weights_file(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.save(models.build("fastscnn", weights="random"), path)
    assert models.load("fastscnn", weights=path).weights_sha256 == weights.sha256(path)
    assert models.load("fastscnn", weights="random").weights_sha256 is None


def test_built_in_weights_are_refused_where_there_are_none() -> None:
    with pytest.raises(InputError, match=r"built-in weights of fastscnn .*(do not exist|are for 19 classes)"):
        models.build("fastscnn", classes=7, weights="builtin")
    with pytest.raises(InputError, match="built-in weights of bisenetv2 do not exist"):
        models.build("bisenetv2", weights="builtin")


@pytest.mark.parametrize("name", [name for name in models.names() if models.card(name).weights])
def test_built_in_weights_load(name: str) -> None:
    model = models.load(name, size=Size(65, 129))
    assert model.weights_sha256 is not None
    assert models.load(name, size=Size(65, 129), classes=5).weights_sha256 is None


@pytest.mark.parametrize(
    "key",
    [
        *("ema_model", "model_ema_state_dict", "ema_weights", "ema_net", "net_ema", "ema_model_state_dict"),
        *("averaged_model", "params_ema", "swa_model", "ModelEMA", "avg_model"),
    ],
)
@pytest.mark.parametrize("plain", ["model", "params"])
def test_averaged_weights_are_preferred_under_any_name(tmp_path: Path, plain: str, key: str) -> None:
    source, network = tiny(seed=1), tiny(seed=2)
    state = source.state_dict()
    torch.save({plain: zeros(state), key: state}, tmp_path / "w.pth")
    weights.load_into(network, tmp_path / "w.pth")
    assert same(network, source)


def test_a_part_of_a_network_may_be_called_ema(tmp_path: Path) -> None:
    source, network = (nn.ModuleDict({"plain": tiny(seed=s), "ema": tiny(seed=s + 1)}) for s in (1, 3))
    torch.save({"state_dict": source.state_dict()}, tmp_path / "w.pth")
    weights.load_into(network, tmp_path / "w.pth")
    assert same(network, source)


STATE = tiny(seed=1).state_dict()
UNCLEAR = {
    "holds different weights under model, net;": {"model": STATE, "net": zeros(STATE)},
    "holds different weights under a.student, a.teacher;": {"a": {"student": STATE, "teacher": zeros(STATE)}},
    "holds different weights under ema, swa_model;": {"model": STATE, "ema": STATE, "swa_model": zeros(STATE)},
    "ema.shadow_params holds averaged weights without the names": {
        "model": STATE,
        "ema": {"decay": 0.9, "shadow_params": [*STATE.values()]},
    },
    "the averaged weights under model_ema. have names without dots": {
        "state_dict": {
            **{f"model.{name}": value for name, value in STATE.items()},
            **{f"model_ema.{name.replace('.', '')}": value for name, value in STATE.items()},
            "model_ema.decay": torch.tensor(0.9),
        }
    },
}


@pytest.mark.parametrize("told", UNCLEAR)
def test_no_weights_are_taken_where_others_may_be_meant(tmp_path: Path, told: str) -> None:
    network = tiny(seed=2)
    torch.save(UNCLEAR[told], tmp_path / "w.pth")
    with pytest.raises(InputError, match=rf"w.pth: {told}.* save the state_dict\(\) of .* alone$"):
        weights.load_into(network, tmp_path / "w.pth")
    assert same(network, tiny(seed=2))


OTHER_NUMBERS = {
    "quantized": lambda value: torch.quantize_per_tensor(value, 0.01, 0, torch.qint8),
    "sparse": lambda value: value.to_sparse(),
    "on the meta device": lambda value: value.to("meta"),
    "complex": lambda value: value.to(torch.complex64),
}


@pytest.mark.parametrize("kind", OTHER_NUMBERS)
def test_numbers_that_no_network_computes_with(tmp_path: Path, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of quantized tensors.
        torch.save({**STATE, "0.weight": OTHER_NUMBERS[kind](STATE["0.weight"])}, tmp_path / "w.pth")
        with pytest.raises(InputError, match=rf"w.pth: 0.weight is {kind}.*; save it as a dense tensor of float32$"):
            weights.load_into(tiny(), tmp_path / "w.pth")


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.complex64])
def test_numbers_that_safetensors_alone_has(tmp_path: Path, dtype: torch.dtype) -> None:
    save_torch({**STATE, "0.weight": STATE["0.weight"].to(dtype)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"w.safetensors: 0.weight is of (F8_E4M3|C64); save it as float32 or float16"):
        weights.load_into(tiny(), tmp_path / "w.safetensors")


class OfState(nn.Conv2d):
    def get_extra_state(self) -> Any:
        return {"calls": 3}


def test_a_network_that_keeps_more_than_tensors(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"OfState keeps _extra_state, a dict, in its state_dict; let get_extra_state"):
        weights.load_into(OfState(3, 4, 1), tmp_path / "w.pth")


def test_weights_go_into_a_network_in_bfloat16(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "w.pth")
    network = tiny(seed=2).bfloat16()
    weights.load_into(network, tmp_path / "w.pth")
    assert same(network, tiny(seed=1).bfloat16())


@pytest.mark.parametrize("setup", ["import ml_dtypes", "pass"])
def test_numbers_that_numpy_alone_has_not(setup: str, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_torch({"weight": torch.tensor([[1.5, -3.0]], dtype=torch.bfloat16)}, path)
    code = (
        f"{setup}\nfrom pathlib import Path\nfrom edgeseg.models import weights\n"
        f"found = weights.read(Path({str(path)!r}))['weight']\nprint(found.dtype, found.tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "float32 [[1.5, -3.0]]\n"
