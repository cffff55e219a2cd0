"""How fast is distillation here? Ratios to named rivals, measured in one run.

    python benchmarks/distillation.py [--keras PYTHON] [--write]

One epoch of the article's student distilled over 60,000 images (T = 4, alpha = 0.9, Adam at 1e-3), every rival
with the same loss, the same first weights, batches of 128 and one thread, as the lab's workers have:

  ours      tensors in memory, teacher logits made once and indexed by sample, convolutions by the compiled pass,
            fused Adam, no work on pixels that pooling leaves out
  torch     the same without a C compiler: torch's convolutions, in bfloat16 where the processor has it
  (a) usual the loop of most tutorials: DataLoader, PIL transforms, the teacher asked again in every step
  (b) Keras Model.fit with a live teacher; --keras names a Python that has requirements-keras.txt
  (c) roof  the time of the epoch's multiply-adds, of the article's network as it is written, at the speed of a
            large float32 matrix product

And the default preset through the queue's two workers against one process.

The rivals take turns, repetition by repetition, the first of which does not count; the process keeps freed
memory, as the lab's own do. Nothing else should be running.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median, stdev

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch import nn

from benchmarks import one_process, rivals
from benchmarks.report import Claim, claims_table, publish, table, warn_if_busy, where
from benchmarks.rivals import seconds
from kd_core.data.digits import Digits, load_mnist
from kd_core.distillation.settings import DistillationSettings
from kd_core.nn import fastconv
from kd_core.nn.cost import multiply_adds
from kd_core.nn.evaluation import count_errors, predict
from kd_core.nn.hardware import keep_memory, this_machine
from kd_core.results.statistics import paired_points
from kd_core.runs.queue import Queue
from kd_core.runs.workers import SPEED
from kd_core.settings.auto import resolved

Lap = tuple[float, int | None]  # seconds, and test errors of what was trained
Laps = dict[str, list[Lap]]

NAMES = {
    "logits": "the teacher's logits of all 60,000 images, which serve every later epoch",
    "ours": "ours",
    "torch": "ours where there is no C compiler: torch's own convolutions",
    "roof": "(c) roofline: the epoch's multiply-adds at the speed of a float32 matrix product",
    "keras": "(b) Keras: `Model.fit`, live teacher",
    "usual": "(a) usual PyTorch loop: DataLoader, PIL transforms, live teacher",
}
TARGETS = {"usual": 5.0, "keras": 4.0, "roof": 1.5}  # of an epoch on one thread, by the compiled pass
WORKERS = 2
AT_ONCE = 1.7  # target of the preset through WORKERS workers


def take_turns(contestants: Mapping[str, Callable[[int], Lap]], n: int, first: int = 0) -> Laps:
    """Laps `first` to n of everyone, taking turns, each given the lap's number; lap 0 does not count."""
    laps: Laps = {name: [] for name in contestants}
    for lap in range(first, n + 1):
        for name, contestant in contestants.items():
            laps[name].append(contestant(lap))
        spent = ", ".join(f"{name} {mine[-1][0]:.2f} s" for name, mine in laps.items())
        print(f"{f'lap {lap} of {n}' if lap else 'warm-up'}: {spent}", file=sys.stderr, flush=True)
    return {name: mine[1 - first :] for name, mine in laps.items()}


def epoch_section(data: Digits, keras_python: str | None, n: int) -> str:
    """One epoch, ours against (a), (b) and (c)."""
    images = torch.cat([data.train.images, data.validation.images])
    labels = torch.cat([data.train.labels, data.validation.labels])
    teacher = rivals.bundled_teacher(data)
    asked_again = rivals.as_written(teacher)
    per_image = multiply_adds(rivals.first_student(0), images[:1])
    logits = predict(teacher, images)

    def trained(train: Callable[[int], nn.Module]) -> Callable[[int], Lap]:
        def lap(seed: int) -> Lap:
            made: list[nn.Module] = []
            spent = seconds(lambda: made.append(train(seed)))
            return spent, count_errors(predict(made[0], data.test.images), data.test.labels)

        return lap

    contestants: dict[str, Callable[[int], Lap]] = {
        "logits": lambda _: (seconds(lambda: predict(teacher, images)), None),
        "ours": trained(lambda seed: rivals.ours(images, labels, logits, seed)),
        "torch": trained(lambda seed: rivals.by_torch(images, labels, logits, seed)),
        "roof": lambda _: (rivals.roofline(len(images), per_image), None),
        "usual": trained(lambda seed: rivals.usual(asked_again, seed)),
    }
    versions: dict[str, object] = {}
    with ExitStack() as stack:
        if keras_python:
            test = data.test.images, data.test.labels
            keras = stack.enter_context(rivals.Keras(keras_python, images, labels, test, teacher, n + 1))
            contestants["keras"], versions = keras.epoch, keras.versions
        laps = take_turns(contestants, n)
    settings, here = DistillationSettings(device="cpu"), this_machine()
    precision = resolved(settings, here).precision
    without = resolved(settings, replace(here, compiled=False)).precision
    return f"""## An epoch of distillation

The article's student distilled over 60,000 images by the trained teacher of `assets/`. Every rival: batches of 128,
loss α T² KL(teacher ‖ student) + (1 − α) CE with T = {rivals.T:g} and α = {rivals.ALPHA:g}, Adam at
{rivals.LEARNING_RATE:g}, one thread, the same first weights in each repetition. Ours trains in {precision},
by torch's own convolutions in {without}, the others in float32. (a) and (b) have the networks as the article's
listing writes them, and (c) counts all its multiply-adds; ours leaves out those that change nothing: of pixels that
reach no answer and, backward, of values that pooling or ReLU left behind.
{"" if fastconv.available() else "**There was no C compiler: ours is torch's.**"}

{claims_table(epoch_claims(laps))}

{table(["one epoch", "seconds (lowest to highest)", "test errors of 10,000 (± standard deviation)"], _rows(laps))}

{_same_accuracy(laps, len(data.test))}
{"" if keras_python else "(b) was not measured in this run: no `--keras PYTHON` was given."}

{where(["torch", "torchvision", "numpy"], **versions)}"""


