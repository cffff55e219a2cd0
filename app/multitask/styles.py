"""Arm styles of multi-task learning, in the order in which live curves are drawn."""

from app.techniques import Style
from kd_core.multitask.settings import FAIR, JOINT, JOINT_EQUAL, TASK_ALONE, TASK_LABELS, arm_of

# A multi-task arm has a colour of its task's family and its scheme's dash, marker and pattern.
TASK_COLOURS = {"left": "#009E73", "right": "#CC79A7", "digit": "#009E73", "parity": "#CC79A7", "five": "#56B4E9",
                "angle": "#CC79A7"}  # fmt: skip
_SCHEME_STYLES = {
    TASK_ALONE: ("dash", "circle-open", "/"),
    FAIR: ("longdash", "triangle-up-open", "x"),
    JOINT_EQUAL: ("dot", "square", "."),
    JOINT: ("solid", "circle", ""),
}
_FAMILIES = {
    "#009E73": {TASK_ALONE: "#117733", FAIR: "#44AA99", JOINT_EQUAL: "#999933"},
    "#CC79A7": {TASK_ALONE: "#882255", FAIR: "#CC6677", JOINT_EQUAL: "#AA4499"},
    "#56B4E9": {TASK_ALONE: "#0072B2", FAIR: "#7777DD", JOINT_EQUAL: "#6699CC"},
}
STYLES = {
    arm_of(task, scheme): Style(_FAMILIES[TASK_COLOURS[task]].get(scheme, TASK_COLOURS[task]), *style)
    for task in TASK_LABELS for scheme, style in _SCHEME_STYLES.items()
}  # fmt: skip
