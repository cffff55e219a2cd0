"""Settings class -> widgets, and the address -> Settings: the URL is the state.

Streamlit's own binding to the address writes a choice by its translated label and turns what it cannot
read into the default silently. So this is done here: the raw parameters are read before any widget
exists, what is wrong with them is said, and what differs from the default is written back.
"""

import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import streamlit as st

from app.controls.address import begin, is_known, moved, settled, write
from app.controls.link import HIDE, named, text
from app.i18n.text import LANGUAGES, Translate
from app.runs.seen import sets
from kd_core.messages import Message, Problem, Scalar, message
from kd_core.settings.base import Preset, Settings
from kd_core.settings.fields import Spec, written

RESERVED = {"run", "lang", "present", "step", "lesson", "speaker", "embed", "embed_options"}
TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def read_address(
    page: str, settings: type[Settings] | None = None, *, reserved: bool = False, own: Container[str] = ()
) -> None:
    """Find what is wrong with the address's parameters and take the wrong ones out of it.

    Call before any widget exists: once for the `reserved` names, which the whole app shares, and once
    for a page's own; those named in `own` the page reads itself. What was found stays to be shown by
    `notices` as long as the page is open.
    """
    specs = settings.specs() if settings else {}
    if not reserved:
        st.session_state["entered"] = st.session_state.get("page") != page
        if st.session_state["entered"]:
            begin(left=st.session_state.get("page"))
            st.session_state["page"], st.session_state["notices"] = page, {}
            st.session_state.pop("wishes", None)
    kept: dict[str, Message] = st.session_state.setdefault("reserved_notices" if reserved else "notices", {})
    unknown = []
    for name in list(st.query_params):
        if (name in RESERVED) != reserved or name in own:
            continue
        if name == HIDE and settings:
            _read_hidden(settings, kept)
            continue
        given = st.query_params.get_all(name)
        if not reserved and name not in specs:
            unknown.append(name[:30])
            del st.query_params[name]
        elif problem := _wrong(name, given, specs.get(name)):
            kept[name] = problem
            del st.query_params[name]
    if unknown:
        names = ", ".join(unknown[:3]) + (" …" if len(unknown) > 3 else "")
        kept["unknown parameters"] = message(
            "The address has parameters that mean nothing here, and they were left out: {names}.", names=names
        )
    if settings and not reserved:
        if st.session_state["entered"]:
            _come_back_to(settings)
        grant_wishes(begins=True)
        _go_where_the_address_went(settings)


def _read_hidden(settings: type[Settings], kept: dict[str, Message]) -> None:
    """Leave in `hide` only what is a setting here, and say what is none."""
    there, unknown = named(",".join(st.query_params.get_all(HIDE)), settings.specs())
    if unknown:
        names = ", ".join(unknown[:3])
        kept[HIDE] = message("The address is to hide controls that are not on this page: {names}.", names=names)
    if not there:
        del st.query_params[HIDE]
    elif st.query_params.get_all(HIDE) != [",".join(there)]:
        st.query_params[HIDE] = ",".join(there)


def hidden(settings: type[Settings]) -> list[str]:
    """The settings whose controls the address hides; they keep what it sets them to."""
    return named(st.query_params.get(HIDE, ""), settings.specs())[0]


def _come_back_to(settings: type[Settings]) -> None:
    """Give each widget of a page that was just entered what the address says, else what it was left at here.

    Pages share names (epochs, seeds, …), and Streamlit keeps a widget's value by its name: without this a page
    would begin with another technique's.
    """
    left: dict[str, Scalar] = st.session_state.get(f"left_{settings.technique}", {})
    for name, spec in settings.specs().items():
        raw = st.query_params.get(name)
        st.session_state[name] = left.get(name, spec.default) if raw is None else _read(spec, raw)


def notices(_: Translate) -> None:
    """Show what `read_address` found wrong."""
    for kind in ("reserved_notices", "notices"):
        for found in st.session_state.get(kind, {}).values():
            st.warning(_.escaped(found))


