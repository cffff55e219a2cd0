"""What to ship under a budget: size or time of every recorded file against its errors, and a line that is dragged.

The line is the browser's alone. Within it the file of the fewest validation errors is picked, and its test errors
are told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.components import mounted
from kd_core.messages import N_

WORDS = {
    "title": N_("What could be shipped? Drag the budget"),
    "size": N_("size of the file"),
    "time": N_("time for one image"),
    "teacher": N_("teacher"),
    "alone": N_("student alone"),
    "distilled": N_("distilled student"),
    "float32": N_("float32"),
    "int8": N_("int8 (8-bit integers)"),
    "y": N_("validation errors, % (both axes logarithmic)"),
    "chart": N_("Validation errors of every file over its size or its time"),
    "budget_size": N_("Budget: size of the file"),
    "budget_time": N_("Budget: time for one image"),
    "says": N_("Under {budget}: {which}, {errors} errors, {size}, {ms}."),
    "network": N_("{network}, {arm}, {form}"),
    "interval": N_("95 % interval {low} to {high}, {seeds} trials; PyTorch would take {torch} for the float32 "
                   "network."),
    "one": N_("One network, which saw {labels} labels: no interval. PyTorch would take {torch} for its float32 "
              "form."),
    "else_alone": N_("The same network without a teacher: {errors}."),
    "else_teacher": N_("The teacher: {errors}, {size}, {ms}."),
    "picked": N_("Picked from {count} files within the budget by errors on {validation} validation images; the "
                 "errors told are those on {test} test images. Students saw {labels} labelled images of {data}."),
    "measured": N_("Times: ONNX Runtime {version}, one thread, on the machine of the recording ({processor}, "
                   "{date})."),
    "table": N_("Every file in numbers"),
    "file": N_("file"),
    "errors": N_("test errors"),
    "torch": N_("PyTorch, float32"),
}  # fmt: skip

_mount = mounted(__file__, shared=("controls", "svg"))


def budget(
    files: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], *, colours: Mapping[str, str],
    words: Mapping[str, str], key: str,
) -> None:  # fmt: skip
    """Draw `files`, as `app.distillation.sizes` has them.

    facts: "seeds", "labels" of the students and "teacher_labels", "validation" and "test" images, "data";
    "processor", "date" and "version" of ONNX Runtime.
    """
    _mount(key, {
        "files": [dict(file) for file in files], "facts": dict(facts), "colours": dict(colours),
        "words": {**WORDS, **words},
    })  # fmt: skip
