"""Rebuild what the first paint shows: `make assets` (more than twenty minutes on two cores).

Writes beside this file: the teacher of all 55,000 labels, the gallery of test digits with its logits,
its logits of validation images by label, the Result of every technique's default settings and that of
distillation with all labels, the transfer page's accuracy over labels, computed by the same queue and workers that
the app uses, the two starting points that the meta-learning page adapts in the browser, the multi-task page's
moment of conflict and its sweep of the weights, the map that the page of maps shows first, and what well-known bugs
do to a short run.
"""

import base64
import copy
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load

from assets import durations
from kd_core.data.digits import Digits, load_mnist, load_uci_digits, pixels
from kd_core.distillation import trainer as distillation
from kd_core.distillation.bugs import in_training_mode
from kd_core.distillation.settings import ALONE, BUGGED, DISTILLED, DistillationSettings
from kd_core.messages import Scalar
from kd_core.meta_learning.adaptation import path as adapted
from kd_core.meta_learning.settings import MAML, PRETRAINED, MetaSettings
from kd_core.meta_learning.tasks import problem_of
from kd_core.multitask import gradient_conflict, network
from kd_core.multitask import trainer as multitask
from kd_core.multitask.settings import JOINT, TASK_ALONE, TASK_LABELS, MultitaskSettings, arm_of
from kd_core.multitask.tasks import TaskDigits, name_of
from kd_core.multitask.weighting import gradient_cosines
from kd_core.nn import teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.hardware import resolve
from kd_core.nn.seeding import seeded
from kd_core.results.events import Reporter
from kd_core.results.provenance import provenance
from kd_core.results.records import BINS
from kd_core.results.schema import Arm, ArmTrial, Bin, Interval, Result
from kd_core.results.statistics import CONFIDENCE, compared, t_interval
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.runs.queue import Handle, Queue
from kd_core.settings.base import Job
from kd_core.settings.common import TEACHER
from kd_core.sweeps import table
from kd_core.sweeps.plan import presets as map_presets
from kd_core.sweeps.sweep import Sweeps
from kd_core.techniques import TECHNIQUES
from kd_core.transfer import trainer as transfer
from kd_core.transfer.settings import ANCHORED, TransferSettings
from kd_core.transfer.tasks import source_of

HERE = Path(__file__).parent
IMAGES_OF_A_CLASS = 100
SINUSOIDS = 12  # test tasks that the meta-learning page offers
LABELS = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # a class, on the transfer page's curve
FEW_NETWORKS = ("transfer",)  # five networks of half a megabyte each
NO_NETWORKS = ("multitask",)  # its mistakes are many, and the page can make none of its images anew
# What each bug is run with beside the defaults: as anybody would, and where it ought to matter, chosen beforehand.
BUG_RUNS: dict[str, tuple[dict[str, Scalar], ...]] = {
    "no_t_squared": ({}, {"temperature": 20.0, "alpha": 0.5}),
    "mean": ({}, {"alpha": 0.5}),
    "reversed": ({}, {"student": "mlp30"}),
    "training_mode": ({"teacher": "mlp1200"},),
    "shuffled": ({},),
    "double_softmax": ({},),
}
BATCH = 32  # images, on the page of conventions and bugs
STEP_SIZE = 0.005  # of plain gradient descent, on the multi-task page's picture


def make_teacher(data: Digits) -> torch.nn.Module:
    """Train the article's teacher on all labels and keep it here."""
    settings = resolve(DistillationSettings())
    model = distillation._build(settings, TEACHER, distillation.TEACHER_SEED)
    stream = teachers.train(
        model, data, Reporter("teacher", TEACHER, distillation.TEACHER_SEED),
        epochs=settings.teacher_epochs, order=seeded(distillation.TEACHER_SEED, "teacher order"),
        precision=settings.precision, device=settings.device,
    )  # fmt: skip
    while True:
        try:
            print(next(stream))
        except StopIteration as stop:
            for old in HERE.glob("teacher-*.safetensors"):
                old.unlink()
            if not teachers.keep(
                teachers.bundled_path(settings.teacher, data, settings.teacher_epochs), stop.value
            ):
                raise SystemExit(f"{HERE} cannot be written") from None
            return model


