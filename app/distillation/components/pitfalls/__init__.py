"""The live page of conventions and bugs: one batch, T and α on sliders, every loss and gradient computed anew.

All values are computed in the browser from the batch's recorded logits. Python hears of T, α and the bug once they
are settled, and of a wish to run a bug.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.components import mounted, released
from kd_core.messages import N_

WORDS = {
    "temperature": N_("Temperature T"),
    "alpha": N_("Teacher weight α"),
    "ours": N_("This lab"),
    "ours_formula": N_("α · T² · KL(teacher ‖ student) + (1 − α) · CE(labels)"),
    "ours_says": N_("α is the weight on the teacher."),
    "batch": N_("One batch: {n} validation images, the recorded teacher and the student trained alone. KL = {kl}, "
                "CE = {ce}."),
    # The translator.
    "translator": N_("The same two numbers, elsewhere"),
    "who": N_("Who writes it"),
    "typed": N_("T and α entered unchanged"),
    "there": N_("What to enter there instead"),
    "value": N_("loss {value}"),
    "equal": N_("equal to ours"),
    "times": N_("{times} times ours"),
    "tilted": N_("{times} times ours, and the gradient points {degrees}° away"),
    "scaled": N_("Same direction, {times} times the length: no setting there is equal, but a step size {inverse} "
                 "times as large makes it so for plain gradient descent."),
    "odds": N_("Or leave γ at 1: -a {odds}, with {times} times the loss."),
    "no_labels": N_("No setting is equal: it has no labels. It equals ours at α = 1."),
    "no_labels_scaled": N_("No setting is equal: it has no labels and no T². At α = 1 it is 1/T² of ours."),
    "shortcut": N_("Not alpha: 0, where the shortcut leaves T² out."),
    "shortcut_value": "temperature: {T}, alpha: 1.0e-9, beta: 1",
    "off": N_("{times} times ours: probabilities below 10⁻⁷ are cut off."),
    # The bugs.
    "bugs": N_("Break it"),
    "pick": N_("Switch a bug on"),
    "as_it_is": N_("with the bug"),
    "as_it_should": N_("as it should be"),
    "on_batch": N_("On this batch, T = {T}, α = {alpha}"),
    "loss": N_("loss"),
    "length": N_("gradient's length"),
    "angle": N_("gradient's direction"),
    "of_right": N_("{times} times the right one"),
    "degrees": N_("{degrees}° off"),
    "arrows": N_("The right gradient as an arrow to the right; with the bug {times} times as long and {degrees} "
                 "degrees off"),
    "arrow_right": N_("right"),
    "arrow_wrong": N_("bug"),
    "clipped": N_("(cut off here)"),
    "short_run": N_("A short run, trained with it"),
    "run_note": N_("A bug that costs nothing with one setting may cost much with another. The second run was "
                   "chosen beforehand, as one where this bug ought to hurt."),
    "errors": N_("errors per 10,000"),
    "run": N_("Run it live"),
    "settle": N_("Open its settings"),
    "check": N_("The check that would have caught it"),
    "matrix": N_("Which check finds which bug"),
    "matrix_says": N_("Every pair is run in the lab's tests. The check that comes to mind first, “a student equal "
                      "to its teacher has loss 0”, finds none of these."),
    "finds": N_("finds it"),
    "misses": N_("misses it"),
}  # fmt: skip

_mount = mounted(__file__, "losses", shared=("controls", "svg"))


def pitfalls(
    batch: Mapping[str, Any],
    *,
    conventions: Sequence[Mapping[str, str]],
    bugs: Sequence[Mapping[str, Any]],
    checks: Sequence[Mapping[str, Any]],
    chosen: Mapping[str, Any],
    may_run: bool,
    words: Mapping[str, str],
    key: str,
    on_chosen: Callable[[Mapping[str, Any]], object],
) -> tuple[str, int] | None:
    """The translator and the bugs on `batch`; the bug, and which of its runs, that somebody asks for just now.

    batch: labels, and logits [N][C] by "teacher", "student", "dropout" and "training". conventions, bugs, checks:
    as `app.distillation.pitfalls` words them. `chosen` has temperature, alpha and bug; it leads: when it changes
    from one rerun to the next, the controls follow. `on_chosen` is called with the same before the rerun of a
    settled change.
    """

    def read(told: Mapping[str, Any]) -> dict[str, Any]:
        return {name: told[name] for name in chosen}

    data: dict[str, Any] = {
        "batch": {name: batch[name] for name in ("labels", "teacher", "student", "dropout", "training")},
        "conventions": list(conventions), "bugs": list(bugs), "checks": list(checks), "chosen": dict(chosen),
        "heard": released(key, "chosen")["number"], "may_run": may_run, "words": {**WORDS, **words},
    }  # fmt: skip
    told = _mount(key, data, told={"chosen": (read, on_chosen), "launch": (dict, None)})
    wish = told.get("launch")
    known = {(bug["id"], run) for bug in bugs for run in range(len(bug["runs"]))}
    return next((one for one in known if wish == {"bug": one[0], "run": one[1]}), None)
