"""The address of a map on the page of maps: its technique, axes, and what is not at its default."""

from kd_core.settings.fields import written
from kd_core.sweeps.plan import Plan

OWN = {"technique", "axis", "with", "trials"}  # the address's parameters that this page reads itself


def parameters(plan: Plan) -> dict[str, str | list[str]]:
    """The parameters that open a map; `axis` stands there once for each axis."""
    own = ",".join(f"{name}={written(value)}" for name, value in plan.settings.items())
    found: dict[str, str | list[str]] = {"technique": plan.technique, "axis": [str(axis) for axis in plan.axes]}
    found |= {"with": own} if own else {}
    return found | ({"trials": str(plan.trials)} if plan.trials else {})