def make_gallery(model: torch.nn.Module, data: Digits) -> None:
    """The gallery's pixels, labels and teacher logits as JSON that needs no torch to read."""
    chosen = list(data.gallery)
    images = data.test.images[chosen]
    digits = [
        {"index": index, "label": int(data.test.labels[index]), "logits": [round(z, 4) for z in row],
         "pixels": base64.b64encode(bytes(shown)).decode()}
        for index, row, shown in zip(chosen, predict(model, images).tolist(), pixels(images).tolist(), strict=True)
    ]  # fmt: skip
    (HERE / "gallery.json").write_text(
        json.dumps({"source": "MNIST test set, CC BY-SA 3.0", "digits": digits}), encoding="utf-8"
    )


def make_classes(model: torch.nn.Module, data: Digits) -> None:
    """The teacher's logits of the first 100 validation images of each label, as [label][image][digit]."""
    images, labels = data.validation.images, data.validation.labels
    chosen = [(labels == label).nonzero()[:IMAGES_OF_A_CLASS, 0] for label in range(10)]
    logits = [[[round(z, 2) for z in row] for row in predict(model, images[at]).tolist()] for at in chosen]
    (HERE / "classes.json").write_text(
        json.dumps({"source": "MNIST validation set, CC BY-SA 3.0", "logits": logits}, separators=(",", ":")),
        encoding="utf-8",
    )


def record(*techniques: str, folder: Path = HERE) -> None:
    """The Result of the default settings, through the queue: of `techniques`, or of all there are."""
    for name in techniques or tuple(TECHNIQUES):
        queue = _warm_queue()
        result = _finished(queue.submit(TECHNIQUES[name].settings()))
        queue.close()
        if name in FEW_NETWORKS:
            result = _with_few_networks(result)
        if name in NO_NETWORKS:
            result = _without_networks(result)
        (folder / f"recorded-{name}.json").write_text(result.model_dump_json(), encoding="utf-8")


def record_all_labels(epochs: int = 5, path: Path = HERE / "recorded-all-labels.json") -> None:
    """Distillation by default settings, but of students that see all labels: for the summary.

    As many epochs as the teacher has, for the students see as many images in one as in 110 of the default's.
    """
    queue = _warm_queue()
    settings = DistillationSettings(train_size=len(load_mnist().train), epochs=epochs)
    result = _finished(queue.submit(settings))
    queue.close()
    path.write_text(_without_networks(result).model_dump_json(), encoding="utf-8")


def record_labels(
    labels: Sequence[int] = LABELS, seeds: int = 6, path: Path = HERE / "recorded-transfer-labels.json"
) -> None:
    """Test errors of every transfer arm over labels per class, all other settings as they are by default.

    One Result for each number of labels. A point's gain is its run's own verdict: fine-tuning against
    from scratch, in points, paired by seed.
    """
    queue = _warm_queue()
    settings = [TransferSettings(labels_per_class=count, seeds=seeds) for count in labels]
    runs = [_finished(handle) for handle in [queue.submit(each) for each in settings]]  # so no worker ever waits
    queue.close()
    first, source = runs[0], source_of(settings[0], load_mnist())
    errors = {arm.name: [run.arm(arm.name).errors_per_10000 for run in runs] for arm in first.arms}
    curve = {
        "created": first.provenance.created, "processor": first.provenance.processor,
        "torch": first.provenance.torch, "version": first.version,
        "settings": settings[0].model_dump(exclude={"labels_per_class"}),
        "data": first.data.name, "source": source.name, "source_labels": len(source.train), "seeds": seeds,
        "confidence": CONFIDENCE, "labels": list(labels),
        "arms": {name: _columns(intervals) for name, intervals in errors.items()},
        "gain": [{"points": _rounded(run.verdict.difference.mean), "low": _rounded(run.verdict.difference.low),
                  "high": _rounded(run.verdict.difference.high), "kind": run.verdict.kind} for run in runs],
    }  # fmt: skip
    path.write_text(json.dumps(curve), encoding="utf-8")