def _wrong(name: str, given: list[str], spec: Spec | None) -> Message | None:
    """What is wrong with one parameter of the address; None if nothing is."""
    allowed = {"lang": tuple(LANGUAGES), "present": tuple(TRUTHS)}.get(name)
    raw = given[-1]
    if allowed and raw not in allowed:
        return message(
            "The address says {name} = {given}, which is not among {known}; it was left out.",
            name=name, given=raw[:30], known=", ".join(allowed),
        )  # fmt: skip
    if spec is None:
        return None
    values: dict[str, Any] = dict(name=name, given=", ".join(given)[:30], default=str(spec.default))
    if len(given) > 1:
        return message("The address gives {name} more than once ({given}); {default} is used.", **values)
    if _read(spec, raw) is None or not _is_offered(spec, raw):
        return message(
            "The address says {name} = {given}, which is not allowed (it must be {allowed}); {default} is used.",
            **values, allowed=spec.allowed,
        )  # fmt: skip
    return None


def _is_offered(spec: Spec, raw: str) -> bool:
    """Whether it is one of the choices; of an open field, one of those that this person has."""
    return not spec.open or raw in spec.choices or raw in (one.name for one in sets())


def _read(spec: Spec, raw: str) -> Any:
    """The value that a parameter of the address stands for, or None if it is not allowed."""
    try:
        value = TRUTHS.get(raw.lower(), raw) if spec.kind is bool else raw
        return getattr(spec.owner.parse({spec.name: value}), spec.name)
    except Problem:
        return None


def _go_where_the_address_went(settings: type[Settings]) -> None:
    """Follow the browser's Back and Forward, which change the address and no widget.

    Where a widget has changed too, the address is only not written yet.
    """
    specs = settings.specs()
    set_to = {name: text(st.session_state.get(name, spec.default), spec.default) for name, spec in specs.items()}
    if not is_known(set_to) or not moved(*specs):
        return
    for name, spec in specs.items():
        raw = st.query_params.get(name)
        st.session_state[name] = spec.default if raw is None else _read(spec, raw)


def controls(settings: type[Settings], _: Translate, without: Container[str] = (), across: int = 0) -> Settings:
    """Draw the widgets of `settings` (the rest behind "More") and return what they are set to.

    without: fields that mean nothing at present; they, and those that the address hides, keep what they were
    set to, unseen. across: so many widgets stand side by side; 0 for all that are not behind "More", and three
    there.
    """
    specs, unseen = settings.specs(), hidden(settings)
    undrawn = {*unseen, *(name for name, spec in specs.items() if name in without or _is_settled(settings, spec))}
    values: dict[str, Any] = {name: value(settings, name) for name in specs if name in undrawn}
    shown = [spec for name, spec in specs.items() if name not in values]
    first = [spec for spec in shown if not spec.more]
    beside = across or max(1, len(first))
    for at in range(0, len(first), beside):
        for column, spec in zip(st.columns(beside), first[at : at + beside], strict=False):
            with column:
                values[spec.name] = _widget(spec, settings, _)
    if behind := [spec for spec in shown if spec.more]:
        more = st.expander(_("More"), key="more", on_change="rerun")
        if more.open:  # its widgets are most of the page's elements
            for group in dict.fromkeys(spec.group for spec in behind):
                if group:
                    more.markdown(f"**{_(group)}**")
                columns = more.columns(across or 3)
                for position, spec in enumerate(spec for spec in behind if spec.group == group):
                    with columns[position % len(columns)]:
                        values[spec.name] = _widget(spec, settings, _)
        else:
            values |= {spec.name: value(settings, spec.name) for spec in behind}
    if unseen:
        _say_hidden(len(unseen), _)
    remember(settings, values)
    return settings.parse(values)


def _is_settled(settings: type[Settings], spec: Spec) -> bool:
    """Whether there is nothing to choose: no data set but the lab's own."""
    return spec.open and value(settings, spec.name) in spec.choices and not sets()


def remember(settings: type[Settings], values: Mapping[str, Scalar]) -> None:
    """Write what a page is set to into the address, and keep it for when the page is entered again."""
    specs = settings.specs()
    for name, set_to in values.items():
        write(name, text(set_to, specs[name].default))
    for wished in st.session_state.get("wishes", {}).values():
        wished.drawn = wished.drawn or time.monotonic()
    st.session_state[f"left_{settings.technique}"] = dict(values)


