"""Sentences of the verdict of distillation, in pairs: arm better, arm worse. No torch here."""

from kd_core.messages import N_

DISTILLATION = (
    N_("Distillation helped: {points} points more accuracy than the student alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Distillation hurt: {points} points less accuracy than the student alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
