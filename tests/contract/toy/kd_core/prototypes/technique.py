"""What the lab knows of prototypes. No torch here."""

from kd_core.prototypes.settings import PROTOTYPES, PrototypeSettings

from kd_core.messages import N_
from kd_core.techniques import SweepPreset, Technique

# Sentences of the verdict, in pairs: arm better, arm worse.
PROTOTYPES_PAY = (
    N_("Prototypes pay: {points} points more accuracy than always saying the most frequent class "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Prototypes do not pay: {points} points less accuracy than always saying the most frequent class "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip

TECHNIQUE = Technique(
    name="prototypes",
    title=N_("Prototypes"),
    command="prototypes",
    summary="recognise digits by the mean of a few images of each, and say what that is worth",
    settings=PrototypeSettings,
    answers=(PROTOTYPES_PAY,),
    main_arms=lambda settings, varied: (PROTOTYPES,),
    task_fields=(),
    sample_fields=("images",),
    sweeps={"images": SweepPreset(N_("Images"), N_("Do more images help?"), ("images=50,100,200",))},
)