def record_sinusoid(
    source: Path = HERE / "recorded-meta_learning.json", path: Path = HERE / "recorded-sinusoid.json"
) -> None:
    """MAML's and joint pre-training's starting points, for the browser to adapt by itself.

    Both are those of the recorded run's first trial, weights to five digits that count, as nested lists
    [W1, b1, W2, b2, W3, b3]: y = W3 relu(W2 relu(W1 x + b1) + b2) + b3. mean, low, high: mean squared error on 100
    evenly spaced x in [-5, 5] after 0 to 10 steps, mean and 95 % interval over the trial's 100 test tasks;
    tasks: the first twelve of these, y = amplitude · sin(x - phase).
    """
    result = Result.model_validate_json(source.read_bytes())
    settings = MetaSettings.parse(result.settings)
    seed = result.arm(MAML).trials[0].seed
    problem = problem_of(settings, load_uci_digits(), seed)
    tasks = problem.fixed("test")
    made: dict[str, dict[str, list[float]]] = {"mean": {}, "low": {}, "high": {}}
    starts, rates = {}, {}
    for key, name in (("maml", MAML), ("joint", PRETRAINED)):
        trial = result.arm(name).trials[0]
        assert trial.weights is not None
        start = {name: value.apply_(_short) for name, value in load(trial.weights).items()}
        rates[key] = trial.measures["step size"]
        starts[key] = [_written(start[f"{layer}.{part}"]) for layer in (0, 2, 4) for part in ("weight", "bias")]
        answers = adapted(problem, start, tasks.support, tasks.query[0], rates[key])
        every = [t_interval(problem.judge(each, tasks.query[1]).tolist()) for each in answers]
        for side in made:
            made[side][key] = [_short(getattr(interval, side)) for interval in every]
    shown = [
        {"amplitude": _short(float(amplitude)), "phase": _short(float(phase)), "x": [_short(value) for value in x]}
        for (amplitude, phase), x in zip(
            tasks.told[:SINUSOIDS], tasks.support[0][:SINUSOIDS, :, 0].tolist(), strict=True
        )
    ]
    everything = {
        **starts, "inner_lr": rates["maml"], "joint_lr": rates["joint"], "tasks": shown, **made,
        "seed": seed, "version": result.version, "provenance": result.provenance.model_dump(),
    }  # fmt: skip
    path.write_text(json.dumps(everything, separators=(",", ":")), encoding="utf-8")


def _written(tensor: torch.Tensor) -> list:
    """A tensor of float32 as nested lists of short decimals (0.1, not 0.10000000149)."""
    return [_written(row) if row.dim() else _short(row.item()) for row in tensor]


def _short(number: float) -> float:
    """`number` to five digits that count."""
    return float(f"{number:.5g}")


def record_bugs(bugs: Sequence[str] = (), seeds: int = 5, path: Path = HERE / "recorded-bugs.json") -> None:
    """What each well-known bug of distillation code makes of a short run, and a batch to see its gradient on.

    One run for each of BUG_RUNS (of `bugs`, or of all): test errors per 10,000 of the student alone, distilled,
    and distilled with the bug, and what the bug gained in points, paired by seed. "batch": logits of validation
    images that neither network has trained on, by the bundled teacher, by the recorded student alone, and by a
    teacher with dropout as it should be and in training mode.
    """
    torch.set_num_threads(1)  # as a worker
    data = load_mnist()
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": {}}
    for bug in bugs or BUG_RUNS:
        known["runs"][bug] = [_bug_run(bug, changed, seeds, data) for changed in BUG_RUNS[bug]]
        path.write_text(json.dumps(known), encoding="utf-8")
    known["batch"] = _batch(data)
    path.write_text(json.dumps(known), encoding="utf-8")


def _bug_run(bug: str, changed: dict[str, Scalar], seeds: int, data: Digits) -> dict:
    settings = DistillationSettings.parse({"bug": bug, "student": "mlp300", "seeds": seeds, **changed})
    *_events, result = assemble.run(distillation, settings, data)
    assert isinstance(result, Result)
    gain = compared(result, BUGGED, DISTILLED).difference
    print(settings, gain)
    return {
        "settings": settings.model_dump(exclude_defaults=True),
        "seeds": seeds, "version": result.version,
        "errors": {name: _sides(result.arm(name).errors_per_10000) for name in (ALONE, DISTILLED, BUGGED)},
        "gain": _sides(gain), "created": result.provenance.created, "processor": result.provenance.processor,
        "torch": result.provenance.torch,
    }  # fmt: skip


