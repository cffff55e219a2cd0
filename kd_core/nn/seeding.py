"""Where randomness comes from: a generator for each seed and purpose."""

import hashlib

import torch


def seeded(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose ("weights", "order", …) of one seed; purposes never share numbers."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
