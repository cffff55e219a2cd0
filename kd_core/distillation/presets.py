"""Named starting points for a distillation run."""

from kd_core.messages import N_, Scalar
from kd_core.settings.base import Preset

DISTILLATION_LIMITS: dict[str, Preset] = {
    "logit_matching": Preset(
        N_("T = 50, α = 1: matching logits"),
        N_("The student copies the teacher's logits as they are, and sees no label."),
        {"temperature": 50.0, "alpha": 1.0},
    ),
    "plain": Preset(
        N_("T = 1, α = 0: plain training"),
        N_("The teacher has no influence: both students come out equal, to the last weight."),
        {"temperature": 1.0, "alpha": 0.0},
    ),
}
DISTILLATION_PRESETS: dict[str, Preset] = {
    "few_labels": Preset(
        N_("Few labels"),
        N_("Few labelled images: a teacher trained on all labels helps visibly."),
        {},
    ),
    "same_labels": Preset(
        N_("Teacher with no more labels"),
        N_("The teacher sees no other labels than the student: what is left of the gain?"),
        {"teacher_data": "same"},
    ),
    "why": Preset(
        N_("Why does it work?"),
        N_("Few labels, with three controls: label smoothing, shuffled answers, a teacher with the same labels."),
        {"arm_smoothing": True, "arm_shuffled": True, "arm_same_labels": True},
    ),
    "hard_teacher": Preset(
        N_("T = 1"),
        N_("The same run without softening: most of what the teacher knows stays hidden."),
        {"temperature": 1.0},
    ),
    "article": Preset(
        N_("The article"),
        N_("Its networks, T = 5, all labels, 5 epochs, batch 32, no labels in the loss (α = 1)."),
        {
            "temperature": 5.0,
            "alpha": 1.0,
            "train_size": 55_000,
            "epochs": 5,
            "batch_size": 32,
            "learning_rate": 0.001,
            "seeds": 3,
        },
        needs_mnist=True,
    ),
    "small_student": Preset(
        N_("A tiny student"),
        N_("Two layers of 30 units, 2,000 labels, 10 seeds: a small effect needs more trials."),
        {"student": "mlp30", "train_size": 2000, "epochs": 15, "seeds": 10},
        needs_mnist=True,
    ),
}

# Hinton, Vinyals, Dean 2015, section 3: all labels, its teacher of moved images, T = 20.
_HINTON: dict[str, Scalar] = {
    "teacher": "jittered",
    "teacher_epochs": 42,
    "student": "mlp800",
    "train_size": 55_000,
    "temperature": 20.0,
    "batch_size": 512,
    "schedule": "one_cycle",
    "seeds": 3,
}
HINTON_PRESETS: dict[str, Preset] = {
    "hinton": Preset(
        N_("Hinton's table"),
        N_("The paper's teacher and student at T = 20, all labels. Takes minutes."),
        {**_HINTON, "epochs": 26, "learning_rate": 4e-3},
        needs_mnist=True,
    ),
    "no_three": Preset(
        N_("No 3s"),
        N_(
            "The student never sees a 3. It learns what a "
            "3 is from the teacher, except for one bias. Takes minutes."
        ),
        {**_HINTON, "left_out": "3", "alpha": 1.0, "epochs": 30},
        needs_mnist=True,
    ),
    "only_7_8": Preset(
        N_("Only 7s and 8s"),
        N_("The student sees two digits of ten, and the teacher's answers to them. Takes minutes."),
        {**_HINTON, "left_out": "all_but_7_8", "alpha": 1.0, "epochs": 30},
        needs_mnist=True,
    ),
}