def _batch(data: Digits) -> dict:
    """Labels, and logits to two decimals, of the first validation images, as `record_bugs` describes them."""
    images = data.validation.images[:BATCH]
    recorded = Result.model_validate_json((HERE / "recorded-distillation.json").read_bytes())
    plain, dropping = (resolve(DistillationSettings(teacher=name)) for name in ("article", "mlp1200"))
    student = distillation._build(plain, ALONE, 0)
    student.load_state_dict(load(recorded.networks()[ALONE]))
    teacher, large = (
        drained(distillation._teacher(settings, data, recorded.arm(TEACHER).cost))[0]
        for settings in (plain, dropping)
    )
    rows = {
        "teacher": predict(teacher, images), "student": predict(student, images),
        "dropout": predict(large, images), "training": in_training_mode(large, images, 0),
    }  # fmt: skip
    logits = {name: [[round(z, 2) for z in row] for row in each.tolist()] for name, each in rows.items()}
    return {
        "source": "MNIST validation set, CC BY-SA 3.0",
        "labels": data.validation.labels[:BATCH].tolist(),
        **logits,
    }


def _sides(interval: Interval) -> dict[str, float | None]:
    return {side: _rounded(getattr(interval, side)) for side in ("mean", "low", "high")}


def record_lambda(seeds: int = 5, path: Path = HERE / "recorded-transfer-lambda.json") -> None:
    """How far L2-SP lets each transferred layer move, by λ: mean distances over seeds, defaults otherwise.

    Only this arm is trained, in this process.
    """
    torch.set_num_threads(1)  # as a worker
    data, first = load_mnist(), resolve(TransferSettings())
    lams = [float(mark) for mark in TransferSettings.specs()["lam"].marks]
    shared = drained(transfer.prepare(first, data))
    job = next(job for job in first.jobs if job.arms == (ANCHORED,))
    distance = []
    for lam in lams:
        settings = first.model_copy(update={"lam": lam})
        moved = []
        for seed in range(seeds):
            done = drained(assemble.train(transfer, settings, data, shared, (seed,), job))[seed].arms[ANCHORED]
            moved.append([value for name, value in done.measures.items() if name.startswith("distance")])
        distance.append([round(fmean(layer), 4) for layer in zip(*moved, strict=True)])
        print(lam, distance[-1])
    made = provenance(0.0, first.device, None)
    recorded = {
        "created": made.created, "processor": made.processor, "torch": made.torch,
        "version": transfer.VERSION, "settings": first.model_dump(exclude={"lam", "seeds"}),
        "data": shared.data.name, "seeds": seeds, "lams": lams, "distance": distance,
    }  # fmt: skip
    path.write_text(json.dumps(recorded), encoding="utf-8")


def _columns(intervals: Sequence[Interval]) -> dict[str, list[float | None]]:
    """Intervals of errors per 10,000 as three columns."""
    return {side: [_rounded(getattr(interval, side)) for interval in intervals] for side in ("mean", "low", "high")}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def record_multitask_step(path: Path = HERE / "recorded-multitask-step.json", seeds: int = 3) -> None:
    """One moment of a real joint run of the small body in which a step with weights 1 and 1 makes a loss rise.

    Found by looking at every step: gradients g1, g2 of both losses over the shared parameters on the batch at
    hand. The loss of task 1 rises where g1 · (g1 + g2) < 0; of all such steps the one is kept in which
    -g1 · (g1 + g2) / (||g1|| ||g2||) is largest. "change" is measured on that same batch.
    """
    settings, data = resolve(MultitaskSettings(body="small")), load_mnist()
    found = max((_worst_moment(settings, data, seed) for seed in range(seeds)), key=lambda moment: moment[0])
    _, step, seed, batch, state, digits = found
    net = network.build(network.WIDTHS[settings.body], settings.task_names, seed)
    net.load_state_dict(state)
    images = digits.train.images[batch]
    targets = {task: digits.train.targets[task][batch] for task in settings.task_names}
    losses = network.losses_of(net, images, targets, "float32")
    rows = gradient_conflict.task_gradients(losses, net.shared())
    grid = [round(k / 10, 1) for k in range(21)]
    change = [[_changed(net, images, targets, a * rows[0] + b * rows[1]) for b in grid] for a in grid]
    moment = {
        "tasks": list(settings.task_names), "labels": [TASK_LABELS[task] for task in settings.task_names],
        "losses": _all_short(loss.item() for loss in losses.values()),
        "norms": _all_short(rows.norm(dim=1).tolist()),
        "cosine": _short(gradient_cosines(rows)[0, 1].item()), "parameters": rows.shape[1],
        "step_size": STEP_SIZE, "weights": grid, "change": change, "measured_on": "same batch",
        "images": len(batch), "at_step": step, "seed": seed, "settings": settings.model_dump(),
        "version": multitask.VERSION, "torch": torch.__version__,
    }  # fmt: skip
    print({name: moment[name] for name in ("losses", "norms", "cosine", "at_step", "seed")}, change[10][10])
    path.write_text(json.dumps(moment, separators=(",", ":")), encoding="utf-8")


