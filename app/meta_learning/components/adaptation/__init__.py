"""The live picture of the meta-learning page: the same few points, two networks, k steps of gradient descent.

The networks are recorded; every step is computed in the browser. Python hears of nothing.
"""

from collections.abc import Mapping
from typing import Any

from app.components import mounted
from app.meta_learning.bundled import Sinusoids
from app.meta_learning.figures import start_means
from kd_core.messages import N_
from kd_core.meta_learning.settings import MAML, PRETRAINED

TASKS = 100  # new curves in each trial, of which the recorded means are
WORDS = {
    "title_asks": N_("What does MAML learn: an answer, or a start?"),
    "title": N_("Not an answer but a starting point"),
    # The question, its choices, and its answer.
    "quiz": N_("Guess first"),
    "ask": N_("Before any step, which network is nearer to the curve?"),
    "skip": N_("Skip"),
    "again": N_("Ask again"),
    "same": N_("About the same"),
    "said_right": N_("Right."),
    "said_wrong": N_("No."),
    "joint_nearer": N_("Before any step the jointly pre-trained one is nearer (mean error {joint0} against "
                       "{maml0}): it has learned the average of all curves. After one step MAML has {maml1}, the "
                       "other {joint1}."),
    "maml_nearer": N_("Before any step MAML is nearer here (mean error {maml0} against {joint0}); after one step "
                      "it has {maml1}, the other {joint1}."),
    "same_nearer": N_("Before any step both are about as far (mean errors {maml0} and {joint0}): neither can fit "
                      "all curves at once. After one step MAML has {maml1}, the other {joint1}."),
    # The two networks, and what they are asked to learn.
    "maml": N_("MAML"),
    "joint": N_("joint pre-training"),
    "error": N_("error"),
    "panel": N_("{net} after {steps} steps: its curve, the true one and the points; mean squared error {error}"),
    "point": N_("Point at x = {x}, y = {y}; arrow keys move it"),
    # The knob and the buttons.
    "steps": N_("after k = {steps} steps"),
    "one_step": N_("after k = 1 step"),
    "other": N_("Another curve"),
    "back": N_("Put the points back"),
    # Many tasks.
    "mean": N_("Mean error over steps k"),
    "mean_says": N_("Mean error after {steps} steps: MAML {maml}, joint pre-training {joint}"),
    "legend": N_("Dotted: the true curve. Circles: the points that are given; drag them. Thin: before any step."),
    "note": N_("Recorded on {date}. Each step is plain gradient descent on the points, computed in this browser, "
               "with step size {rate} for MAML and {joint_rate} for the other (the best on validation curves). "
               "Errors are mean squared. “Mean error” is that of the recorded run: over {tasks} new curves in each "
               "of {trials} trials, with its 95 % interval over the trials."),
}  # fmt: skip

_mount = mounted(__file__, "net", shared=("quiz", "svg"))


def adaptation(
    recorded: Sinusoids, *, covers: bool | None = None, talk: bool = False, words: Mapping[str, str], key: str
) -> None:
    """Both recorded networks on recorded sinusoids.

    `covers` says whether the networks' curves are covered while a lesson or a talk asks in place of the question;
    in a `talk` the picture stands alone.
    """
    over = {"maml": start_means()[MAML], "joint": start_means()[PRETRAINED]}
    parts = ("mean", "low", "high")
    mean = {arm: {part: [getattr(m, part) for m in steps] for part in parts} for arm, steps in over.items()}
    data: dict[str, Any] = {
        "maml": recorded["maml"], "joint": recorded["joint"], "tasks": recorded["tasks"],
        "rates": {"maml": recorded["inner_lr"], "joint": recorded["joint_lr"]},
        "mean": mean, "count": TASKS, "trials": over["maml"][0].n,
        "date": recorded["provenance"]["created"][:10], "stamp": recorded["provenance"]["created"],
        "covers": covers, "talk": talk, "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data)
