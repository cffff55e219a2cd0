"""What the transfer page shows at first: accuracy over labels, and how far λ lets the layers move."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch

from assets.recording import HERE, columns, finished, rounded, warm_queue
from kd_core.data.digits import load_mnist
from kd_core.nn.hardware import resolve
from kd_core.results.provenance import provenance
from kd_core.results.statistics import CONFIDENCE
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.transfer import trainer
from kd_core.transfer.settings import ANCHORED, TransferSettings
from kd_core.transfer.tasks import source_of

LABELS = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # a class, on the transfer page's curve


def record_labels(
    labels: Sequence[int] = LABELS, seeds: int = 6, path: Path = HERE / "recorded-transfer-labels.json"
) -> None:
    """Test errors of every transfer arm over labels per class, all other settings as they are by default.

    One Result for each number of labels. A point's gain is its run's own verdict: fine-tuning against
    from scratch, in points, paired by seed.
    """
    queue = warm_queue()
    settings = [TransferSettings(labels_per_class=count, seeds=seeds) for count in labels]
    runs = [finished(handle) for handle in [queue.submit(each) for each in settings]]  # so no worker ever waits
    queue.close()
    first, source = runs[0], source_of(settings[0], load_mnist())
    errors = {arm.name: [run.arm(arm.name).errors_per_10000 for run in runs] for arm in first.arms}
    curve = {
        "created": first.provenance.created, "processor": first.provenance.processor,
        "torch": first.provenance.torch, "version": first.version,
        "settings": settings[0].model_dump(exclude={"labels_per_class"}),
        "data": first.data.name, "source": source.name, "source_labels": len(source.train), "seeds": seeds,
        "confidence": CONFIDENCE, "labels": list(labels),
        "arms": {name: columns(intervals) for name, intervals in errors.items()},
        "gain": [{"points": rounded(run.verdict.difference.mean), "low": rounded(run.verdict.difference.low),
                  "high": rounded(run.verdict.difference.high), "kind": run.verdict.kind} for run in runs],
    }  # fmt: skip
    path.write_text(json.dumps(curve), encoding="utf-8")


def record_lambda(seeds: int = 5, path: Path = HERE / "recorded-transfer-lambda.json") -> None:
    """How far L2-SP lets each transferred layer move, by λ: mean distances over seeds, defaults otherwise.

    Only this arm is trained, in this process.
    """
    torch.set_num_threads(1)  # as a worker
    data, first = load_mnist(), resolve(TransferSettings())
    lams = [float(mark) for mark in TransferSettings.specs()["lam"].marks]
    shared = drained(trainer.prepare(first, data))
    job = next(job for job in first.jobs if job.arms == (ANCHORED,))
    distance = []
    for lam in lams:
        settings = first.model_copy(update={"lam": lam})
        moved = []
        for seed in range(seeds):
            done = drained(assemble.train(trainer, settings, data, shared, (seed,), job))[seed].arms[ANCHORED]
            moved.append([value for name, value in done.measures.items() if name.startswith("distance")])
        distance.append([round(fmean(layer), 4) for layer in zip(*moved, strict=True)])
        print(lam, distance[-1])
    made = provenance(0.0, first.device, None)
    recorded = {
        "created": made.created, "processor": made.processor, "torch": made.torch,
        "version": trainer.VERSION, "settings": first.model_dump(exclude={"lam", "seeds"}),
        "data": shared.data.name, "seeds": seeds, "lams": lams, "distance": distance,
    }  # fmt: skip
    path.write_text(json.dumps(recorded), encoding="utf-8")
