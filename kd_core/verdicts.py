"""The sentences in which each technique answers its own question: (arm better, arm worse).

They stand here and not beside the techniques, since who checks a Result from outside has no torch.
"""

from kd_core import statistics
from kd_core.messages import N_

DISTILLATION = (
    N_("Distillation helped: {points} points more accuracy than the student alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Distillation hurt: {points} points less accuracy than the student alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
TRANSFER = (
    N_("Transfer helped: fine-tuning has {points} points more accuracy than training from scratch "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Negative transfer: fine-tuning has {points} points less accuracy than training from scratch "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
BACKBONE = (
    N_("ImageNet helped: a new top on the frozen network has {points} points more accuracy than the article's CNN "
       "trained from scratch on the same labels (95 % interval {low} to {high}, {n} paired trials)."),
    N_("ImageNet did not help: a new top on the frozen network has {points} points less accuracy than the "
       "article's CNN trained from scratch on the same labels (95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
MULTITASK = (
    N_("Sharing helped “{task}”: learned jointly it has {points} points more accuracy than alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Sharing hurt “{task}”: learned jointly it has {points} points less accuracy than alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
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
PLAIN = ((statistics.BETTER, statistics.WORSE), (statistics.LOWER, statistics.HIGHER))
EVERY = (DISTILLATION, TRANSFER, BACKBONE, MULTITASK, SINUSOIDS, NEW_DIGITS, *PLAIN)
