"""What the meta-learning page shows at first: two starting points, which the browser adapts."""

import json
from pathlib import Path

import torch
from safetensors.torch import load

from assets.recording import HERE, short
from kd_core.data.digits import load_uci_digits
from kd_core.meta_learning.adaptation import path as adapted
from kd_core.meta_learning.settings import MAML, PRETRAINED, MetaSettings
from kd_core.meta_learning.tasks import problem_of
from kd_core.results.schema import Result
from kd_core.results.statistics import t_interval

SINUSOIDS = 12  # test tasks that the meta-learning page offers


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
        start = {name: value.apply_(short) for name, value in load(trial.weights).items()}
        rates[key] = trial.measures["step size"]
        starts[key] = [_written(start[f"{layer}.{part}"]) for layer in (0, 2, 4) for part in ("weight", "bias")]
        answers = adapted(problem, start, tasks.support, tasks.query[0], rates[key])
        every = [t_interval(problem.judge(each, tasks.query[1]).tolist()) for each in answers]
        for side in made:
            made[side][key] = [short(getattr(interval, side)) for interval in every]
    shown = [
        {"amplitude": short(float(amplitude)), "phase": short(float(phase)), "x": [short(value) for value in x]}
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
    return [_written(row) if row.dim() else short(row.item()) for row in tensor]
