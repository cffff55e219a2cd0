"""Arm styles of transfer learning, in the order in which live curves are drawn."""

from app.techniques import Style
from kd_core.settings.common import SCRATCH, SOURCE
from kd_core.transfer.settings import ANCHORED, DECAYED, FROZEN, TUNED

STYLES = {
    SCRATCH: Style("#6B7280", "dash", "circle-open", "/"),
    FROZEN: Style("#44AA99", "longdashdot", "triangle-up", "|"),
    DECAYED: Style("#AA4499", "longdash", "x", "-"),
    ANCHORED: Style("#E69F00", "dashdot", "square", "x"),
    TUNED: Style("#D55E00", "solid", "circle", ""),
    SOURCE: Style("#0072B2", "dot", "diamond", ""),
}
