"""The default preset in this one process, without queue and workers: the rival of `benchmarks/distillation.py`.

    python benchmarks/one_process.py

Prints the seconds of one run on one thread, after a small one has warmed the process as the queue's workers are
warm.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from kd_core import distillation
from kd_core.data.digits import load_mnist
from kd_core.distillation.settings import DistillationSettings

WARM = DistillationSettings(seeds=2, epochs=1)


def main() -> None:
    """Warm up, run, print."""
    torch.set_num_threads(1)
    data = load_mnist()
    list(distillation.run(WARM, data))
    start = time.perf_counter()
    list(distillation.run(DistillationSettings(), data))
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
