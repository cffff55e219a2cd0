"""A talk: a technique in a few frozen steps, each one picture, one control and one question for the room."""

from functools import partial

import streamlit as st

from app.components.clicker import WORDS, Place, clicker
from app.controls.address import begin, go_to, moved, write
from app.controls.widgets import as_set, notices
from app.i18n.text import LANGUAGES, Translate
from app.results.bundled import recorded
from app.rooms.panel import ask_room, class_button, panel, room_of_this_speaker
from app.runs.panel import ask, start_if_asked, watch
from app.runs.shown import latest, trained, under_way
from app.runs.visitor import sign_in_needed
from app.shell.look import style
from app.talks import speaker
from app.talks.model import Stage, Step
from app.techniques import talk
from kd_core.data.chosen import MNIST, is_own
from kd_core.messages import N_, message
from kd_core.runs.rooms import Question
from kd_core.settings.base import Settings
from kd_core.techniques import NAMES, title

STYLE = """
@media (min-width: 1700px) and (min-height: 950px) { /* a projector: nothing in a picture below 28 px */
 html {font-size: 25px}
 .block-container :is(p, label, button, input, [data-baseweb="select"]):not(.st-key-talk_keys *) {
  font-size: 28px}
 .block-container .stMarkdownBadge {font-size: 28px !important}
 .block-container .live-digits td {font-size: 28px}
 .block-container .live-digits .digit {zoom: 1.5}
 .block-container .live-digits .wrong::after {font-size: 19px; line-height: 19px}
}
.block-container {padding: .9rem 2.5vw 4.4rem !important}
.block-container h1 {padding: 0 0 .45rem; font-size: 2.1rem; line-height: 1.15; text-wrap: balance}
.block-container > .stVerticalBlock {gap: .5rem}
.st-key-talk_ask [data-testid="stMarkdownContainer"] {margin: 0}
.st-key-talk_ask {gap: .2rem !important; min-height: 5.6rem; padding: .4rem .9rem; border-radius: .6rem;
 border-left: .35rem solid #0072B2; background: rgba(0,114,178,.1)}
.st-key-talk_ask p {font-size: 1.15rem; line-height: 1.35; margin: 0}
.st-key-talk_ask .st-key-talk_question p {font-weight: 650}
.st-key-talk_picture {gap: .5rem !important}
.st-key-talk_chart {min-height: 300px}
@media (min-width: 1000px) {
 .block-container > .stVerticalBlock:has(.st-key-talk_chart) {height: calc(100vh - 5.4rem); flex-wrap: nowrap}
 .block-container > .stVerticalBlock > div:has(> .st-key-talk_picture) {flex: 1 1 0; min-height: 0}
 .st-key-talk_picture:has(.st-key-talk_chart) {height: 100%; flex-wrap: nowrap}
 .st-key-talk_picture > div:has(> .st-key-talk_chart) {flex: 1 1 0; min-height: 0}
 .st-key-talk_chart {height: 100%; min-height: 0}
 .st-key-talk_chart > div {flex: 1 1 0; min-height: 0}
 .talk-cover {min-height: calc(100vh - 25rem) !important}
}
.talk-cover {height: 100%; min-height: 260px; display: grid; place-items: center; font-size: 6rem;
 font-weight: 700; opacity: .55; border: 2px dashed rgba(128,128,128,.6); border-radius: .6rem;
 background: repeating-linear-gradient(135deg, transparent 0 8px, rgba(128,128,128,.12) 8px 16px)}
.st-key-talk_keys {position: fixed; z-index: 100; inset: auto 0 0 0; padding: .5rem 2.5vw; width: 100% !important;
 background: var(--background-color, Canvas); border-top: 1px solid rgba(128,128,128,.3)}
@media (min-width: 1400px) {
 .st-key-talk_keys {flex-wrap: nowrap !important}
 .st-key-talk_keys > * {flex-shrink: 0}
 .st-key-talk_keys > :has([data-testid="stCaptionContainer"]) {flex: 1 1 0 !important; min-width: 0 !important}
 .st-key-talk_keys [data-testid="stCaptionContainer"] p {font-size: .75rem; line-height: 1.25}
}
@media (max-width: 999px) {
 .block-container {padding-bottom: 11rem !important}
 .st-key-talk_keys {gap: .4rem !important}
 .st-key-talk_keys [data-testid="stCaptionContainer"] {display: none}
}
"""


def following(technique: str) -> tuple[str, str]:
    """What a technique's last step leads to: a title and a page."""
    after = NAMES[NAMES.index(technique) + 1 :]
    return (title(after[0]), after[0]) if after else (N_("Summary"), "summary")


def give(kind: type[Settings], _: Translate) -> None:
    """Show the step that the browser or the address names, in place of the page."""
    technique = kind.technique
    steps = talk(technique)
    if st.session_state.pop("talk_over", False):
        go_to(following(technique)[1])
    at = _where(len(steps))
    step = steps[at]
    settings = as_set(kind)
    if settings.dataset_name != MNIST:  # a talk's pictures are of digits
        settings = settings.model_copy(update={"dataset": MNIST})
    start_if_asked(settings)
    style(STYLE)
    room = room_of_this_speaker()
    with st.container(key="talk_keys", horizontal=True, vertical_alignment="center"):  # at the foot, by its style
        _buttons(settings, steps, at, may_open=room is None and step.choices is not None, _=_)
    notices(_)
    revealed = at in _revealed(technique)
    st.title(_(step.told if revealed and step.told else step.title), anchor=False)
    st.markdown(_(step.sentence))
    asked = st.container(key="talk_ask")
    with st.container(key="talk_picture"):
        stage = _stage(settings, step, at, _)
        if stage.running is None:  # else the curves of the run are the picture
            step.picture(stage, _)
    with asked:
        with st.container(key="talk_question"):
            st.markdown(step.ask(stage, _))
        st.markdown(_answer(step, stage, _) if stage.revealed else "…")
    if room is not None:
        _class(room, step, at, stage, _)


