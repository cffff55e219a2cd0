"""Named starting points for a meta-learning run."""

from kd_core.messages import N_
from kd_core.settings.base import Preset

META_PRESETS: dict[str, Preset] = {
    "sinusoids": Preset(N_("Sinusoids"), N_("The paper's curves: what are ten points worth, after one step?"), {}),
    "more_steps": Preset(
        N_("Five inner steps"),
        N_("The start is trained for 5 steps of adaptation; first order and second order differ more."),
        {"inner_steps": 5, "iterations": 500},
    ),
    "five_points": Preset(N_("Five points"), N_("Only 5 points of each curve."), {"shots": 5}),
    # Ten seeds: each holds out other digits, and some triples are far harder than others.
    "digits": Preset(
        N_("New digits"),
        N_("Learn on seven digits, then tell the other three apart from 5 images of each."),
        {"problem": "digits", "shots": 5, "inner_lr": 0.1, "iterations": 300, "meta_batch": 8, "seeds": 10},
        needs_mnist=True,
    ),
    "one_image": Preset(
        N_("New digits from one image"),
        N_("The same with 1 image of each new digit."),
        {"problem": "digits", "shots": 1, "inner_lr": 0.1, "iterations": 300, "meta_batch": 8, "seeds": 10},
        needs_mnist=True,
    ),
}
