"""The lesson of meta-learning: one inner step in numbers, what MAML starts from, and a step size that does harm.

The two recorded networks are adapted here in numpy, as the page's live part does it in the browser.
"""

from functools import cache

import numpy as np

from app.lessons.model import Choice, Goal, LessonStep, Number, Values
from app.meta_learning.bundled import sinusoids
from app.meta_learning.figures import nearer_at_first, start_means
from app.results.bundled import recorded
from kd_core.messages import N_
from kd_core.meta_learning.settings import FIRST_ORDER, MAML, PRETRAINED
from kd_core.results.schema import Verdict
from kd_core.settings.base import Settings

Network = list[np.ndarray]
GRID = np.linspace(-5.0, 5.0, 101)
TASK = 0  # the recorded curve that the lesson adapts to
ALIKE = 0.05  # errors that differ by less than this share are called about the same


def network(arm: str) -> Network:
    """[W1, b1, W2, b2, W3, b3] of the recorded network of `arm`, "maml" or "joint"."""
    weights = sinusoids()["maml"] if arm == "maml" else sinusoids()["joint"]
    return [np.array(each, dtype=np.float64) for each in weights]


def curve(x: np.ndarray, task: int) -> np.ndarray:
    """The true y at `x`: amplitude · sin(x − phase)."""
    given = sinusoids()["tasks"][task]
    return np.asarray(float(given["amplitude"]) * np.sin(x - float(given["phase"])))  # type: ignore[arg-type]


