"""What the settings of several techniques share. No torch here."""

from kd_core.messages import N_

STUDENTS = {
    "article": N_("article's CNN (16-32-32)"),
    "mlp30": N_("two layers of 30"),
    "mlp300": N_("two layers of 300"),
    "mlp800": N_("two layers of 800"),
}


TEACHERS = {
    "article": N_("article's CNN (32-64-64)"),
    "mlp1200": N_("two layers of 1200, dropout"),
    "jittered": N_("two layers of 1200, dropout, moved images"),
}

# Arms that several parts of the lab know: networks trained before the trials, and one from random weights.
TEACHER, SOURCE = N_("teacher"), N_("source model as it is")
SCRATCH = N_("from scratch")
