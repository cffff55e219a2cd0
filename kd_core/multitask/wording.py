"""Sentences of the verdict of multi-task learning, in pairs: arm better, arm worse. No torch here."""

from kd_core.messages import N_

MULTITASK = (
    N_("Sharing helped “{task}”: learned jointly it has {points} points more accuracy than alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Sharing hurt “{task}”: learned jointly it has {points} points less accuracy than alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
