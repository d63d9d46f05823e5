from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from safetensors.torch import save_file as save_torch
from torch import nn

from edgeseg import models
from edgeseg.core.errors import InputError
from edgeseg.core.types import Normalization, Size
from edgeseg.models.adapters import adapter
from edgeseg.models.blocks.keras_resize import ResizeBilinear

CODE = """
import keras
import torch
from torch import nn

def torch_net():
    return nn.Sequential(nn.Conv2d(3, 5, 3, 2, 1), nn.UpsamplingBilinear2d(scale_factor=2)).train()

class Dictionary(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 19, 1)

    def forward(self, x):
        return {"aux": x, "out": self.conv(x)}

def keras_net():
    image = keras.Input((32, 64, 3))
    return keras.Model(image, keras.layers.Conv2D(4, 1)(image), name="inner")

class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = keras.layers.Conv2D(6, 1)

    def call(self, x):
        return self.conv(x)

def keras_dictionary():
    image = keras.Input((None, None, 3))
    edge, out = (keras.layers.Conv2D(channels, 1)(image) for channels in (1, 5))
    return keras.Model(image, {"edge": edge, "out": out})

def keras_named_by_keras():
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(5, 1)(keras.layers.Conv2D(4, 1)(image)))

def many_classes():
    return nn.Conv2d(3, 300, 1)

class Late(nn.Conv2d):
    def forward(self, x):
        from my_networks_late import twice

        return twice(super().forward(x))

def late():
    return Late(3, 5, 1)

def reads_arguments():
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=5)
    return nn.Conv2d(3, parser.parse_args().width, 1)

def exits():
    raise SystemExit(3)

instance = Dictionary()
number = 3

def failing():
    raise ValueError("no such option")

def needs_argument(width):
    return width

def flat():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))

def half():
    return nn.Conv2d(3, 5, 1).half()

def double():
    return nn.Conv2d(3, 5, 1).double()

def gray():
    return nn.Sequential(nn.Conv2d(1, 5, 1), nn.ReLU())

def narrow():
    return nn.Sequential(nn.Conv2d(3, 5, 1), nn.Conv2d(4, 5, 1))

def one_channel():
    return nn.Sequential(nn.Conv2d(3, 1, 1), nn.Sigmoid())

class Mask(nn.Module):
    def forward(self, x):
        return x.argmax(1, keepdim=True)

def keras_one_channel():
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(1, 1)(image))

def keras_mask():
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.ops.argmax(image, -1, keepdims=True))

def keras_float16():
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(4, 1, dtype="float16")(image))

class Half(keras.layers.Layer):
    # Keras gives the options of its constructor to a copy, but does not know of `scale`.
    def __init__(self, width, **options):
        super().__init__(**options)
        self.scale = 1
        self.inner = keras.layers.Conv2D(width, 1)

    def call(self, x):
        return self.inner(x) * self.scale

class Bare(Half):
    def get_config(self):
        return {}

class HalfSubclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Conv2D(6, 1, dtype="mixed_float16")

    def call(self, x):
        return self.inner(x)

def keras_half(own=Half, scale=1):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        image = keras.Input((16, 16, 3))
        part = keras.Sequential([keras.layers.Conv2D(4, 1, activation="relu"), keras.layers.BatchNormalization()])
        layer = own(5)
        outer = layer(part(keras.ops.cast(image, "float16")))
        layer.scale = scale
        logits = keras.layers.Conv2D(4, 1)(keras.layers.Lambda(lambda x: x * 2)(outer))
        return keras.Model(image, keras.layers.Activation("linear", dtype="float32")(logits))
    finally:
        keras.config.set_dtype_policy(policy)

def keras_bare():
    return keras_half(Bare)

def keras_forgetful():
    return keras_half(scale=3)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "my_networks"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "light.py").write_text(CODE)
    (package / "broken.py").write_text("import a_module_that_is_absent\n")
    (package / "wrong.py").write_text("def net(:\n")
    (package / "script.py").write_text("import argparse\nargparse.ArgumentParser().parse_args()\nraise SystemExit(3)\n")
    (tmp_path / "my_networks_late.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("my_networks")]:
        del sys.modules[name]


def test_torch_callable(folder: Path) -> None:
    model = models.load("my_networks.light:torch_net", size=Size(32, 64))
    assert (model.name, model.framework, model.size) == ("my_networks.light:torch_net", "torch", Size(32, 64))
    assert model.classes == ("class_0", "class_1", "class_2", "class_3", "class_4")
    assert model.card is None
    assert not model.network.training
    assert str(folder) not in sys.path[:-1]


def test_what_a_network_imports_when_it_runs_is_found(folder: Path) -> None:
    network = models.load("my_networks.light:late", size=Size(8, 8)).network
    del sys.modules["my_networks_late"]
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 5, 8, 8)


def test_a_builder_that_reads_arguments_reads_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["edgeseg", "export", "my_networks.light:reads_arguments", "--to", "onnx"]
    monkeypatch.setattr(sys, "argv", given)
    assert len(models.load("my_networks.light:reads_arguments", size=Size(8, 8)).classes) == 5
    assert sys.argv is given


@pytest.mark.parametrize("name", ["instance", "Dictionary"])
def test_instance_class_and_dictionary_output(folder: Path, name: str) -> None:
    given = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    model = models.load(f"my_networks.light:{name}", size=Size(8, 8), normalization=given)
    assert model.classes[0] == "road"
    assert model.normalization == given
    assert model.params == 3 * 19 + 19


def test_keras_callables(folder: Path) -> None:
    model = models.load("my_networks.light:keras_net")
    assert (model.name, model.framework) == ("my_networks.light:keras_net", "keras")
    assert (model.size, len(model.classes)) == (Size(32, 64), 4)
    assert model.params == 3 * 4 + 4
    with pytest.raises(InputError, match="made for images of 32x64, not 64x64"):
        models.load("my_networks.light:keras_net", size=Size(64, 64))
    assert len(models.load("my_networks.light:Subclassed", size=Size(16, 16)).classes) == 6


def test_the_logits_of_a_keras_dictionary_are_those_called_out(folder: Path) -> None:
    assert len(models.load("my_networks.light:keras_dictionary", size=Size(8, 8)).classes) == 5


def test_layers_that_keras_names_are_named_the_same_every_time(folder: Path) -> None:
    keras.layers.Conv2D(1, 1)
    arrays = adapter("keras").arrays
    built = [models.load("my_networks.light:keras_named_by_keras", size=Size(8, 8)).network for _ in range(2)]
    assert (
        list(arrays(built[0]))
        == list(arrays(built[1]))
        == [*("conv2d_1/kernel", "conv2d_1/bias", "conv2d/kernel", "conv2d/bias")]
    )
    own = [keras.layers.Conv2D(1, 1).name for _ in range(2)]
    assert len(set(own)) == 2
    assert "conv2d" not in own


def test_what_computes_in_half_floats_is_loaded_in_float32(folder: Path) -> None:
    network = models.user.open_network("my_networks.light:keras_half")
    model = models.as_model(network)
    assert model.float32_copy
    assert {layer.compute_dtype for layer in model.network._flatten_layers()} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    batch = np.random.default_rng(0).normal(size=(1, 16, 16, 3)).astype(np.float32)
    steps = [
        keras.Model(each.input, [layer.output for layer in each.layers])(batch) for each in (network, model.network)
    ]
    for half, whole in zip(*steps, strict=True):
        assert whole.dtype == "float32"
        assert np.allclose(half, whole, atol=0.05)
        values = np.asarray(whole)
        assert np.any(values != values.astype(np.float16))
    assert models.as_model(model.network).network is model.network


@pytest.mark.parametrize("name", ["torch_net", "keras_net"])
def test_random_weights_are_the_same_every_time(folder: Path, name: str) -> None:
    one, other = (models.load(f"my_networks.light:{name}") for _ in range(2))
    one, other = (adapter(model.framework).arrays(model.network) for model in (one, other))
    assert all(np.array_equal(a, b) for a, b in zip(one.values(), other.values(), strict=True))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own saving
def test_keras_file(tmp_path: Path) -> None:
    image = keras.Input((None, None, 3))
    network = keras.Model(image, ResizeBilinear((16, 32))(keras.layers.Conv2D(19, 3, 2)(image)))
    network.save(tmp_path / "net.keras")
    model = models.load(str(tmp_path / "net.keras"), size=Size(16, 32))
    assert (model.name, model.framework, model.size) == ("net", "keras", Size(16, 32))
    batch = np.random.default_rng(0).normal(size=(1, 16, 32, 3)).astype(np.float32)
    assert np.allclose(model.network(batch), network(batch))


def test_saved_model_folder(tmp_path: Path) -> None:
    image = keras.Input((16, 32, 3))
    network = keras.Model(image, keras.layers.Conv2D(7, 1)(image))
    network.export(tmp_path / "saved", verbose=False)
    model = models.load(str(tmp_path / "saved"))
    assert (model.name, model.framework, model.size, len(model.classes)) == ("saved", "keras", Size(16, 32), 7)
    batch = np.random.default_rng(0).normal(size=(1, 16, 32, 3)).astype(np.float32)
    assert np.allclose(model.network(batch), network(batch), atol=1e-6)


def test_a_network_itself() -> None:
    network = nn.Conv2d(3, 19, 1)
    model = models.as_model(network, size=Size(8, 8))
    assert (model.name, model.network) == ("conv2d", network)
    assert models.as_model(model) is model
    with pytest.raises(InputError, match="a int is no model"):
        models.as_model(3)


LAZY = """
import keras
from torch import nn