def forward(net: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs [N] for `x` [N], and both layers' activations [N, 40]."""
    w1, b1, w2, b2, w3, b3 = net
    first = np.maximum(0, x[:, None] @ w1.T + b1)
    second = np.maximum(0, first @ w2.T + b2)
    return (second @ w3.T + b3)[:, 0], first, second


def gradient(net: Network, x: np.ndarray, y: np.ndarray) -> Network:
    """The gradient of mean((f(x) − y)²) with respect to every weight, in the order of `net`."""
    answer, first, second = forward(net, x)
    error = (2 * (answer - y) / len(x))[:, None]
    back2 = (error @ net[4]) * (second > 0)
    back1 = (back2 @ net[2]) * (first > 0)
    return [back1.T @ x[:, None], back1.sum(0), back2.T @ first, back2.sum(0), error.T @ second, error.sum(0)]


def error_after(arm: str, rate: float, steps: int, task: int = TASK) -> float:
    """Mean squared error on the whole curve after `steps` steps of size `rate` on the task's points."""
    net = network(arm)
    x = np.array(sinusoids()["tasks"][task]["x"], dtype=np.float64)
    with np.errstate(all="ignore"):  # far too large a step may overflow: then the error is not a number
        for _step in range(steps):
            slopes = gradient(net, x, curve(x, task))
            net = [weights - rate * slope for weights, slope in zip(net, slopes, strict=True)]
        return float(np.mean((forward(net, GRID)[0] - curve(GRID, task)) ** 2))


def does_harm(rate: float, steps: int) -> bool:
    """Whether adapting MAML's network leaves a larger error than not adapting it."""
    return not error_after("maml", rate, steps) <= error_after("maml", rate, 0)


@cache
def harmful_rate() -> float:
    """The step size from which on a single step does harm: scanned upward by 0.001, so the first such."""
    return next(rate / 1000 for rate in range(1, 2000) if does_harm(rate / 1000, 1))


@cache
def _worked() -> Values:
    rate = sinusoids()["inner_lr"]
    x = np.array(sinusoids()["tasks"][TASK]["x"], dtype=np.float64)
    length = np.sqrt(sum(float((g**2).sum()) for g in gradient(network("maml"), x, curve(x, TASK))))
    before, after, then = (error_after("maml", rate, steps) for steps in (0, 1, 2))
    return {
        "rate": f"{rate:g}", "length": f"{length:.1f}", "way": f"{rate * length:.2f}", "before": f"{before:.2f}",
        "after": f"{after:.2f}", "then": f"{then:.2f}", "points": len(x),
    }  # fmt: skip


def _second_step() -> str:
    rate = sinusoids()["inner_lr"]
    after, then = error_after("maml", rate, 1), error_after("maml", rate, 2)
    return "same" if abs(then - after) < ALIKE * after else "falls" if then < after else "rises"


def _means() -> Values:
    maml, joint = ([m.mean for m in start_means()[name]] for name in (MAML, PRETRAINED))
    return {
        "maml0": f"{maml[0]:.2f}", "maml1": f"{maml[1]:.2f}", "joint0": f"{joint[0]:.2f}",
        "joint1": f"{joint[1]:.2f}", "maml_times": f"{maml[0] / maml[1]:.2f}",
        "joint_times": f"{joint_times():.2f}",
    }  # fmt: skip


def joint_times() -> float:
    """How many times lower joint pre-training's mean error is after one step than before it."""
    joint = start_means()[PRETRAINED]
    return joint[0].mean / joint[1].mean


def _first_order() -> Verdict:
    return next(v for v in recorded("meta_learning").comparisons if v.baseline == FIRST_ORDER)


def _order() -> Values:
    difference = _first_order().difference
    return {
        "times": f"{10**difference.mean:.2f}", "low": f"{10 ** float(difference.low or 0):.2f}",
        "high": f"{10 ** float(difference.high or 0):.2f}", "n": difference.n,
    }  # fmt: skip


def _now(settings: Settings) -> Values:
    rate, steps = _set(settings)
    after = error_after("maml", rate, steps)
    return {
        "rate": f"{rate:g}", "steps": steps, "before": f"{error_after('maml', rate, 0):.2f}",
        "after": f"{after:.2f}" if np.isfinite(after) and after < 1e6 else "∞",
    }  # fmt: skip


def _set(settings: Settings) -> tuple[float, int]:
    values = settings.model_dump()
    return float(values["inner_lr"]), int(values["inner_steps"])


def _times() -> float:
    """How many times lower MAML's loss is than that of joint pre-training, recorded."""
    return float(10 ** recorded("meta_learning").verdict.difference.mean)


def _verdict() -> Values:
    verdict = recorded("meta_learning").verdict
    if (verdict.arm, verdict.baseline) != (MAML, PRETRAINED):
        raise ValueError(f"the recorded verdict is about {verdict.arm} and {verdict.baseline}")
    return {
        "times": f"{_times():.2f}", "low": f"{10 ** float(verdict.difference.low or 0):.2f}",
        "high": f"{10 ** float(verdict.difference.high or 0):.2f}", "n": verdict.difference.n,
        "points": recorded("meta_learning").settings["shots"],
    }  # fmt: skip


LESSON = (
    LessonStep(
        kind="worked",
        title=N_("One inner step, in numbers"),
        text=N_(
            "The first curve below has {points} points. Before it has seen them, MAML's network has an error of "
            "{before} (mean squared). Its gradient on the points has length {length}. With an inner step size of "
            "{rate} the weights move by {rate} × {length} = {way}, and the error on the whole curve is then "
            "{after}."
        ),
        ask=Choice(
            N_("A second step of the same size, on the same points: what does the error do?"),
            {"falls": N_("It falls further"), "same": N_("It stays about the same"), "rises": N_("It rises")},
            _second_step,
        ),
        reveals=N_(
            "The error is then {then}. The start was trained for its error after **one** step; further steps are "
            "ordinary gradient descent from a good place."
        ),
        values=_worked,
        sets={"inner_lr": 0.01, "inner_steps": 1},
        covers=True,
    ),
    LessonStep(
        kind="belief",
        title=N_("Does MAML start nearer?"),
        text=N_(
            "MAML and joint pre-training saw the same curves. MAML was trained for its error after a step, the "
            "other for its error as it stands."
        ),
        ask=Choice(
            N_("Before any step, which network is nearer to new curves on average?"),
            {"maml": N_("MAML"), "joint": N_("joint pre-training"), "same": N_("About the same")},
            nearer_at_first,
        ),
        reveals=N_(
            "Before any step MAML's error is {maml0} and the other's {joint0}. **What MAML learns is not a better "
            "answer but a better place to start from**; nor is it an optimiser: each step is plain gradient "
            "descent."
        ),
        values=_means,
        covers=True,
    ),
    LessonStep(
        kind="faded",
        title=N_("Now you: what one step is worth"),
        text=N_(
            "Means over many new curves. MAML: {maml0} before and {maml1} after one step, so {maml0} / {maml1} = "
            "{maml_times} times lower. Joint pre-training: {joint0} before and {joint1} after."
        ),
        ask=Number(
            N_("How many times lower does one step make the error of joint pre-training?"), 1, 10, 0.05,
            joint_times, close=0.06, digits=2, typed=2,
        ),
        reveals=N_(
            "{joint0} / {joint1} = {joint_times}. The same points, the same kind of step: the difference is in the "
            "start alone."
        ),
        values=_means,
        covers=True,
    ),
    LessonStep(
        kind="belief",
        title=N_("Without second derivatives"),
        text=N_(
            "MAML's gradient goes through the inner step, so it needs second derivatives. First-order MAML leaves "
            "them out and is cheaper."
        ),
        ask=Choice(
            N_("On these curves, what did leaving them out do to the error after one step?"),
            {"undetectable": N_("Nothing that could be detected"), "better": N_("It made it larger"),
             "worse": N_("It made it smaller")},
            lambda: _first_order().kind,
        ),
        reveals=N_(
            "With second derivatives the error is {times} times lower (95 % interval {low} to {high}, {n} paired "
            "trials). That is for these curves and one step; “First or second order” below says what it costs."
        ),
        values=_order,
        sets={"inner_lr": 0.01, "inner_steps": 1},
    ),
    LessonStep(
        kind="free",
        title=N_("Make the step do harm"),
        text=N_(
            "Back to the first curve. The inner step size α is a setting like any other, and MAML was trained for "
            "{rate}. First guess; then set “Inner step size α” further down until adapting makes the error larger "
            "than not adapting."
        ),
        ask=Number(
            N_("From which inner step size α on does one step do harm?"), 0.01, 1, 0.01, harmful_rate, close=0.02,
            digits=3, typed=3,
        ),
        reveals=N_(
            "From about {harm} on, which is {factor} times what it was trained for. The start and its step size "
            "belong together; a learned start does not make every step safe."
        ),
        values=lambda: {
            "rate": f"{sinusoids()['inner_lr']:g}", "harm": f"{harmful_rate():.3f}",
            "factor": f"{harmful_rate() / sinusoids()['inner_lr']:.1f}",
        },
        sets={"inner_lr": 0.01, "inner_steps": 1},
        goal=Goal(
            N_("Goal: a larger error than before any step."),
            N_("α = {rate}, steps {steps}: error {before} before, {after} after."),
            _now,
            lambda settings: does_harm(*_set(settings)),
        ),
    ),
    LessonStep(
        kind="belief",
        title=N_("And is it worth it?"),
        text=N_(
            "{n} paired trials are recorded: the same training curves, the same first weights, one step on "
            "{points} points of each new curve."
        ),
        ask=Number(
            N_("How many times lower is MAML's error than that of joint pre-training?"), 1, 10, 0.1, _times,
            close=0.4, digits=2,
        ),
        reveals=N_(
            "{times} times (95 % interval {low} to {high}). That is for curves; the preset “New digits” asks the "
            "same for digits, where simpler methods are strong."
        ),
        values=_verdict,
        sets={"inner_lr": 0.01, "inner_steps": 1},
    ),
)  # fmt: skip
