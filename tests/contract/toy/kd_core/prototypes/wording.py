"""The sentences in which prototypes answer their question: (arm better, arm worse). No torch here."""

from kd_core.messages import N_

PROTOTYPES_PAY = (
    N_("Prototypes pay: {points} points more accuracy than always saying the most frequent class "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Prototypes do not pay: {points} points less accuracy than always saying the most frequent class "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