def _say_hidden(count: int, _: Translate) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        said = _("Controls that this link hides: {count}. They keep what it sets them to.", count=count)
        st.caption(said, width="content")
        st.button(_("Show all controls"), key="show_all", type="tertiary", on_click=_show_all)


def _show_all() -> None:
    st.query_params.pop(HIDE, None)


def as_set(settings: type[Settings]) -> Settings:
    """What all of `settings` is set to, with no widget drawn; the address says it."""
    now = at_present(settings)
    remember(settings, now.model_dump())
    return now


def at_present(settings: type[Settings]) -> Settings:
    """What all of `settings` is set to: in a callback this may be more than its page has been drawn with."""
    grant_wishes()
    return settings.parse({name: value(settings, name) for name in settings.specs()})


def _widget(spec: Spec, settings: type[Settings], _: Translate) -> Any:
    """The widget of a field under the field's name."""
    seed(spec.name, value(settings, spec.name))
    return widget(spec, spec.name, _)


def widget(spec: Spec, key: str, _: Translate) -> Any:
    """The widget that fits the field: a choice, a switch, a slider of marks, a typed number for long ranges, or
    else a slider. Its first value has been given to `key`.
    """
    label = f"{_(spec.label)} ({_(spec.unit)})" if spec.unit else _(spec.label)
    shared: dict[str, Any] = dict(key=key, persist_state="session")
    if spec.choices:
        names = {choice: _(text) for choice, text in spec.choices.items()}
        if spec.open:
            names |= {one.name: _("{name}: {n} classes", name=one.name, n=len(one.classes)) for one in sets()}
            names.setdefault(st.session_state[key], st.session_state[key])
        redraw_in_language(key, _)
        return st.selectbox(label, list(names), format_func=names.__getitem__, help=_(spec.help), **shared)
    if spec.kind is bool:
        return st.toggle(label, help=_(spec.help), **shared)
    low, high, step = (spec.kind(bound) for bound in (spec.low, spec.high, spec.step))
    help_text = f"{_(spec.help)} ({_(spec.allowed)})"
    if spec.marks:
        return st.select_slider(
            label, _stops(spec, key), format_func=lambda at: _mark(at, spec, _), help=help_text, **shared
        )
    if spec.log:
        shape = "%.10g" if spec.kind is float else "%d"
        return st.number_input(label, low, high, step=step, format=shape, help=help_text, **shared)
    shape = f"%.{max(map(_decimals, (step, st.session_state[key])))}f" if spec.kind is float else "%d"
    return st.slider(label, low, high, step=step, format=shape, help=help_text, **shared)


def _decimals(value: float) -> int:
    """How many decimals a number has as it is written: a value off its step has more than the step."""
    return max(0, -int(Decimal(written(value)).as_tuple().exponent))


def _stops(spec: Spec, key: str) -> list[float]:
    """The marks, and every other value that an address or a preset has set: the slider must be able to show it."""
    others: set[float] = st.session_state.setdefault(f"stops_{key}", set())
    others.add(st.session_state[key])
    return sorted({*map(spec.kind, spec.marks), *others})


def _mark(at: float, spec: Spec, _: Translate) -> str:
    """A stop as it is read: its number, and what it means if it is a limit."""
    meaning = {spec.kind(mark): text for mark, text in spec.marks.items()}.get(at)
    return f"{written(at)} · {_(meaning)}" if meaning else written(at)


def seed(name: str, wish: Scalar) -> None:
    """Give the widget `name`, which does not exist yet, its first value."""
    if name not in st.session_state:
        st.session_state[name] = wish


@dataclass
class _Wish:
    """A widget's value that the browser may not have heard of, the one it showed before, and when it was drawn."""

    before: Scalar | None
    value: Scalar
    drawn: float | None = None


def wish(name: str, value: Scalar) -> None:
    """Set the widget `name`, which the browser shows as it was, to `value`.

    What a person does next may reach us before the browser has heard of it, and brings the widget's old value with
    it: Streamlit would go back to that. So the wish stays until the browser says another value, or must have heard.
    """
    st.session_state.setdefault("wishes", {})[name] = _Wish(st.session_state.get(name), value)
    st.session_state[name] = value


