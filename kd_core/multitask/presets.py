"""Named starting points for a multi-task run."""

from kd_core.messages import N_
from kd_core.settings.base import Preset

# Measured over five seeds, in points of accuracy against alone, with 95 % intervals. Two digits, on test images:
# left -3.1 (-5.8 to -0.5), right -3.5 (-5.5 to -1.5). On validation images: two digits, small body: left -21.7
# (-34.4 to -9.1), right -25.7 (-30.3 to -21.2); digit + angle: digit +0.4 (-0.3 to +1.1), angle -13.5 (-21.8 to
# -5.2); with angle weights of 3 and 10 the angle loses 7.4 and 4.7, the digit 0.2 and 2.5; digit + at least five:
# 0.0 (-0.8 to +0.7) and +0.5 (-0.7 to +1.7). No interval above zero was found in a dozen tries: the digit with at
# least five, parity, both or the angle, 100 to 2,000 images, medium and small body. Against networks of the
# same total size, digit + parity + at least five in the medium body gain 0.7 (0.4 to 1.1), 0.3 (0.0 to 0.5) and 0.8
# (-0.3 to +1.9): the only one of four such tries above zero.
MULTITASK_PRESETS: dict[str, Preset] = {
    "two_digits": Preset(
        N_("Two digits that fight"),
        N_("Two overlapping digits, one network: measured, both are read worse than by a network of their own."),
        {},
    ),
    "digit_five": Preset(
        N_("A pair that gets along"),
        N_(
            "Digit and at least five, 500 images: sharing takes half the parameters, and measured, neither task "
            "loses or gains detectably against alone. No pair that gains was found."
        ),
        {"tasks": "digit_five", "train_size": 500, "epochs": 30},
    ),
    "related": Preset(
        N_("Three related tasks"),
        N_(
            "Digit, parity and at least five, 500 images: measured on validation images, the digit is read better "
            "than by networks of the same total size; no gain over a whole network of its own was found."
        ),
        {"tasks": "digit_parity_five", "train_size": 500, "epochs": 30},
    ),
    "digit_angle": Preset(
        N_("Digit and angle"),
        N_(
            "Rotated digits, 500 images: measured, the digit neither gains nor loses detectably, and the angle "
            "gets worse."
        ),
        {"tasks": "digit_angle", "train_size": 500, "epochs": 30},
    ),
    "small_body": Preset(
        N_("A small body"),
        N_("Two overlapping digits in few shared units: measured, both lose far more than in the medium body."),
        {"body": "small"},
    ),
    "surgery": Preset(
        N_("Gradient surgery"),
        N_("Two digits with PCGrad: conflicting parts of the gradients are cut away. Does it help?"),
        {"weighting": "pcgrad"},
    ),
}
