"""Sentences of the verdict of meta-learning, in pairs: arm better, arm worse. No torch here."""

from kd_core.messages import N_

SINUSOIDS = (
    N_("MAML starts where learning is easy: after adapting, its error is {times} times lower than that of joint "
       "pre-training (95 % interval {low} to {high} times, {n} paired trials)."),
    N_("MAML did not pay: after adapting, its error is {times} times higher than that of joint pre-training "
       "(95 % interval {low} to {high} times, {n} paired trials)."),
)  # fmt: skip
NEW_DIGITS = (
    N_("MAML starts where learning is easy: after adapting to new digits it has {points} points more accuracy than "
       "joint pre-training (95 % interval {low} to {high}, {n} paired trials)."),
    N_("MAML did not pay: after adapting to new digits it has {points} points less accuracy than joint "
       "pre-training (95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
