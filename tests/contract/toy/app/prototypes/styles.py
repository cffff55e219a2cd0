"""How its arms look, in the order in which live curves are drawn."""

from kd_core.prototypes.settings import FREQUENT, PROTOTYPES

from app.techniques import Style

STYLES = {
    FREQUENT: Style("#6B7280", "dash", "circle-open", "/"),
    PROTOTYPES: Style("#D55E00", "solid", "circle", ""),
}