Moment = tuple[float, int, int, torch.Tensor, dict[str, torch.Tensor], TaskDigits]


def _worst_moment(settings: MultitaskSettings, data: Digits, seed: int) -> Moment:
    """The step of one joint training at which one loss would rise most: (how clearly, step, seed, batch, …)."""
    digits = multitask.task_digits(settings, data, seed)
    none: Moment = (0.0, 0, seed, torch.empty(0), {}, digits)
    best = [none]

    def look(step: int, net: network.Joint, batch: torch.Tensor, combine: network.Combine) -> None:
        if len(batch) < settings.batch_size:
            return
        targets = {task: digits.train.targets[task][batch] for task in settings.task_names}
        losses = network.losses_of(net, digits.train.images[batch], targets, "float32")
        rows = gradient_conflict.task_gradients(losses, net.shared())
        rise = float(-(rows @ rows.sum(0)).min() / rows.norm(dim=1).prod())
        if rise > best[0][0]:
            best[0] = (rise, step, seed, batch, copy.deepcopy(net.state_dict()), digits)

    names = settings.task_names
    net = network.build(network.WIDTHS[settings.body], names, seed)
    combine = network.Combine("fixed", dict.fromkeys(names, 1.0), seed)
    training = network.fit(
        net, digits.train, digits.validation, combine, {}, epochs=settings.epochs, batch_size=settings.batch_size,
        learning_rate=settings.learning_rate, order=seeded(seed, "order"), precision=settings.precision, look=look,
    )  # fmt: skip
    for _ in training:
        pass
    return best[0]


def _changed(
    net: network.Joint, images: torch.Tensor, targets: dict[str, torch.Tensor], direction: torch.Tensor
) -> list[float]:
    """What STEP_SIZE along minus `direction` of the shared parameters adds to each loss."""
    moved = copy.deepcopy(net)
    with torch.no_grad():
        for parameter, part in zip(
            moved.shared(), direction.split([p.numel() for p in moved.shared()]), strict=True
        ):
            parameter.sub_(STEP_SIZE * part.view(parameter.shape))
        before, after = (network.losses_of(each, images, targets, "float32") for each in (net, moved))
    return _all_short((after[task] - before[task]).item() for task in before)


def record_multitask_sweep(path: Path = HERE / "recorded-multitask-sweep.json", points: int = 9) -> None:
    """Validation errors of both tasks over their weights, from the one alone to the other alone.

    Not test errors: whoever picks a point off this curve chooses by it.
    """
    base, data = resolve(MultitaskSettings()), load_mnist()
    names, seeds = base.task_names, range(base.seed, base.seed + base.seeds)
    weights = [[round(2 * k / (points - 1), 3), round(2 - 2 * k / (points - 1), 3)] for k in range(points)]
    runs = [JOINT] * points + [TASK_ALONE] * len(names)
    found: list[dict[str, list[float]]] = [{task: [] for task in names} for _ in runs]
    for seed in seeds:
        digits = multitask.task_digits(base, data, seed)
        for pair, seen in zip(weights, found, strict=False):
            chosen = base.model_copy(
                update={f"weight_{task}": weight for task, weight in zip(names, pair, strict=True)}
            )
            _add_validation_errors(seen, chosen, digits, JOINT, names, seed)
        for task, seen in zip(names, found[points:], strict=True):
            _add_validation_errors(seen, base, digits, TASK_ALONE, (task,), seed)
        print("sweep of the weights, seed", seed)
    sweep = {
        "tasks": list(names), "labels": [TASK_LABELS[task] for task in names], "weights": weights,
        "single": [names[1], *[None] * (points - 2), names[0]], "split": "validation",
        "images": len(data.validation), "seeds": len(seeds), "confidence": CONFIDENCE,
        "errors": {task: [_interval(seen[task]) for seen in found[:points]] for task in names},
        "alone": {task: _interval(seen[task]) for task, seen in zip(names, found[points:], strict=True)},
        "data": name_of(data, names), "settings": base.model_dump(exclude={f"weight_{task}" for task in names}),
        "version": multitask.VERSION, "torch": torch.__version__,
    }  # fmt: skip
    path.write_text(json.dumps(sweep), encoding="utf-8")