def epoch_claims(laps: Laps) -> list[Claim]:
    """The ratios of one epoch, lap by lap, against their targets."""
    spent = {name: [lap[0] for lap in mine] for name, mine in laps.items()}

    def ratio(over: list[float], under: list[float]) -> list[float]:
        return [a / b for a, b in zip(over, under, strict=True)]

    claims = [Claim("(a) usual loop / ours", ratio(spent["usual"], spent["ours"]), TARGETS["usual"])]
    if "keras" in spent:
        claims.append(Claim("(b) Keras / ours", ratio(spent["keras"], spent["ours"]), TARGETS["keras"]))
    claims.append(
        Claim("(c) ours / roofline", ratio(spent["ours"], spent["roof"]), TARGETS["roof"], at_least=False)
    )
    claims.append(Claim("ours where there is no C compiler / ours", ratio(spent["torch"], spent["ours"]), None))
    single = [a + b for a, b in zip(spent["ours"], spent["logits"], strict=True)]
    for name, words in (("usual", "(a) usual loop"), ("keras", "(b) Keras")):
        if name in spent:
            what = f"{words} / ours, were this the only epoch and the logits made for it"
            claims.append(Claim(what, ratio(spent[name], single), None))
    return claims


def _rows(laps: Laps) -> list[list[str]]:
    rows = []
    for name in (name for name in NAMES if name in laps):
        spent, errors = zip(*laps[name], strict=True)
        shown = f"{median(spent):.2f} ({min(spent):.2f} to {max(spent):.2f})"
        counts = [count for count in errors if count is not None]
        spread = f" ± {stdev(counts):.0f}" if len(counts) > 1 else ""
        rows.append([NAMES[name], shown, f"{fmean(counts):.0f}{spread}" if counts else ""])
    return rows


def _same_accuracy(laps: Laps, images: int) -> str:
    """Whether ours errs as often as the rivals, by the interval over the laps' differences."""
    errors = {name: [count for _, count in mine if count is not None] for name, mine in laps.items()}
    sentences = []
    for name in ("usual", "keras"):
        if name not in laps:
            continue
        gained = paired_points(errors["ours"], errors[name], images)
        if gained.low is None or gained.high is None:
            return "One repetition says nothing of the noise in accuracy."
        same = "the same within noise" if gained.low <= 0 <= gained.high else "**not the same**"
        interval = f"{gained.mean:+.2f} points, 95 % interval {gained.low:+.2f} to {gained.high:+.2f}"
        sentences.append(
            f"Accuracy of ours against {NAMES[name].split(':')[0]}: {same} ({interval}, n = {gained.n})."
        )
    return "\n".join(sentences)


def through_queue(_: int) -> Lap:
    """The default preset through warm workers, which end afterwards."""
    queue = Queue({"KD_WORKERS": str(WORKERS)})
    try:
        queue.submit(one_process.WARM).wait(120)
        return seconds(lambda: queue.submit(DistillationSettings()).wait(600)), None
    finally:
        queue.close()


def in_one_process(_: int) -> Lap:
    """The default preset in a process of its own, set as the workers are."""
    command, env = [sys.executable, one_process.__file__], {**os.environ, **SPEED}
    return float(subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout), None


def queue_section(n: int) -> str:
    """The default preset through the queue against one process."""
    names = {"queue": f"through the queue, {WORKERS} workers of one thread", "one": "one process, one thread"}
    contestants = {"queue": through_queue, "one": in_one_process}
    spent = {name: [lap[0] for lap in mine] for name, mine in take_turns(contestants, n, first=1).items()}
    gained = [one / queue for one, queue in zip(spent["one"], spent["queue"], strict=True)]
    claims = [Claim(f"{names['one']} / queue", gained, AT_ONCE)]
    rows = [[names[k], f"{median(v):.1f} ({min(v):.1f} to {max(v):.1f})"] for k, v in spent.items()]
    return f"""## The default preset through the queue

{DistillationSettings().seeds} trials, the teacher from `assets/`; everything warm beforehand.

{claims_table(claims)}

{table(["one run", "seconds (lowest to highest)"], rows)}

{where(["torch", "distributed"])}"""


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "-n", type=int, default=5, help="repetitions of an epoch that count; 0 for none (default 5)"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of the preset that count; 0 for none (default 3)")
    parser.add_argument("--keras", metavar="PYTHON", help="an interpreter that has requirements-keras.txt")
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    arguments = parser.parse_args()
    if arguments.keras and shutil.which(arguments.keras) is None:
        parser.error(f"--keras {arguments.keras}: there is no such interpreter")
    warn_if_busy()
    keep_memory()
    torch.set_num_threads(1)
    sections = {}
    if arguments.n:
        sections["epoch"] = epoch_section(load_mnist(), arguments.keras, arguments.n)
    if arguments.runs:
        sections["queue"] = queue_section(arguments.runs)
    publish(sections, arguments.write)


if __name__ == "__main__":
    main()
