"""What the pages of transfer, multi-task and meta-learning answer without a run, over two settings or one.

`python -m assets.grids [transfer] [multitask] [meta_learning]`, part of `make assets`. All other settings are at
their defaults; written are validation errors, or losses, of each seed.
"""

import sys
from itertools import product

from assets.cells import SEEDS, record
from assets.recording import HERE
from kd_core.meta_learning.settings import MAML, ORACLE, PRETRAINED, MetaSettings
from kd_core.multitask.settings import JOINT, TASK_ALONE, MultitaskSettings, arm_of
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import ANCHORED, FROZEN, TUNED, TransferSettings

LABELS = (1, 2, 5, 10, 20, 50, 100)  # per class
LAMS = (0.001, 0.01, 0.1, 1.0, 10.0)  # at λ = 0 L2-SP is fine-tuning
WEIGHTS = (0.0, 0.1, 0.3, 0.6, 1.0, 1.4, 1.7, 1.9, 2.0)  # of the left digit; the right one has 2 less that
INNER_LRS = (0.001, 0.003, 0.01, 0.03, 0.1)
INNER_STEPS = (1, 2, 5, 10)


def record_transfer() -> None:
    """Every transfer arm over labels per class, L2-SP over λ too."""
    base = TransferSettings(seeds=SEEDS)
    over = [base.model_copy(update={"labels_per_class": labels}) for labels in LABELS]
    pulled = [one.model_copy(update={"lam": lam}) for lam, one in product(LAMS, over)]
    record(
        HERE / "recorded-transfer-grid.json", base, {"lam": LAMS, "labels_per_class": LABELS},
        {SCRATCH: over, FROZEN: over, TUNED: over, ANCHORED: pulled},
    )  # fmt: skip


def record_multitask() -> None:
    """Both digits over the share of their weights, and each alone."""
    base = MultitaskSettings(seeds=SEEDS)
    pairs = [base.model_copy(update={"weight_left": left, "weight_right": round(2 - left, 1)}) for left in WEIGHTS]
    arms = {arm_of(task, scheme): cells for scheme, cells in ((JOINT, pairs), (TASK_ALONE, [base]))
            for task in base.task_names}  # fmt: skip
    record(HERE / "recorded-multitask-grid.json", base, {"weight_left": WEIGHTS}, arms)


def record_meta_learning() -> None:
    """MAML over the inner step size and the steps; what has the best step size anyway, over the steps."""
    base = MetaSettings(seeds=SEEDS)
    over = [base.model_copy(update={"inner_steps": steps}) for steps in INNER_STEPS]
    stepped = [one.model_copy(update={"inner_lr": rate}) for rate, one in product(INNER_LRS, over)]
    record(
        HERE / "recorded-meta_learning-grid.json", base, {"inner_lr": INNER_LRS, "inner_steps": INNER_STEPS},
        {MAML: stepped, PRETRAINED: over, ORACLE: over, SCRATCH: over},
    )  # fmt: skip


RECORDERS = {"transfer": record_transfer, "multitask": record_multitask, "meta_learning": record_meta_learning}

if __name__ == "__main__":
    for name in sys.argv[1:] or RECORDERS:
        RECORDERS[name]()
