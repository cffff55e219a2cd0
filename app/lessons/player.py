"""The lesson on its page: one step at a time, each with a guess before the truth; it can be left at any moment.

Which step one is at stands in the address as `lesson=2`; the guesses stay in the session. A step sets the page's
real controls as it is entered, as a preset does, and from there on they are the person's.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from app.components.bars import WORDS as BARS_WORDS
from app.components.bars import bars
from app.components.lesson import WORDS, heading, offer
from app.controls.address import moved, page_link, write
from app.controls.widgets import at_present, wish
from app.figures.image import tiles
from app.i18n.text import Translate
from app.lessons.model import KINDS, Ask, Bars, Choice, Goal, Guess, LessonStep, Number, total_variation
from app.lessons.pictures import beside
from app.results.bundled import Digit, gallery
from app.shell.frame import PAGES, presenting
from app.shell.look import style
from kd_core.messages import Message, message
from kd_core.results.numbers import number
from kd_core.settings.base import Settings
from kd_core.techniques import TECHNIQUES

PARAMETER = "lesson"
STYLE = """
.st-key-lesson_card {border-left: 6px solid #0072B2; gap: .5rem}
.st-key-lesson_told {flex-wrap: nowrap}
.st-key-lesson_card [class*="st-key-lesson_reveals"] {
  border-left: 4px solid #0072B2; padding-left: 1rem; gap: .25rem}
"""
# Beside the title there is room for the way into the lesson, and in a wide window for the offer, too: there they
# cost no height.
DOOR_STYLE = """
[data-testid=stMainBlockContainer] > [data-testid=stVerticalBlock] {position: relative}
@media (min-width: 900px) and (max-width: 1399px) {
  .st-key-lesson_take {position: absolute; top: 1.75rem; right: 0; width: auto; z-index: 3}
}
@media (min-width: 1400px) {
  [data-testid=stLayoutWrapper]:has(> .st-key-lesson) {
    position: absolute; top: 1.75rem; right: 0; width: auto; z-index: 3}
}
"""


@dataclass(frozen=True)
class Guide:
    """What a running lesson wishes of the page's live part. covers: whether it stays covered until the guess; None
    where no lesson runs. pair: the places in the gallery of the digits that it shows; None leaves them."""

    covers: bool | None = None
    pair: tuple[int, int] | None = None


@dataclass
class _Progress:
    """Where a session is in one technique's lesson, and what was guessed in it.

    at: the step, from 0; None outside the lesson. last: where it was left. entered: the step whose controls were
    set. reached: the steps that are done; empty: where nothing was typed. moves: how often the step changed.
    over: the score of the lesson that was taken to its end.
    """

    at: int | None = None
    last: int | None = None
    entered: int | None = None
    guesses: dict[int, Guess] = field(default_factory=dict)
    reached: set[int] = field(default_factory=set)
    empty: int | None = None
    moves: int = 0
    over: tuple[int, int] | None = None

    def keep(self, step: int, guess: Guess) -> None:
        self.guesses.setdefault(step, guess)

    def hand_in(self, step: int, key: str) -> None:
        """Keep the number typed into the field `key`, or remember that nothing was."""
        typed = st.session_state.get(key)
        self.empty = step if typed is None else None
        if typed is not None:
            self.keep(step, float(typed))

    def is_done(self, number: int, step: LessonStep, settings: Settings) -> bool:
        """Whether the step is done; a goal that was reached stays so, whatever is set afterwards."""
        if step.is_done(self.guesses.get(number), settings):
            self.reached.add(number)
        return number in self.reached

    def go(self, step: int | None) -> None:
        """On to a step, or with None out of the lesson."""
        self.moves += 1
        self.at = step
        if step is None:
            self.entered = None
        else:
            self.last = step
        self.publish()

    def begin_again(self) -> None:
        """Back to the first step, nothing guessed."""
        self.forget()
        self.go(0)

    def score(self, steps: Sequence[LessonStep]) -> tuple[int, int]:
        """How many of the guesses that were made were right or close, and how many were made."""
        right = sum(steps[number].ask.is_right(guess) for number, guess in self.guesses.items())
        return right, len(self.guesses)

    def finish(self, steps: Sequence[LessonStep]) -> None:
        """Out of the lesson with its score; it begins anew when it is next taken."""
        self.over = self.score(steps)
        self.go(None)
        self.forget()

    def forget(self) -> None:
        self.guesses.clear()
        self.reached.clear()
        self.last = None

    def publish(self) -> None:
        """Write the step into the address."""
        write(PARAMETER, None if self.at is None else str(self.at + 1))

    def read_address(self, steps: int) -> Message | None:
        """Go where the address went; what is wrong with it, if anything is."""
        raw = st.query_params.get(PARAMETER)
        if raw is None and st.session_state.get("entered"):
            if self.at is not None:
                self.publish()  # moving to another page had dropped it
            return None
        if not moved(PARAMETER):
            return None
        if raw is None:
            self.at = None
            return None
        if not (raw.isdecimal() and 1 <= int(raw) <= steps):
            self.publish()
            return message(
                "The address says lesson = {given}, but this lesson has steps 1 to {count}; it was left out.",
                given=raw[:30], count=steps,
            )  # fmt: skip
        self.at = self.last = int(raw) - 1
        return None


def lesson(steps: Sequence[LessonStep], settings: type[Settings], _: Translate) -> Guide:
    """The step of `steps` that one is at, or the way in; call it before the page's controls exist.

    The first visit of a browser is offered the lesson; not while presenting and not in a page within a page.
    """
    progress: _Progress = st.session_state.setdefault(f"lesson_{settings.technique}", _Progress())
    if problem := progress.read_address(len(steps)):
        st.warning(_.escaped(problem))
    style(STYLE)
    with st.container(key="lesson"):
        if progress.at is None:
            if not presenting() and not st.context.is_embedded:
                if progress.over:
                    _farewell(settings.technique, progress.over, _)
                _door(steps, progress, _)
            return Guide(covers=False if progress.over else None)  # what the lesson asked is not asked again
        step = steps[progress.at]
        _enter(step, settings, progress)
        now = at_present(settings)
        with st.container(border=True, key="lesson_card"):
            _card(steps, progress.at, now, progress, _)
    answered = progress.guesses.get(progress.at) is not None
    return Guide(covers=step.covers and not answered, pair=step.pair if answered else None)


def _door(steps: Sequence[LessonStep], progress: _Progress, _: Translate) -> None:
    """The way in: a button, and on the first visit a line beside it."""
    style(DOOR_STYLE)
    last = progress.last
    words = {key: _(text) for key, text in WORDS.items()}
    label = _("Go on with the lesson") if last is not None else _("Take the lesson")
    if last is None and progress.over:
        label = _("Take the lesson again")
    middle: dict[str, Any] = dict(horizontal=True, vertical_alignment="center", horizontal_alignment="right")
    with st.container(key="lesson_door", **middle):
        offer(len(steps), answered=progress.moves > 0, words=words, key="lesson_offer")
        st.button(label, key="lesson_take", icon=":material/school:", on_click=progress.go, args=(last or 0,),
                  width="content")  # fmt: skip


def _farewell(technique: str, score: tuple[int, int], _: Translate) -> None:
    """What the lesson came to, and the way to the next one."""
    names = list(TECHNIQUES)
    place = names.index(technique) + 1
    with st.container(border=True, key="lesson_farewell", horizontal=True, vertical_alignment="center"):
        good, given = score
        said = "**" + _("That was the lesson.") + "** "
        said += _("{good} of your {n} guesses were right or close.", good=good, n=given) if given else ""
        st.markdown(said, width="content")
        if place < len(names):
            page_link(names[place], _("Next lesson: {title}", title=_(PAGES[names[place]])), {PARAMETER: "1"},
                      icon=":material/arrow_forward:", width="content")  # fmt: skip
        else:
            page_link("summary", _("Summary"), icon=":material/arrow_forward:", width="content")


def _enter(step: LessonStep, settings: type[Settings], progress: _Progress) -> None:
    """Set the controls as the step wishes, once; after a refresh what the address says stays."""
    if progress.entered == progress.at:
        return
    fresh = progress.entered is None and not progress.moves
    progress.entered = progress.at
    for name, wished in step.sets.items():
        if not (fresh and name in st.query_params):
            wish(name, settings.specs()[name].kind(wished))


def _card(steps: Sequence[LessonStep], at: int, settings: Settings, progress: _Progress, _: Translate) -> None:
    """The step: its heading, its text, its question or what was guessed, the truth and why, and the way on."""
    step, guess = steps[at], progress.guesses.get(at)
    values = dict(step.values())
    done = progress.is_done(at, step, settings)
    title, leave = st.columns([5, 1], vertical_alignment="center")
    with title:
        words = {key: _(text) for key, text in WORDS.items()}
        heading(at, len(steps), _(KINDS[step.kind]), _(step.title), moves=progress.moves, words=words,
                key="lesson_heading")  # fmt: skip
    with leave, st.container(horizontal=True, horizontal_alignment="right"):
        st.button(_("Leave the lesson"), key="lesson_leave", on_click=progress.go, args=(None,), type="tertiary",
                  width="content")  # fmt: skip
    told, asked = st.columns([6, 5], gap="medium")
    with told, st.container(horizontal=True, key="lesson_told"):
        if step.picture is not None:
            _picture(gallery()[step.picture], _)
        st.markdown(_(step.text, **values), width="stretch")
    with asked, st.container(key=f"lesson_ask_{at}"):
        st.markdown(f"**{_(step.ask.question, **values)}**")
        _ask(step.ask, at, progress, done, values, _)
        if step.goal and guess is not None:
            _goal(step.goal, done, settings, values, _)
    if done and guess is not None:
        with st.container(key=f"lesson_reveals_{at}"):
            st.markdown(_comment(step.ask, guess, _) + " " + _(step.reveals, **values))
            if step.leads:
                page_link(step.leads.page, _(step.leads.label), step.leads.query, icon=":material/arrow_forward:",
                          width="content")  # fmt: skip
    _ways_on(steps, at, done, progress, _)


def _picture(digit: Digit, _: Translate) -> None:
    """The digit that a step is about, with its label below."""
    pixels = np.frombuffer(b64decode(digit["pixels"]), np.uint8).reshape(28, 28)
    about = _("Handwritten digit, labelled {label}", label=digit["label"])
    st.html(tiles([pixels], [[_("label {label}", label=digit["label"])]], [about]), width="content")


def _ask(ask: Ask, at: int, progress: _Progress, done: bool, values: Mapping[str, Any], _: Translate) -> None:
    """What takes the guess; once it is given, the guess, and as soon as the step is done the truth beside it."""
    guess = progress.guesses.get(at)
    if isinstance(ask, Bars):
        words = {key: _(text) for key, text in BARS_WORDS.items()}
        given = guess if isinstance(guess, tuple) else None
        bars(ask.at(1.0), ask.temperature, guess=given, truth=ask.truth() if given else None, words=words,
             key=f"lesson_bars_{at}", on_guess=lambda drawn: progress.keep(at, drawn))  # fmt: skip
    elif guess is not None:
        st.html(beside(ask, guess, done, values, _))
    elif isinstance(ask, Choice):
        with st.container(horizontal=True, gap="small"):
            for key, answer in ask.options.items():
                st.button(_(answer, **values), key=f"lesson_guess_{at}_{key}", on_click=progress.keep,
                          args=(at, key), width="content")  # fmt: skip
    else:
        _ask_number(ask, at, progress, _)


def _ask_number(ask: Number, at: int, progress: _Progress, _: Translate) -> None:
    """A field for a number; Enter or the button hands it in."""
    key = f"lesson_number_{at}"
    with st.form(f"lesson_form_{at}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        unit = f" ({_(ask.unit)})" if ask.unit else ""
        bounds = _("{low} to {high}", low=number(ask.low), high=number(ask.high))
        st.number_input(bounds + unit, float(ask.low), float(ask.high), None, float(ask.step), key=key, width=180,
                        format=f"%.{ask.typed}f", placeholder="?")  # fmt: skip
        st.form_submit_button(_("That is my guess"), key=f"lesson_answer_{at}", type="primary",
                              on_click=progress.hand_in, args=(at, key))  # fmt: skip
    if progress.empty == at:
        st.caption(_("Type a number first."))


def _goal(goal: Goal, done: bool, settings: Settings, values: Mapping[str, Any], _: Translate) -> None:
    """The goal, and where the controls stand now."""
    sign = ":material/check_circle:" if done else ":material/flag:"
    st.markdown(f"{sign} **{_(goal.says, **values)}** " + _(goal.now, **{**values, **goal.at(settings)}))
    below = _("Use the page's own controls below; the step is done when it is reached.")
    st.caption(_("Reached.") if done else below)


def _comment(ask: Ask, guess: Guess, _: Translate) -> str:
    """How near the guess came, in a few words."""
    near = _("Close.") if ask.is_right(guess) else _("Not quite.")
    if isinstance(ask, Bars) and isinstance(guess, tuple):
        apart = f"{total_variation(guess, ask.truth()):.2f}"
        return f"**{near}** " + _(
            "Your bars and the teacher's are {apart} apart (total variation: the share that would have to move; 0 "
            "is the same, 1 has nothing in common).", apart=apart,
        )  # fmt: skip
    if isinstance(ask, Number):
        return f"**{near}**"
    return "**" + (_("Right.") if ask.is_right(guess) else _("No.")) + "**"


def _ways_on(steps: Sequence[LessonStep], at: int, done: bool, progress: _Progress, _: Translate) -> None:
    """Back, on, and at the end the count of good guesses."""
    is_last = at == len(steps) - 1
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("Back"), key="lesson_back", disabled=at == 0, on_click=progress.go, args=(at - 1,),
                  width="content")  # fmt: skip
        if not is_last:
            st.button(_("Next step") if done else _("Skip this step"), key="lesson_next", on_click=progress.go,
                      args=(at + 1,), type="primary" if done else "secondary", width="content")  # fmt: skip
            return
        st.button(_("Finish"), key="lesson_finish", on_click=progress.finish, args=(steps,),
                  type="primary" if done else "secondary", width="content")  # fmt: skip
        if done:
            good, given = progress.score(steps)
            said = _("{good} of your {n} guesses were right or close.", good=good, n=given)
            st.markdown(said, width="content")
            st.button(_("Begin again"), key="lesson_again", on_click=progress.begin_again, type="tertiary",
                      width="content")  # fmt: skip