def grant_wishes(begins: bool = False) -> None:
    """Set again, before they are drawn, the widgets of which the browser has not heard. begins: a page does."""
    wishes: dict[str, _Wish] = st.session_state.get("wishes", {})
    for name, wished in list(wishes.items()):
        now = st.session_state.get(name)
        late = wished.drawn is not None and settled(wished.drawn)
        is_heard = begins and wished.drawn is not None and now == wished.value
        if is_heard or now not in (wished.before, wished.value) or late:
            del wishes[name]
        elif now != wished.value:
            st.session_state[name], wished.drawn = wished.value, None


def redraw_in_language(name: str, _: Translate) -> None:
    """Have the browser show the choice of `name` anew if the language has changed: it keeps the old words."""
    drawn = st.session_state.setdefault("drawn_in", {})
    if drawn.get(name) != _.language:
        if name in drawn and name in st.session_state:
            st.session_state[name] = st.session_state[name]
        drawn[name] = _.language


def presets(
    settings: type[Settings],
    offered: Mapping[str, Preset],
    _: Translate,
    *,
    mnist: bool,
    key: str = "presets",
    takes: Callable[[Settings], str] | None = None,
) -> bool:
    """A row of buttons, each setting every field at once; those that need MNIST are off without it.

    takes: how long a run takes, in words, or "". Returns whether one was just pressed.
    """
    pressed = False
    unseen = hidden(settings)
    shown = {
        name: preset
        for name, preset in offered.items()
        if all(preset.values.get(field, held) == held for field in unseen for held in [value(settings, field)])
    }  # another one would change what is hidden, unseen
    if not shown:
        return False
    with st.container(horizontal=True, key=key, vertical_alignment="center", gap="xsmall"):
        for name, preset in shown.items():
            off = preset.needs_mnist and not mnist
            run = settings.parse(preset.values)
            said = " ".join(filter(None, (_(preset.help), takes(run) if takes else "")))
            why = _("This needs MNIST, which could not be fetched here.") if off else said
            pressed |= st.button(_(preset.label), key=f"preset_{name}", help=why, disabled=off, width="content",
                                 on_click=_apply, args=(settings, preset.values))  # fmt: skip
    return pressed


def _apply(settings: type[Settings], values: Mapping[str, Scalar]) -> None:
    unseen = hidden(settings)
    st.session_state["preset"] = settings.technique  # for `panel.watch`
    for name, spec in settings.specs().items():
        if name not in unseen:
            wish(name, values.get(name, spec.default))


def value(settings: type[Settings], name: str) -> Any:
    """What `name` is set to, also above its widget: in the session, else the address, else by default."""
    if name in st.session_state:
        return st.session_state[name]
    spec, raw = settings.specs()[name], st.query_params.get(name)
    read = None if raw is None else _read(spec, raw)
    return spec.default if read is None else read


def follow(settings: type[Settings], name: str) -> Callable[[float], None]:
    """A callback that gives the widget `name` the value at which a client-side part was released, if it may be."""

    def take(released: float) -> None:
        is_hidden = name in st.query_params.get(HIDE, "").split(",")  # a hidden setting stays as it is
        if not is_hidden and _read(settings.specs()[name], str(released)) is not None:
            wish(name, released)

    return take


def address_of(settings: Settings) -> dict[str, str]:
    """The parameters of the address of these settings; what is at its default is left out."""
    written = {name: text(getattr(settings, name), spec.default) for name, spec in settings.specs().items()}
    return {name: value for name, value in written.items() if value is not None}


def differences(earlier: Mapping[str, Scalar], now: Settings, _: Translate) -> str:
    """The fields in which an earlier run's settings differ from those set now, as "Temperature T 4 → 8"."""
    return ", ".join(filter(None, by_field(earlier, now, _).values()))


def by_field(earlier: Mapping[str, Scalar], now: Settings, _: Translate) -> dict[str, str]:
    """The same field by field; "" for one that is the same."""
    found = {}
    for name, spec in now.specs().items():
        old, new = earlier.get(name, spec.default), getattr(now, name)  # earlier than the field: its default
        was, is_now = (_(spec.written(v)) for v in (old, new))
        changed = old != new and new != "auto"  # what "auto" means was noted when the run was made
        found[name] = f"{_(spec.label)} {was} → {is_now}" if changed else ""
    return found
