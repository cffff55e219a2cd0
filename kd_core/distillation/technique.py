"""What the lab knows of distillation. No torch here."""

from kd_core.distillation.presets import DISTILLATION_LIMITS, DISTILLATION_PRESETS, HINTON_PRESETS
from kd_core.distillation.settings import DISTILLED, DistillationSettings
from kd_core.messages import N_
from kd_core.techniques import Command, SweepPreset, Technique

# Sentences of the verdict, in pairs: arm better, arm worse.
DISTILLATION = (
    N_("Distillation helped: {points} points more accuracy than the student alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Distillation hurt: {points} points less accuracy than the student alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip

TECHNIQUE = Technique(
    name="distillation",
    title=N_("Distillation"),
    command="distill",
    summary="train students alone and with a teacher, and say what the teacher was worth",
    settings=DistillationSettings,
    answers=(DISTILLATION,),
    main_arms=lambda settings, varied: (DISTILLED,),
    task_fields=("left_out",),
    sample_fields=("train_size", "left_out"),
    quick={"seeds": 3, "epochs": 15, "train_size": 1000},
    presets=(DISTILLATION_PRESETS, HINTON_PRESETS, DISTILLATION_LIMITS),
    commands=(
        Command(
            "hinton", "Hinton 2015, section 3: the paper's figures and ours", "kd_core.distillation.commands"
        ),
    ),
    sweeps={
        "temperature_alpha": SweepPreset(
            N_("T × α"), N_("Temperature against the teacher's weight: where does distillation teach best?"),
            ("alpha=0.1,0.3,0.5,0.7,0.9,1", "temperature=1,2,4,8,16,32"), {"student": "mlp30", "seeds": 3},
        ),
        "temperature_width": SweepPreset(
            N_("T × student"), N_("Does a smaller student need a lower temperature, as Hinton and others found?"),
            ("student=mlp30,mlp300,mlp800", "temperature=1,2,4,8,20"), {"seeds": 3},
        ),
        "hinton_widths": SweepPreset(
            N_("T × width, all labels"),
            N_("Hinton 2015: with 30 units, T = 2.5 to 4 is best; with 300 or more, any T above 8 is as good. "
               "Takes minutes."),
            ("student=mlp30,mlp300", "temperature=1,2.5,4,8,12,20"),
            {"seeds": 3, "teacher": "jittered", "teacher_epochs": 42, "train_size": 55_000, "batch_size": 512,
             "schedule": "one_cycle", "epochs": 12},
        ),
        "search": SweepPreset(
            N_("Search: T, α, learning rate"), N_("Three settings at once, for which a grid would be large."),
            ("temperature=1,20", "alpha=0,1", "learning_rate=0.0005,0.01"), {"student": "mlp30", "seeds": 3},
            trials=24,
        ),
    },
)  # fmt: skip
