"""What a transfer run may vary, and the names of its arms. No torch here."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from kd_core.data.chosen import MNIST, class_count
from kd_core.messages import N_, Problem
from kd_core.settings import common
from kd_core.settings.base import Job, Settings
from kd_core.settings.fields import field

# The arms of a transfer run.
FROZEN = N_("feature extraction")
TUNED, DECAYED, ANCHORED = N_("fine-tuning"), N_("fine-tuning, weight decay"), N_("fine-tuning, L2-SP")

# Networks that ImageNet has trained: they need no source run, and their source is a million photographs.
BACKBONES = {"vgg16": N_("VGG16 of ImageNet"), "efficientnet_lite0": N_("EfficientNet-Lite0 of ImageNet")}
SOURCE_NETWORK, IMAGENET = N_("Source network"), N_("Network of ImageNet")  # headings behind "More"
IMAGENET_LABELS = 1_281_167  # of the training set of ILSVRC 2012
TASKS = {
    "low_high": N_("digits 0-4 → digits 5-9"),
    "uci": N_("MNIST → UCI digits"),
    "rotated": N_("digits → digits rotated by 90°"),
    "inverted": N_("digits → digits black on white"),
    "fashion": N_("clothes (Fashion-MNIST) → digits"),
    "imagenet": N_("photographs (ImageNet) → digits"),
}
OWN = "own"  # the source is all of MNIST, the target a data set that somebody has added
NETWORKS = {"large": common.TEACHERS["article"], "small": common.STUDENTS["article"], **BACKBONES}


class TransferSettings(Settings):
    """What a transfer run may vary. L = L_new + λ ‖θ − θ_pre‖² over the transferred layers θ."""

    technique: ClassVar[str] = "transfer"
    module: ClassVar[str] = "kd_core.transfer.trainer"
    stages: ClassVar[Mapping[str, str]] = {
        "source": N_("1 · The source network"),
        "target": N_("2 · Train on the target"),
    }
    shares: ClassVar[Mapping[str, float]] = {"source": 1.0}

    task: Literal["low_high", "uci", "rotated", "inverted", "fashion", "imagenet"] = field(
        "low_high", choices=TASKS, label=N_("Source → target"),
        help=N_("What the network has learned first, and what it has to learn now. The UCI digits are by other "
                "writers and from another scanner."),
    )  # fmt: skip
    labels_per_class: int = field(
        10, ge=1, le=500, step=1, log=True, label=N_("Labels per class"),
        help=N_("How many labelled target images of each class; drawn anew for each seed."),
    )  # fmt: skip
    lam: float = field(
        0.01, ge=0, le=10, step=0.01, log=True, symbol="λ", label=N_("Pull to the old weights λ"),
        marks={0.0: N_("fine-tuning"), 1e-4: "", 1e-3: "", 0.01: "", 0.1: "", 1.0: "", 10.0: N_("≈ extraction")},
        help=N_("0 is plain fine-tuning; a very large λ holds the transferred layers where they were."),
    )  # fmt: skip
    network: Literal["large", "small", "vgg16", "efficientnet_lite0"] = field(
        "large", choices=NETWORKS, label=N_("Network"),
        help=N_("The same for every arm, except that a network of ImageNet is compared with the article's CNN "
                "trained from scratch."),
    )  # fmt: skip
    dataset: common.DatasetName = common.dataset(
        N_("What is learned now. Images that somebody has added are learned by a network that knows all of MNIST's "
           "digits, or ImageNet, whatever “Source → target” says.")
    )  # fmt: skip
    source_kind: Literal["true", "random_labels", "shuffled_pixels"] = field(
        "true", more=SOURCE_NETWORK, label=N_("What the source is trained on"),
        choices={"true": N_("real images, real labels"), "random_labels": N_("random labels"),
                 "shuffled_pixels": N_("shuffled pixels")},
        help=N_("A source that has nothing to do with digits may help or hurt; try it."),
    )  # fmt: skip
    image_size: int = field(
        32, ge=32, le=224, step=32, more=IMAGENET, unit=N_("pixels"), label=N_("Image size for ImageNet networks"),
        help=N_("Digits are enlarged to this side length for a network of ImageNet; larger is slower, and 224 is "
                "by far the slowest."),
    )  # fmt: skip
    tune_backbone: bool = field(
        False, more=IMAGENET, label=N_("Fine-tune the ImageNet network"),
        help=N_("Train the whole ImageNet network as well, in three more arms; otherwise it stays frozen. Slow."),
    )  # fmt: skip
    epochs: int = field(
        40, ge=1, le=200, step=1, more=common.TRAINING, label=N_("Epochs"),
        help=N_("How often each arm sees its target images."),
    )  # fmt: skip
    seeds: int = common.seeds()
    batch_size: int = common.batch_size(16)
    learning_rate: float = field(
        0.01, ge=1e-5, le=1, step=0.005, more=common.TRAINING, log=True, label=N_("Learning rate"),
        help=N_("Step size of the new layers and of training from scratch (SGD with momentum 0.9)."),
    )  # fmt: skip
    base_learning_rate: float = field(
        0.005, ge=1e-5, le=1, step=0.005, more=common.TRAINING, log=True,
        label=N_("Learning rate of the old layers"),
        help=N_("Step size of the transferred layers: usually smaller than that of the new ones."),
    )  # fmt: skip
    weight_decay: float = field(
        0.001, ge=0, le=1, step=0.001, more=common.TRAINING, log=True, label=N_("Weight decay"),
        help=N_("Pull towards zero: on the new layer in every arm, on all layers in the weight-decay arm."),
    )  # fmt: skip
    source_epochs: int = field(
        3, ge=1, le=100, step=1, more=SOURCE_NETWORK, label=N_("Source epochs"),
        help=N_("How often the network sees the source's images."),
    )  # fmt: skip
    seed: int = common.first_seed()
    fresh_source: bool = field(
        False, more=SOURCE_NETWORK, label=N_("Train the source live"),
        help=N_("Train the source network in this run even if one with these settings is kept."),
    )  # fmt: skip
    precision: common.Precision = common.precision()
    device: common.Device = common.device()

    @property
    def pair(self) -> str:
        """What was learned first and what is learned now: `task`, or OWN where that is a person's own images."""
        return self.task if self.dataset == MNIST else OWN

    @property
    def has_backbone(self) -> bool:
        """Whether the source is ImageNet: the network comes trained."""
        return self.network in BACKBONES

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Each arm; the one from scratch needs no source, and a frozen network is trained in a moment."""
        further = (TUNED, DECAYED, ANCHORED) if self.tune_backbone or not self.has_backbone else ()
        efforts = {common.SCRATCH: 0.75, FROZEN: 0.05} | dict.fromkeys(further, 1.0)
        return tuple(Job(arm, (arm,), arm != common.SCRATCH, effort) for arm, effort in efforts.items())

    @property
    def convolves(self) -> bool:
        return not self.has_backbone

    @property
    def effort(self) -> float:
        return float(self.seeds * self.epochs * self.labels_per_class * class_count(self.dataset))

    @property
    def idle(self) -> frozenset[str]:
        """Some fields are of ImageNet's networks alone; a frozen one is not pulled, nor moved by a step size."""
        task = {"task"} if self.pair == OWN else set()
        if not self.has_backbone:
            return frozenset({"image_size", "tune_backbone", "fresh_source"} | task)
        frozen = {"lam", "base_learning_rate"}
        return frozenset({"source_epochs", "fresh_source"} | task | (set() if self.tune_backbone else frozen))

    def check(self, data: Any) -> None:
        """Refuse what the target `data` or the network cannot give. Raises Problem, which says what to change."""
        if self.pair == "imagenet" and not self.has_backbone:
            raise Problem(
                N_("ImageNet's photographs are not here: choose a network trained on them, or another task.")
            )
        if self.has_backbone and self.source_kind != "true":
            raise Problem(
                N_(
                    "A network of ImageNet is trained already: set “What the source is trained on” back to real "
                    "images."
                )
            )
        there = int(data.train.labels.bincount()[data.train.labels.unique()].min())
        if self.labels_per_class > there:
            raise Problem(
                N_(
                    "{given} labels per class were asked for, but one class of {data} has only {there}; choose "
                    "fewer."
                ),
                given=self.labels_per_class,
                data=data.name,
                there=there,
            )
