"""Settings class -> widgets, and the address -> Settings: the URL is the state.

Streamlit's own binding to the address writes a choice by its translated label and turns what it cannot
read into the default silently. So this is done here: the raw parameters are read before any widget
exists, what is wrong with them is said, and what differs from the default is written back.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.text import LANGUAGES, Translate
from kd_core.messages import Message, Problem, Scalar, message
from kd_core.settings import Preset, Settings, Spec

RESERVED = {"run", "lang", "present", "embed", "embed_options"}
TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def read_address(page: str, settings: type[Settings] | None = None, *, reserved: bool = False) -> None:
    """Find what is wrong with the address's parameters and take the wrong ones out of it.

    Call before any widget exists: once for the `reserved` names, which the whole app shares, and once
    for a page's own. What was found stays to be shown by `notices` as long as the page is open.
    """
    specs = settings.specs() if settings else {}
    if st.session_state.get("page") != page and not reserved:
        st.session_state["page"], st.session_state["notices"] = page, {}
    kept: dict[str, Message] = st.session_state.setdefault("reserved_notices" if reserved else "notices", {})
    for name in list(st.query_params):
        if (name in RESERVED) != reserved:
            continue
        problem = _wrong(name, st.query_params.get_all(name)[-1], settings, specs)
        if problem:
            kept[name] = problem
            del st.query_params[name]


def notices(_: Translate) -> None:
    """Show what `read_address` found wrong."""
    for kind in ("reserved_notices", "notices"):
        for found in st.session_state.get(kind, {}).values():
            st.warning(_(found))


def _wrong(name: str, raw: str, settings: type[Settings] | None, specs: Mapping[str, Spec]) -> Message | None:
    """What is wrong with one parameter of the address; None if nothing is."""
    allowed = {"lang": tuple(LANGUAGES), "present": tuple(TRUTHS)}.get(name)
    if allowed and raw.lower() not in allowed:
        return message(
            "The address says {name} = {given}, which is not among {known}; it was left out.",
            name=name, given=raw[:30], known=", ".join(allowed),
        )  # fmt: skip
    if name in RESERVED:
        return None
    if settings is None or name not in specs:
        return message("The address has a parameter {name} that means nothing here; it was left out.",
                       name=name[:30])  # fmt: skip
    try:
        value = TRUTHS.get(raw.lower(), raw) if specs[name].kind is bool else raw
        settings.parse({name: value})
    except Problem:
        return message(
            "The address says {name} = {given}, which is not allowed (it must be {allowed}); {default} is used.",
            name=name, given=raw[:30], allowed=specs[name].allowed, default=str(specs[name].default),
        )  # fmt: skip
    return None


def controls(settings: type[Settings], _: Translate, hints: Mapping[str, str] | None = None) -> Settings:
    """Draw the widgets of `settings` (the rest behind "More") and return what they are set to."""
    specs = settings.specs()
    first = [spec for spec in specs.values() if not spec.more]
    values: dict[str, Any] = {}
    for column, spec in zip(st.columns(len(first)), first, strict=True):
        with column:
            values[spec.name] = _widget(spec, settings, _)
            if hints and spec.name in hints:
                st.caption(hints[spec.name])
    with st.expander(_("More"), key="more"):
        columns = st.columns(3)
        for position, spec in enumerate(spec for spec in specs.values() if spec.more):
            with columns[position % 3]:
                values[spec.name] = _widget(spec, settings, _)
    return settings.parse({name: value for name, value in values.items() if value is not None})


def _widget(spec: Spec, settings: type[Settings], _: Translate) -> Any:
    """The widget that fits the field: a choice, a switch, a typed number for long ranges, else a slider."""
    seed(spec.name, value(settings, spec.name))
    shared: dict[str, Any] = dict(key=spec.name, help=_(spec.help), persist_state="session")
    label = f"{_(spec.label)} ({_(spec.unit)})" if spec.unit else _(spec.label)
    if spec.choices:
        names = {choice: _(text) for choice, text in spec.choices.items()}
        set_to: Any = st.selectbox(label, list(names), format_func=names.__getitem__, **shared)
    elif spec.kind is bool:
        set_to = st.toggle(label, **shared)
    else:
        low, high, step = (spec.kind(bound) for bound in (spec.low, spec.high, spec.step))
        if spec.log:
            shape = "%.5g" if spec.kind is float else "%d"
            set_to = st.number_input(label, low, high, step=step, format=shape, **shared)
        else:
            set_to = st.slider(label, low, high, step=step, **shared)
    publish(spec.name, set_to, spec.default)
    return set_to


def seed(name: str, wish: Scalar) -> None:
    """Give the widget `name`, which does not exist yet, its first value."""
    if name not in st.session_state:
        st.session_state[name] = wish


def publish(name: str, set_to: Scalar, default: Scalar) -> None:
    """Write what `name` is set to into the address; the default is left out."""
    text = f"{set_to:g}" if isinstance(set_to, float) else str(set_to).lower()
    if set_to == default:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != text:
        st.query_params[name] = text


def presets(settings: type[Settings], offered: Mapping[str, Preset], _: Translate, *, mnist: bool) -> None:
    """A row of buttons, each setting every field at once; those that need MNIST are off without it."""
    with st.container(horizontal=True, key="presets"):
        for name, preset in offered.items():
            off = preset.needs_mnist and not mnist
            why = _("This needs MNIST, which could not be fetched here.") if off else _(preset.help)
            st.button(_(preset.label), key=f"preset_{name}", help=why, disabled=off, width="content",
                      on_click=_apply, args=(settings, preset.values))  # fmt: skip


def _apply(settings: type[Settings], values: Mapping[str, Scalar]) -> None:
    for name, spec in settings.specs().items():
        st.session_state[name] = values.get(name, spec.default)


def value(settings: type[Settings], name: str) -> Any:
    """What `name` is set to, also above its widget: in the session, else the address, else by default."""
    if name in st.session_state:
        return st.session_state[name]
    raw: str | bool | None = st.query_params.get(name)
    if raw is None:
        return settings.specs()[name].default
    if settings.specs()[name].kind is bool:
        raw = TRUTHS.get(str(raw).lower(), raw)
    try:
        return getattr(settings.parse({name: raw}), name)
    except Problem:  # `read_address` has said so
        return settings.specs()[name].default


def follow(name: str) -> Callable[[float], None]:
    """A callback that gives the widget `name` the value at which a client-side part was released."""

    def take(released: float) -> None:
        st.session_state[name] = released

    return take


def differences(earlier: Mapping[str, Scalar], now: Settings, _: Translate) -> str:
    """The fields in which an earlier run's settings differ from those set now, as "Temperature T 4 → 8"."""
    found = []
    for name, spec in now.specs().items():
        old, new = earlier[name], getattr(now, name)
        if old != new and new != "auto":  # what "auto" means was noted when the run was made
            was, is_now = (_(spec.choices[str(v)]) if spec.choices else f"{v:g}" for v in (old, new))
            found.append(f"{_(spec.label)} {was} → {is_now}")
    return ", ".join(found)
