"""Sentences of the verdict of transfer learning, in pairs: arm better, arm worse. No torch here."""

from kd_core.messages import N_

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
