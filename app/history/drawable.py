"""Whether a Result from outside can be drawn: each technique's figures are tried on it before anybody sees it."""

from app.figures import arms, depth
from app.i18n.text import Translate
from app.reports import files
from app.results.comparison import comparison
from app.techniques import view
from kd_core.data.chosen import is_own
from kd_core.messages import N_, Problem
from kd_core.results.schema import Result

ENGLISH = Translate("en")


def check(result: Result) -> None:
    """Draw what its report and its page would: a part that a figure needs may be missing. Raises Problem."""
    try:
        comparison(result, ENGLISH)
        depth.costs(result, ENGLISH)
        files.csv(result)
        list(view(result.technique).drawings(result, ENGLISH))
        view(result.technique).drawn(result)
    except Exception:  # whatever it is that a stranger's numbers do to a figure
        raise Problem(N_("This result cannot be drawn: a part that its figures need is missing.")) from None


def images_on_disk(result: Result) -> int:
    """How many test images there are on disk to show."""
    if is_own(result.data.name):
        return result.data.test
    return 400 if result.data.name.startswith("UCI digits") else 10_000


def answers(result: Result) -> None:
    """The figures of every result that counts images."""
    arms.errors_by_arm(result, ENGLISH)
    arms.learning_curves(result, ENGLISH)
    for digit in range(len(result.gallery)):  # their figures differ in numbers alone: the first shall do
        arms.answered(result, digit, 1.0)
    if result.gallery:
        arms.soft_targets(result, 0, 1.0, ENGLISH)
    depth.reliability(result, ENGLISH)
    depth.calibration_errors(result, ENGLISH)
    for arm in result.arms:
        depth.confusion(arm, depth.largest_error(arm), ENGLISH, result.data.classes)
