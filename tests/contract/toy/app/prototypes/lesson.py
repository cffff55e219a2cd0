"""The lesson of prototypes."""

from app.lessons.model import Choice, LessonStep
from kd_core.messages import N_

LESSON = (
    LessonStep(
        kind="belief",
        title=N_("What a mean knows"),
        text=N_("The mean of a class is one image. A new image gets the label of the nearest mean."),
        ask=Choice(
            N_("What shape has the border between two classes?"),
            {"line": N_("A straight line"), "curve": N_("A curve")},
            lambda: "line",
        ),
        reveals=N_("The squared distances differ by a linear function of the image: the border is a **plane**."),
    ),
)
