"""The live picture of a run with digits left out: errors over a shift of these digits' biases, on a slider.

The counts are those of the result shown; slider, marks, question and answer live in the browser. Python hears of
nothing.
"""

from collections.abc import Mapping

from app.components import mounted
from app.distillation.held_out import Panel
from kd_core.messages import N_

WORDS = {
    # The question, its choices, and its answer.
    "quiz": N_("Guess first"),
    "guess_low": N_("Under a third"),
    "guess_middle": N_("A third to two thirds"),
    "guess_high": N_("Over two thirds"),
    "skip": N_("Skip"),
    "again": N_("Ask again"),
    "said_low": N_("You said under a third."),
    "said_middle": N_("You said a third to two thirds."),
    "said_high": N_("You said over two thirds."),
    "guess_and_fact": N_("{said} {fact}"),
    # The readout.
    "own": N_("each trial by its own: {low} to {high}"),
    "beyond": N_("beyond this slider"),
    "distilled": N_("distilled student"),
    "alone": N_("student alone"),
    "never_told": N_("nobody told it anything about them"),
    "percent": N_("{value} %"),
    "found": N_("{found} of {images}"),
    "errors": N_("test errors"),
    "of_test": N_("of {test}"),
    "spread": N_("({low} to {high})"),
    # The marks of the slider, and what is said of their numbers.
    "marks": N_("Shifts worth looking at"),
    "trained": N_("as trained"),
    "matched": N_("matches the class priors (no label used)"),
    "tuned": N_("fewest test errors (tuned on the test set, as the paper did)"),
    "mark": N_("{shift} · {name}"),
    # The chart.
    "y": N_("test images, log scale"),
    "line": N_("{arm}: {what}"),
    "all": N_("all errors"),
    "note_one": N_("One trial, so there is no spread. The verdict counts the students as trained, with no bias "
                   "raised."),
    "note": N_("Means over {n} trials; thin lines are single trials, brackets the lowest and the highest of them. "
               "At a mark each trial has its own shift. The verdict counts the students as trained, with no bias "
               "raised."),
    "table": N_("All values"),
    "where": N_("Shift"),
    "errors_of": N_("{arm}: test errors"),
}  # fmt: skip
# What is worded by which digits were left out.
OF_DIGITS = {
    "3": {
        "ask": N_("The distilled student never saw a 3. How many of the {images} threes will it get right once the "
                  "bias of the 3 is raised?"),
        "fact": N_("As trained it gets {before} of {images} threes right. With the bias raised until it expects "
                   "threes as often as they occur, which takes no label: {after}, or {share} %."),
        "shift": N_("Added to the bias of the 3"),
        "same": "",
        "right": N_("of the 3s right"),
        "missed": N_("missed 3s"),
        "found_of": N_("{arm}: 3s right"),
        "chart": N_("Test errors, and 3s missed, over the shift of the 3's bias"),
    },
    "all_but_7_8": {
        "ask": N_("The distilled student saw 7s and 8s alone. How many of the {images} images of other digits will "
                  "it get right once their biases are raised?"),
        "fact": N_("As trained it gets {before} of {images} images of the other digits right. With the biases "
                   "raised until it expects these digits as often as they occur, which takes no label: {after}, or "
                   "{share} %."),
        "shift": N_("Added to the biases of the eight digits"),
        "same": N_("the same as lowering 7 and 8 by as much"),
        "right": N_("of the eight digits right"),
        "missed": N_("missed, of the eight"),
        "found_of": N_("{arm}: right on the eight digits"),
        "chart": N_("Test errors, and images of the eight digits missed, over the shift of their biases"),
    },
}  # fmt: skip

_mount = mounted(__file__, "chart", shared=("quiz", "svg"))


def bias(panel: Panel, *, words: Mapping[str, str], key: str) -> None:
    """The curves of `panel` over the shift, with a slider. `words`: those of `words_for`."""
    _mount(key, {**panel, "words": {**words_for(panel["left_out"]), **words}})


def words_for(left_out: str) -> dict[str, str]:
    """Everything that the panel says, in English; some of it depends on which digits were left out."""
    return {**WORDS, **OF_DIGITS[left_out]}