def _class(room: str, step: Step, at: int, stage: Stage, _: Translate) -> None:
    """What the phones of the class are asked, and its place beside the step."""
    options = step.choices.options(stage) if step.choices else {}
    if not step.choices or not options:
        ask_room(None, None)
        return
    languages = {name: Translate(name) for name in LANGUAGES}
    question = Question(
        name=f"{stage.settings.technique} {at + 1}",
        asks={name: step.ask(stage, translate) for name, translate in languages.items()},
        options={
            name: {choice: translate(words) for choice, words in options.items()}
            for name, translate in languages.items()
        },
    )
    is_told = stage.revealed and stage.running is None
    ask_room(question, step.choices.truth(stage) if is_told else None)
    panel(room, question, revealed=is_told, _=_)


def _stage(settings: Settings, step: Step, at: int, _: Translate) -> Stage:
    """What the step is drawn from: the newest Result there is, else the recorded one."""
    technique = settings.technique
    newest = watch(settings, _) if step.runs else latest(technique)
    if newest and is_own(newest.data.name):  # its pictures are of digits
        newest = None
    return Stage(
        settings=settings, result=newest or recorded(technique), recorded=newest is None,
        revealed=at in _revealed(technique), running=trained(technique) if step.runs else None,
    )  # fmt: skip


def _answer(step: Step, stage: Stage, _: Translate) -> str:
    """The answer with its date; while a run is the picture, that the answer comes with its result."""
    if stage.running is not None:
        return _("The run under way will tell: the answer comes with its result.")
    return f"{step.answer(stage, _)} {_badge(step, stage, _)}"


def _badge(step: Step, stage: Stage, _: Translate) -> str:
    """Since when there are the numbers that a step shows, if they were recorded."""
    result = step.source() if step.source else stage.result if step.of_result and stage.recorded else None
    if result is None:
        return ""
    date = _("recorded on {date}", date=result.provenance.created[:10])
    return f":gray-badge[:material/history: {date}]"


def _where(steps: int) -> int:
    """The place of the step that the address names, from 0; of one that is none, the first, and a notice."""
    moved("step")  # or it lags behind a page that was just turned, and names the right one again
    raw = st.query_params.get("step", "1")
    if raw in map(str, range(1, steps + 1)):
        return int(raw) - 1
    write("step", None)
    st.session_state.setdefault("notices", {})["step"] = message(
        "The address says step = {given}, but this talk has steps 1 to {steps}; it begins with the first.",
        given=raw[:30], steps=steps,
    )  # fmt: skip
    return 0


def _go(at: int) -> None:
    """To another step; what was wrong with the address is said no longer. It leaves the first step unsaid."""
    st.session_state.get("notices", {}).pop("step", None)
    write("step", str(at + 1) if at else None)


def _revealed(technique: str) -> frozenset[int]:
    """The steps whose answer this session shows."""
    found: frozenset[int] = st.session_state.get(f"talk_revealed_{technique}", frozenset())
    return found


def _place(kind: type[Settings], steps: int, place: Place) -> None:
    """Do what the browser says: the step, the answers shown, a run; from the last step the page that follows."""
    st.session_state[f"talk_revealed_{kind.technique}"] = place.revealed
    if place.speaks:
        speaker.share()
    if place.at == steps:
        st.session_state["talk_over"] = True
        return
    _go(place.at)
    if place.run:
        ask(kind.technique)


def _run(kind: type[Settings], at: int) -> None:
    """Start a run and go to where it is watched."""
    _go(at)
    ask(kind.technique)


def _leave() -> None:
    if room_of_this_speaker():
        ask_room(None, None)
    st.session_state["presenting"] = False
    st.session_state.get("notices", {}).pop("step", None)
    st.query_params.pop("present", None)
    begin()  # now the page itself, which drops the step


def _buttons(settings: Settings, steps: tuple[Step, ...], at: int, *, may_open: bool, _: Translate) -> None:
    """What the keys do, as buttons; may_open: a room for a class, too."""
    technique, kind = settings.technique, type(settings)
    runs_at = next(place for place, step in enumerate(steps) if step.runs)
    may_run = not sign_in_needed() and not under_way(technique)
    words = {key: _(text) for key, text in WORDS.items()}
    words["step"] = f"{_(title(technique))} · {words['step']}"
    words["onward"] = words["onward"].replace("{next}", _(following(technique)[0]))
    clicker(
        at, len(steps), _revealed(technique), runs_at=runs_at, may_run=may_run, words=words,
        technique=technique, shared=speaker.shared(), speaker=speaker.address(_),
        key=f"talk_place_{technique}", on_place=partial(_place, kind, len(steps)),
    )  # fmt: skip
    if at != runs_at:
        st.button(_("Run (R)"), key="talk_run", on_click=_run, args=(kind, runs_at), disabled=not may_run)
    if may_open:
        class_button(_)
    st.button(_("Leave (Esc)"), key="talk_leave", type="tertiary", on_click=_leave)
    st.caption(_("Space or Page Down: next · Page Up: back · Enter: reveal · R: run"), width="content")
