"""Maps: one or two settings varied over a grid, or several searched; every cell a run, judged on validation."""

from app.shell.frame import opening
from app.sweeps.page import OWN, carried_out, details, plan_controls
from kd_core.messages import N_

_ = opening(
    N_("Maps"),
    N_("One run answers one setting. A map shows **where** a setting matters and what cannot be told apart."),
    own=OWN,
)

plan = plan_controls(_)
view = carried_out(plan, _)
if view is not None:
    details(view, _)
