"""A made-up teacher of 100 classes, with a student: a larger case. No network gave these numbers."""

from functools import cache

import numpy as np

from kd_core.inspection.logits import Logits, checked

ROWS, GROUPS, EACH = 1500, 20, 5  # twenty groups of five classes that look alike, as CIFAR-100 has
SURE, ALIKE, NOISE = 38.0, 18.0, 5.6  # of the own class, of the others in its group, of every logit
WEAK, STUDENT_NOISE = 0.5, 3.0  # how much of the teacher's logits the student has found, and its own noise


@cache
def hundred_classes() -> Logits:
    """1,500 rows of 100 classes, their labels, and a student's logits, from a fixed seed.

    A logit is SURE for the label, ALIKE for the other classes of its group and 0 elsewhere, scaled by how clear the
    sample is, plus normal noise.
    """
    draw = np.random.default_rng(100)
    classes = GROUPS * EACH
    labels = draw.integers(classes, size=ROWS)
    own, group = np.eye(classes)[labels], (np.arange(classes) // EACH == labels[:, None] // EACH)
    clear = draw.uniform(0.35, 1.1, size=(ROWS, 1))
    values = clear * (SURE * own + ALIKE * (group & (own == 0))) + NOISE * draw.normal(size=own.shape)
    student = WEAK * values + STUDENT_NOISE * draw.normal(size=own.shape)
    names = [f"group {one // EACH + 1}, class {'ABCDE'[one % EACH]}" for one in range(classes)]
    return checked(values.astype(np.float32), labels, names, student.astype(np.float32))
