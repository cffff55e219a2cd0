"""What is it worth to keep frozen features? Ratios to running the base in every epoch, measured in one run.

    python benchmarks/transfer.py [--write]

Feature extraction for ten epochs on all training digits 5-9: the base (the article's CNN but for its last layer)
is frozen, its last layer is trained with SGD (momentum 0.9, batch 128, float32).

  listing   as the article's listing does: every step runs the base on its batch (evaluation mode, no gradients)
  ours      the base runs once over all images, and the ten epochs read what it gave
  kept      the same from the second run on: the features are there

All three must end with the same last layer to 1e-5. Two bases are measured: the lab's own, and the article's VGG16
at 32x32 with random weights (its speed does not depend on them) on the first 512 images. Nothing else should run.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.report import Claim, claims_table, publish, where
from benchmarks.rivals import seconds
from kd_core.data.digits import load_mnist
from kd_core.data.variants import only
from kd_core.data.vision import import_torchvision
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build, initialise
from kd_core.nn.seeding import seeded
from kd_core.nn.training import fit
from kd_core.results.events import Reporter

EPOCHS, BATCH, RATE, MOMENTUM = 10, 128, 0.01, 0.9
VGG_IMAGES = 512


def head_for(features: int) -> nn.Linear:
    """A new last layer, always the same."""
    head = nn.Linear(features, 10)
    initialise(head, seeded(0, "new layer"))
    return head


def listing(base: nn.Module, head: nn.Linear, images: Tensor, labels: Tensor) -> None:
    """Ten epochs that run the frozen base in every step."""
    optimizer = torch.optim.SGD(head.parameters(), lr=RATE, momentum=MOMENTUM)
    order = seeded(0, "order")
    base.eval()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images), generator=order).split(BATCH):
            with torch.no_grad():
                features = base(images[batch])
            loss = F.cross_entropy(head(features), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def on_features(features: Tensor, head: nn.Linear, labels: Tensor) -> None:
    """Ten epochs of the lab's own `fit` over what the base gave."""
    optimizer = torch.optim.SGD(head.parameters(), lr=RATE, momentum=MOMENTUM)
    for _ in fit(
        nn.Sequential(head), features, lambda logits, batch: F.cross_entropy(logits, labels[batch]),
        (features[:1], labels[:1]), Reporter("target", "feature extraction", 0), optimizer=optimizer,
        epochs=EPOCHS, batch_size=BATCH, order=seeded(0, "order"), precision="float32",
    ):  # fmt: skip
        pass


def ratios(base: nn.Module, images: Tensor, labels: Tensor, n: int) -> tuple[list[float], list[float]]:
    """listing / ours and listing / kept, n times, the rivals taking turns; asserts that the last layers agree."""
    features = predict(base, images)
    fresh, kept = [], []
    for _ in range(n):
        theirs, ours, again = (head_for(features.shape[1]) for _ in range(3))
        every_epoch = seconds(lambda head=theirs: listing(base, head, images, labels))  # type: ignore[misc]
        once = seconds(lambda head=ours: on_features(predict(base, images), head, labels))  # type: ignore[misc]
        never = seconds(lambda head=again: on_features(features, head, labels))  # type: ignore[misc]
        for head in (ours, again):
            torch.testing.assert_close(head.weight, theirs.weight, atol=1e-5, rtol=0)
        fresh.append(every_epoch / once)
        kept.append(every_epoch / never)
    return fresh, kept


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=5, help="repetitions of each (default 5)")
    parser.add_argument("--write", action="store_true", help="write the section into docs/results.md")
    options = parser.parse_args()
    digits = only(load_mnist(), range(5, 10)).train
    own = build("article", "teacher", seeded(0, "network"))[:-1]
    vgg = nn.Sequential(import_torchvision().models.vgg16(weights=None).features, nn.Flatten())
    small = F.interpolate(digits.images[:VGG_IMAGES], size=(32, 32)).expand(-1, 3, -1, -1).contiguous()
    claims = []
    for name, base, images, labels in (
        (f"the lab's base, {len(digits):,} images", own, digits.images, digits.labels),
        (f"VGG16 at 32x32, {VGG_IMAGES} images", vgg, small, digits.labels[:VGG_IMAGES]),
    ):
        fresh, kept = ratios(base, images, labels, options.n)
        claims.append(Claim(f"{name}: base in every epoch / features computed once", fresh, 10.0))
        claims.append(Claim(f"{name}: base in every epoch / features kept from before", kept, 10.0))
    body = "\n\n".join([
        "## Frozen features",
        f"Ten epochs of feature extraction, batch {BATCH}, float32; all end with the same last layer to 1e-5.",
        claims_table(claims),
        where(["torch"], threads=torch.get_num_threads()),
    ])  # fmt: skip
    publish({"transfer": body}, options.write)


if __name__ == "__main__":
    main()
