"""Pictures that the reports of several techniques have."""

from collections.abc import Iterable
from html import escape

from app.figures import arms, depth
from app.i18n.text import Translate
from app.techniques import Drawing
from kd_core.results.schema import Result


def training(result: Result, _: Translate) -> Iterable[Drawing]:
    yield _("Errors on the test set, every trial"), arms.errors_by_arm(result, _), ""
    yield _("Errors on the validation set while training"), arms.learning_curves(result, _), ""


def counted(result: Result, _: Translate) -> Iterable[Drawing]:
    """What every technique that classifies images has: calibration, and the mistakes of the verdict's arm."""
    if any(trial.bins for arm in result.arms for trial in arm.trials):
        about = _("All trials together, at T = 1. On the dotted line an arm is right as often as it says.")
        yield _("How sure, and how often right"), depth.reliability(result, _), escape(about)
    arm = result.arm(result.verdict.arm)
    if len(arm.trials[0].confusion) > 1:
        title = _("Test images of each class by the answer they get: {arm}", arm=arm.name)
        about = _("Mean over trials. The most frequent mistake is framed.")
        yield title, depth.confusion(arm, depth.largest_error(arm), _, result.data.classes), escape(about)
