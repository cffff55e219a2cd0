"""Named starting points for a transfer run."""

from kd_core.messages import N_
from kd_core.settings.base import Preset

TRANSFER_LIMITS: dict[str, Preset] = {
    "fine_tuning": Preset(
        N_("λ = 0: fine-tuning"),
        N_("No pull: the L2-SP arm is the same as fine-tuning, to the last weight."),
        {"lam": 0.0},
    ),
    "extraction": Preset(
        N_("λ = 10: almost feature extraction"),
        N_("The old weights hardly move; their step size shrinks as λ grows, or they would swing and diverge."),
        {"lam": 10.0},
    ),
}
TRANSFER_PRESETS: dict[str, Preset] = {
    "few": Preset(N_("Few labels"), N_("New digits, few labels of each: what are the old weights worth?"), {}),
    "many": Preset(
        N_("Many labels"),
        N_("200 labels of each digit: what is left of the gain?"),
        {"labels_per_class": 200, "epochs": 10},
        needs_mnist=True,
    ),
    "other_writers": Preset(
        N_("Other writers"),
        N_("The same ten digits, from other writers and another scanner."),
        {"task": "uci"},
        needs_mnist=True,
    ),
    "random_labels": Preset(
        N_("A source of random labels"),
        N_("The source was trained on labels drawn at random: does it still help?"),
        {"source_kind": "random_labels"},
    ),
    "shuffled_pixels": Preset(
        N_("A source of shuffled pixels"),
        N_("The source saw every pixel in another place: negative transfer?"),
        {"source_kind": "shuffled_pixels"},
    ),
    "listing": Preset(
        N_("The article's listing"),
        N_("VGG16 of ImageNet, frozen, digits at 32 pixels, a new top. Its weights are half a gigabyte to fetch."),
        {"task": "imagenet", "network": "vgg16", "image_size": 32},
    ),
    "lite0": Preset(
        N_("A small network of ImageNet"),
        N_("The same with EfficientNet-Lite0, digits at 96 pixels: are photographs of any use for digits?"),
        {"task": "imagenet", "network": "efficientnet_lite0", "image_size": 96},
    ),
}
