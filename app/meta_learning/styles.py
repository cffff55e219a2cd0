"""Arm styles of meta-learning, in the order in which live curves are drawn."""

from app.techniques import Style
from kd_core.meta_learning.settings import (
    CENTROID_FEATURES,
    CENTROID_PIXELS,
    FIRST_ORDER,
    MAML,
    ORACLE,
    PRETRAINED,
    REPTILE,
)
from kd_core.settings.common import SCRATCH

STYLES = {
    SCRATCH: Style("#6B7280", "dash", "circle-open", "/"),
    REPTILE: Style("#AA4499", "longdash", "x", "-"),
    PRETRAINED: Style("#0072B2", "dot", "diamond", "|"),
    FIRST_ORDER: Style("#E69F00", "dashdot", "square", "x"),
    MAML: Style("#D55E00", "solid", "circle", ""),
    ORACLE: Style("#44AA99", "longdashdot", "triangle-up", "."),
    CENTROID_PIXELS: Style("#6699CC", "longdash", "square-open", "+"),
    CENTROID_FEATURES: Style("#882255", "dashdot", "diamond-open", "x"),
}
