"""Arm styles of distillation, in the order in which live curves are drawn."""

from app.techniques import Style
from kd_core.distillation.settings import ALONE, BUGGED, DISTILLED, EQUAL, EQUAL_TEACHER, SHUFFLED, SMOOTHED
from kd_core.settings.common import TEACHER

STYLES = {
    ALONE: Style("#6B7280", "dash", "circle-open", "/"),
    SMOOTHED: Style("#E69F00", "dashdot", "square", "x"),
    SHUFFLED: Style("#AA4499", "longdash", "x", "-"),
    EQUAL: Style("#44AA99", "longdashdot", "triangle-up", "|"),
    BUGGED: Style("#882255", "dashdot", "diamond-open", "+"),
    DISTILLED: Style("#D55E00", "solid", "circle", ""),
    EQUAL_TEACHER: Style("#6699CC", "dot", "diamond-open", "."),
    TEACHER: Style("#0072B2", "dot", "diamond", ""),
}