def in_torch():
    return nn.Sequential(nn.LazyConv2d(4, 1), nn.LazyBatchNorm2d(), nn.Conv2d(4, 3, 1))

class OfKeras(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = keras.layers.Conv2D(4, 1), keras.layers.Conv2D(3, 1)

    def call(self, x):
        return self.second(self.first(x))

def in_keras():
    return OfKeras()
"""


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_for_a_torch_network_whose_parameters_come_with_the_first_image(folder: Path, suffix: str) -> None:
    Path("my_networks_lazy.py").write_text(LAZY)
    source = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))
    save = torch.save if suffix == ".pth" else save_torch
    save(source.state_dict(), f"w{suffix}")
    network = models.load("my_networks_lazy:in_torch", size=Size(8, 8), weights=f"w{suffix}").network
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_weights_for_a_keras_network_whose_variables_come_with_the_first_image(folder: Path, suffix: str) -> None:
    Path("my_networks_lazy.py").write_text(LAZY)
    source = models.load("my_networks_lazy:in_keras", size=Size(8, 8)).network
    source.set_weights([value + 1 for value in source.get_weights()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' own of NumPy.
        source.save("w.keras") if suffix == ".keras" else source.save_weights("w.weights.h5")
    network = models.load("my_networks_lazy:in_keras", size=Size(8, 8), weights=f"w{suffix}").network
    assert all(map(np.array_equal, network.get_weights(), source.get_weights()))


@pytest.mark.parametrize("name", ["my_networks.light:torch_net", "fastscnn"])
def test_a_weights_file_without_a_name(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match="weights: the name of the file is empty; give a file, or random"):
        models.load(name, weights="")


def test_weights_for_the_users_own_network(folder: Path) -> None:
    torch.save(nn.Sequential(nn.Conv2d(3, 5, 3)).state_dict(), "w.pth")
    model = models.load("my_networks.light:torch_net", size=Size(8, 8), weights="w.pth")
    assert torch.equal(model.network[0].weight, torch.load("w.pth")["0.weight"])
    assert model.weights_sha256 is not None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fastscn", "no model 'fastscn'; did you mean fastscnn"),
        ("absent_package.net:build", "there is no module absent_package"),
        ("my_networks.lite:build", "there is no module my_networks.lite"),
        ("my_networks.broken:net", "its code needs the module a_module_that_is_absent"),
        ("my_networks.wrong:net", "importing it failed with SyntaxError"),
        ("my_networks.light:exits", r"exits\(\) ends the program; it must build a network without arguments"),
        ("my_networks.script:net", 'importing it ends the program.* only under `if __name__ == "__main__"`'),
        ("my_networks.light:many_classes", "has 300 classes, and labels of a byte tell 255 apart"),
        ("my_networks.light:torch_nett", "did you mean torch_net"),
        ("my_networks.light:number", "gives a int, which is neither"),
        ("my_networks.light:failing", "failed with ValueError: no such option"),
        ("my_networks.light:needs_argument", "must build a network without arguments"),
        ("my_networks.light:flat", "must return logits"),
        ("my_networks.light:half", r"has float16 parameters.*call \.float\(\)"),
        ("my_networks.light:double", r"has float64 parameters.*call \.float\(\)"),
        ("my_networks.light:gray", "first convolution takes 1 channels, where RGB images have 3; build it for 3$"),
        ("my_networks.light:narrow", "expected .* 4 channels, but got 5 channels instead; try another --size$"),
        ("my_networks.light:one_channel", r"one output channel.* return torch\.cat\(\[-x, x\], 1\)"),
        ("my_networks.light:Mask", r"must return logits .*, not int64 \(1, 1, 16, 16\)"),
        (
            "my_networks.light:keras_one_channel",
            r"one output channel.* return keras\.ops\.concatenate\(\[-x, x\], -1\)",
        ),
        ("my_networks.light:keras_mask", r"must return logits .*, not int32 \(1, 16, 16, 1\)"),
        ("my_networks.light:keras_float16", r"computes in float16 \(policy float16\).*set_dtype_policy"),
        (
            "my_networks.light:HalfSubclassed",
            r"half floats \(policy mixed_float16\), and a model of your own class cannot be built.*set_dtype_policy",
        ),
        ("my_networks.light:keras_bare", r"half floats \(policy mixed_float16\), and it cannot be.*set_dtype_policy"),
        (
            "my_networks.light:keras_forgetful",
            "its copy in float32 gives something else than.*set_dtype_policy",
        ),
        ("half_saved_model", r"computes in float16, which no exporter takes; give the \.keras file of its network"),
        ("absent.keras", "no such file"),
        ("bad.keras", "Keras cannot load it"),
        ("my_networks", "no saved_model.pb"),
        ("half_saved", "no SavedModel with a signature serving_default"),
    ],
)
def test_what_is_no_model(folder: Path, text: str, complaint: str) -> None:
    Path("bad.keras").write_bytes(b"PK not a zip")
    Path("half_saved").mkdir()
    Path("half_saved/saved_model.pb").write_bytes(b"nothing")
    if text == "half_saved_model":
        models.user.open_network("my_networks.light:keras_half").export(text, verbose=False)
    with pytest.raises(InputError, match=complaint) as error:
        models.load(text, size=Size(16, 16))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_two_channels_that_are_advised_are_two_classes(framework: str) -> None:
    if framework == "torch":

        class Both(nn.Conv2d):
            def forward(self, input: torch.Tensor) -> torch.Tensor:
                logit = super().forward(input)
                return torch.cat([-logit, logit], 1)

        network = Both(3, 1, 1)
    else:
        image = keras.Input((8, 8, 3))
        logit = keras.layers.Conv2D(1, 1)(image)
        network = keras.Model(image, keras.ops.concatenate([-logit, logit], -1))
    assert len(models.as_model(network, size=Size(8, 8)).classes) == 2


def test_a_class_count_that_it_has_not(folder: Path) -> None:
    with pytest.raises(InputError, match="torch_net has 5 classes, not 19"):
        models.load("my_networks.light:torch_net", classes=19, size=Size(8, 8))


def test_no_framework_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, edgeseg.models as m; m.names(); m.card('fastscnn'); loaded = set(sys.modules)\n"
        "assert not loaded & {'torch', 'tensorflow', 'keras', 'safetensors'}, loaded\n"
        "m.build('fastscnn', weights='random'); assert not set(sys.modules) & {'tensorflow', 'keras'}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
