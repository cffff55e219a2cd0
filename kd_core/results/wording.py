"""The sentences in which each technique answers its own question: (arm better, arm worse).

They stand here and not beside the techniques, since who checks a Result from outside has no torch.
"""

from kd_core.distillation.wording import DISTILLATION
from kd_core.meta_learning.wording import NEW_DIGITS, SINUSOIDS
from kd_core.multitask.wording import MULTITASK
from kd_core.results import statistics
from kd_core.transfer.wording import BACKBONE, TRANSFER

PLAIN = ((statistics.BETTER, statistics.WORSE), (statistics.LOWER, statistics.HIGHER))
EVERY = (DISTILLATION, TRANSFER, BACKBONE, MULTITASK, SINUSOIDS, NEW_DIGITS, *PLAIN)
