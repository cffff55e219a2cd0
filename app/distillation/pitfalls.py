"""What the page of conventions and bugs shows: the loss as others write it, and bugs with their checks.

What these functions compute stands in `conventions`, `bugs` and `checks` of `kd_core.distillation`, which need
torch; the page shows their formulas and source, and the browser computes their values anew.
"""

import ast
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from app.figures.arms import Translator
from app.results.bundled import asset
from kd_core.distillation.settings import ALONE, BUGGED, BUGS, DISTILLED, DistillationSettings
from kd_core.messages import N_
from kd_core.paths import part
from kd_core.results import statistics
from kd_core.results.schema import Interval
from kd_core.settings.base import Settings
from kd_core.settings.fields import field

CHECKS_FILE = part("kd_core") / "distillation" / "checks.py"
_T, _ALPHA = (DistillationSettings.specs()[name] for name in ("temperature", "alpha"))


class PitfallSettings(Settings):
    """How the page is looked at; the address carries it as it carries a run's settings."""

    technique: ClassVar[str] = "pitfalls"

    temperature: float = field(4.0, ge=0.5, le=50, step=0.5, symbol="T", label=_T.label, help=_T.help)
    alpha: float = field(0.9, ge=0, le=1, step=0.05, symbol="α", label=_ALPHA.label, help=_ALPHA.help)
    bug: Literal["no_t_squared", "mean", "reversed", "training_mode", "shuffled", "double_softmax"] = field(
        "no_t_squared", choices={name: text for name, text in BUGS.items() if name != "none"},
        label=N_("Bug"), help=N_("Which well-known bug is switched on."),
    )  # fmt: skip


@dataclass(frozen=True)
class Convention:
    """The loss as one source writes it. id: as the browser's script knows it.

    typed, there: what to write there, with holes for T, alpha, rest = 1 - alpha, odds = alpha / (1 - alpha) and
    alike, the alpha that weighs labels against teacher as here where T² is missing.
    """

    id: str
    name: str
    source: str
    formula: str
    says: str
    typed: str
    there: str


