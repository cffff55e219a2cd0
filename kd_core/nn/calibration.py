"""How fast this processor trains: the seconds of a fixed piece of work, by which two machines are compared."""

import time

import torch
import torch.nn.functional as F

from kd_core.nn.networks import build
from kd_core.nn.optimizers import Adam

STEPS, BATCH = 10, 64
TRIES = 15


def calibrated() -> float:
    """Seconds of processor time of STEPS training steps of the article's student on random images.

    The fastest of TRIES, in this thread: what else the machine does hardly counts. As training does, it uses the
    compiled convolutions where they are there.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (BATCH,), generator=generator)
    network = build("article", "student", generator).train()
    optimizer = Adam(network.parameters(), 1e-3)

    def steps() -> float:
        started = time.thread_time()
        for _ in range(STEPS):
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()
        return time.thread_time() - started

    return min(steps() for _ in range(TRIES))