def _add_validation_errors(
    seen: dict[str, list[float]], settings: MultitaskSettings, digits: TaskDigits, scheme: str,
    tasks: Sequence[str], seed: int,
) -> None:  # fmt: skip
    """Train as a run does, and add the last validation errors per 10,000 of each of `tasks` to `seen`."""
    job = Job(scheme, tuple(arm_of(task, scheme) for task in tasks))
    trained = drained(multitask._train(settings, digits, seed, job))
    for task in tasks:
        _epoch, errors = trained[arm_of(task, scheme)].curve[-1]
        seen[task].append(10_000 * errors / len(digits.validation))


def _interval(values: Sequence[float]) -> dict[str, float | None]:
    interval = t_interval(values)
    return {side: _rounded(getattr(interval, side)) for side in ("mean", "low", "high")}


def _all_short(numbers: Iterable[float]) -> list[float]:
    """Five significant digits of each."""
    return [_short(number) for number in numbers]


def record_map(path: Path = HERE / "recorded-map.json", preset: str = "temperature_alpha") -> None:
    """The map that its page shows first, carried out by the queue as there, in a database of its own."""
    queue = _warm_queue()
    with TemporaryDirectory() as folder:
        sweeps = Sweeps(queue, f"sqlite:///{Path(folder) / 'maps.db'}")
        view = sweeps.start(map_presets()[preset].plan).wait()
        sweeps.close()
    queue.close()
    if view.state != "finished":
        raise SystemExit(f"the map ended as {view.state}: {view.problem}")
    path.write_text(view.model_dump_json(), encoding="utf-8")
    print(table.table(view), f"{view.seconds:.1f} s", sep="\n")


def _warm_queue() -> Queue:
    queue = Queue()
    while not queue.warm:
        time.sleep(0.1)
    time.sleep(5)  # the other workers warm up too, and would disturb the latency
    return queue


def _finished(handle: Handle) -> Result:
    view = handle.wait(3600)
    if view.result is None:
        raise SystemExit(f"the run ended as {view.state}: {view.problem}")
    print(view.result.verdict.text, f"{view.seconds_elapsed:.1f} s")
    return view.result


def _with_few_networks(result: Result) -> Result:
    """The same Result with the networks of the verdict's two arms only: all would be most of what is bundled."""
    kept = (result.verdict.arm, result.verdict.baseline)

    def light(arm: Arm) -> Arm:
        trials = tuple(trial.model_copy(update={"weights": None}) for trial in arm.trials)
        return arm if arm.name in kept else arm.model_copy(update={"trials": trials})

    return result.model_copy(update={"arms": tuple(map(light, result.arms))})


def _without_networks(result: Result) -> Result:
    """The same Result without networks, with logits and sums of confidence to two decimals.

    A sum stays between those that its bin's edges allow.
    """

    def short(place: int, of: Bin) -> Bin:
        low, high = (of.count * edge / BINS for edge in (place, place + 1))
        return of.model_copy(update={"confidence": min(max(round(of.confidence, 2), low), high)})

    def light(trial: ArmTrial) -> ArmTrial:
        logits = tuple(tuple(round(z, 2) for z in row) for row in trial.gallery_logits)
        bins = tuple(short(place, each) for place, each in enumerate(trial.bins))
        return trial.model_copy(update={"weights": None, "gallery_logits": logits, "bins": bins})

    arms = (arm.model_copy(update={"trials": tuple(map(light, arm.trials))}) for arm in result.arms)
    return result.model_copy(update={"arms": tuple(arms)})


if __name__ == "__main__":
    mnist = load_mnist()
    teacher = make_teacher(mnist)
    make_gallery(teacher, mnist)
    make_classes(teacher, mnist)
    record()
    record_all_labels()
    record_labels()
    record_sinusoid()
    record_multitask_step()
    record_multitask_sweep()
    record_lambda()
    record_map()
    record_bugs()
    durations.record()