_KERAS = "https://github.com/keras-team/keras-io/blob/master/examples/vision/knowledge_distillation.py"
CONVENTIONS = (
    Convention(
        "rep", "RepDistiller", "https://github.com/HobbitLong/RepDistiller/blob/master/helper/loops.py",
        "γ · CE + α · T² · KL",
        N_("Two free weights; α is on the teacher. γ, on the labels, is 1 unless it is given; its own "
           "script gives 0.1 and 0.9."),
        "--kd_T {T} -a {alpha}", "--kd_T {T} -r {rest} -a {alpha}",
    ),
    Convention(
        "torchdistill", "torchdistill 1.1.5",
        "https://github.com/yoshitomo-matsubara/torchdistill/blob/main/torchdistill/losses/mid_level.py",
        "α · CE + (1 − α) · T² · KL",
        N_("α is on the labels: the same word, the other side. At α = 0 a shortcut returns KL alone, without T²."),
        "temperature: {T}, alpha: {alpha}", "temperature: {T}, alpha: {rest}",
    ),
    Convention(
        "keras", "keras-io", _KERAS, "α · CE + (1 − α) · T² · KL",
        N_("α is on the labels. Keras cuts probabilities off at 10⁻⁷, which shows only at low T."),
        "temperature={T}, alpha={alpha}", "temperature={T}, alpha={rest}",
    ),
    Convention(
        "keras_before", N_("keras-io before May 2022"), "https://github.com/keras-team/keras-io/pull/870",
        "α · CE + (1 − α) · KL",
        N_("T² was left out, its author says on the page linked here, to keep the example simple."),
        "temperature={T}, alpha={alpha}", "temperature={T}, alpha={alike}",
    ),
    Convention(
        "formula", N_("The article, its formula (§4.1)"), "", "T² · KL",
        N_("No labels: they enter with a weight α that only the text mentions."), "T = {T}", "T = {T}",
    ),
    Convention(
        "listing", N_("The article, its listing (§5.1)"), "", "KL",
        N_("Neither T² nor labels. It does not run as printed; this is what it means."), "T = {T}", "T = {T}",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Bug:
    """A bug in a sentence, its line as it is written wrongly and rightly, and the check that catches it."""

    says: str
    wrong: str
    right: str
    check: str


_KL = 'kl_div(log_q, log_p, reduction="batchmean", log_target=True)'
BUG_TEXTS = {
    "no_t_squared": Bug(
        N_("The soft part's gradient shrinks like 1/T². Without T² the labels take over as T is raised, and nobody "
           "has touched α."),
        f"soft = {_KL}", f"soft = T**2 * {_KL}", "gradient_at_large_t",
    ),
    "mean": Bug(
        N_("“mean” is what kl_div does unless it is told otherwise. It divides by images times classes: with ten "
           "digits the teacher's part is ten times too small."),
        "soft = T**2 * kl_div(log_q, log_p, log_target=True)", f"soft = T**2 * {_KL}",
        "classes_that_nobody_gives",
    ),
    "reversed": Bug(
        N_("kl_div takes the student's logarithm first. The other way round it is KL(student ‖ teacher): also zero "
           "where both agree, but it forgives a student that leaves out what the teacher thinks possible."),
        'soft = T**2 * kl_div(log_p, log_q, reduction="batchmean", log_target=True)', f"soft = T**2 * {_KL}",
        "student_that_knows_nothing",
    ),
    "training_mode": Bug(
        N_("Dropout still drops units while the soft targets are made, so each of them is one random draw. Shown "
           "with the lab's teacher that has dropout, two layers of 1200; the article's CNN has neither dropout nor "
           "batch norm, and there the bug changes nothing."),
        "teacher.train()\nlogits = teacher(images)", "teacher.eval()\nlogits = teacher(images)",
        "same_answer_twice",
    ),
    "shuffled": Bug(
        N_("The teacher's logits were computed once from a loader that shuffles, and are then looked up as if it "
           "did not: each image is taught the answer to another, and nothing crashes."),
        "soft_targets[i] = logits[order[i]]", "soft_targets[i] = logits[i]", "logits_belong_to_these_images",
    ),
    "double_softmax": Bug(
        N_("The teacher ends in a softmax, and the loss takes its probabilities for logits. They differ by 1 at "
           "most, so after a second softmax every digit looks about as likely as any other."),
        "log_p = log_softmax(softmax(teacher, dim=1) / T, dim=1)", "log_p = log_softmax(teacher / T, dim=1)",
        "logits_are_not_probabilities",
    ),
}  # fmt: skip

# Which check finds which bug; `tests/kd_core/distillation/test_checks.py` runs every pair.
CAUGHT = {
    "gradient_at_large_t": ("no_t_squared", "mean"),
    "classes_that_nobody_gives": ("mean",),
    "student_that_knows_nothing": ("no_t_squared", "mean", "reversed"),
    "student_equal_to_teacher": (),
    "same_answer_twice": ("training_mode",),
    "logits_belong_to_these_images": ("shuffled",),
    "logits_are_not_probabilities": ("double_softmax",),
}
CHECK_TITLES = {
    "gradient_at_large_t": N_("At large T the gradient is (z − v) / (N C)"),
    "classes_that_nobody_gives": N_("Ten more classes that are never predicted change nothing"),
    "student_that_knows_nothing": N_("For a uniform student, KL is log C minus the teacher's entropy"),
    "student_equal_to_teacher": N_("A student equal to its teacher has loss 0"),
    "same_answer_twice": N_("The teacher gives the same image the same answer"),
    "logits_belong_to_these_images": N_("The teacher is mostly right about its training images"),
    "logits_are_not_probabilities": N_("The teacher's answers are not nearly uniform at T = 1"),
}


@cache
def check_source(name: str) -> str:
    """A check of `kd_core.distillation.checks` as it stands there, without its docstring."""
    text = CHECKS_FILE.read_text(encoding="utf-8")
    (found,) = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == name)
    lines = text.splitlines()[found.lineno - 1 : found.end_lineno]
    docstring = found.body[0]
    assert docstring.end_lineno is not None
    del lines[docstring.lineno - found.lineno : docstring.end_lineno - found.lineno + 1]
    return "\n".join(lines)


@cache
def recorded_bugs() -> dict[str, Any]:
    """A batch's logits, and what each bug made of a short run, recorded by `make assets`."""
    found: dict[str, Any] = asset("recorded-bugs.json")
    return found


def run_settings(bug: str, number: int) -> DistillationSettings:
    """The settings of a recorded run of `bug`, the first or the second."""
    return DistillationSettings.parse(recorded_bugs()["runs"][bug][number]["settings"])


def conventions_in_words(_: Translator) -> list[dict[str, str]]:
    """The conventions as the browser gets them."""
    return [asdict(one) | {"name": _(one.name), "says": _(one.says)} for one in CONVENTIONS]


def bugs_in_words(_: Translator) -> list[dict[str, Any]]:
    """The bugs as the browser gets them, each with its recorded runs."""
    return [
        {**asdict(bug), "id": name, "title": _(BUGS[name]), "says": _(bug.says), "code": check_source(bug.check),
         "runs": [_run(run, _) for run in recorded_bugs()["runs"][name]]}
        for name, bug in BUG_TEXTS.items()
    ]  # fmt: skip


def checks_in_words(_: Translator) -> list[dict[str, Any]]:
    """Every check with the bugs that it finds."""
    return [{"id": name, "title": _(CHECK_TITLES[name]), "caught": list(found)} for name, found in CAUGHT.items()]


def _run(run: dict[str, Any], _: Translator) -> dict[str, Any]:
    interval = Interval(**run["gain"], n=run["seeds"], confidence=0.95)
    settings = DistillationSettings.parse(run["settings"])
    specs = settings.specs()
    return {
        "arms": [{"name": _(name), "kind": kind, **run["errors"][name]}
                 for kind, name in (("alone", ALONE), ("distilled", DISTILLED), ("bugged", BUGGED))],
        "verdict": _(statistics.verdict(BUGGED, DISTILLED, interval, ()).text),
        "about": _("Recorded on {date}: student with {student}, teacher {teacher}, {labels} labels, T = {t}, "
                   "α = {alpha}, {seeds} seeds; means with 95 % intervals.",
                   date=run["created"][:10], student=specs["student"].written(settings.student),
                   teacher=specs["teacher"].written(settings.teacher), labels=settings.train_size,
                   t=f"{settings.temperature:g}", alpha=f"{settings.alpha:g}", seeds=run["seeds"]),
    }  # fmt: skip
