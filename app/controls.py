"""Settings class -> widgets, and the address -> Settings: the URL is the state.

Widgets are bound to the address by their field's name. A binding turns an unreadable value into the
default silently, so the raw parameters are read first, and what is wrong with them is said.
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
            values[spec.name] = _widget(spec, _)
            if hints and spec.name in hints:
                st.caption(hints[spec.name])
    with st.expander(_("More"), key="more"):
        columns = st.columns(3)
        for position, spec in enumerate(spec for spec in specs.values() if spec.more):
            with columns[position % 3]:
                values[spec.name] = _widget(spec, _)
    return settings.parse({name: value for name, value in values.items() if value is not None})


def _widget(spec: Spec, _: Translate) -> Scalar | None:
    """The widget that fits the field: a choice, a switch, a typed number for long ranges, else a slider."""
    shared: dict[str, Any] = dict(key=spec.name, help=_(spec.help), bind="query-params")
    label = f"{_(spec.label)} ({_(spec.unit)})" if spec.unit else _(spec.label)
    if spec.choices:
        names = {value: _(text) for value, text in spec.choices.items()}
        options = list(names)
        return st.selectbox(label, options, index=options.index(str(spec.default)),
                            format_func=names.__getitem__, **shared)  # fmt: skip
    if spec.kind is bool:
        return st.toggle(label, value=bool(spec.default), **shared)
    low, high, default, step = (spec.kind(v) for v in (spec.low, spec.high, spec.default, spec.step))  # type: ignore[arg-type]
    if spec.log:
        shape = "%.5g" if spec.kind is float else "%d"
        return st.number_input(label, low, high, default, step, format=shape, **shared)
    return st.slider(label, low, high, default, step, **shared)


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


def value(settings: type[Settings], name: str) -> float:
    """What the number `name` is set to, also above its widget: the session's, else the address's, else the default."""
    raw = st.session_state.get(name, st.query_params.get(name))
    try:
        made = settings.parse({name: raw}) if raw is not None else settings()
    except Problem:
        made = settings()
    return float(getattr(made, name))


def follow(name: str) -> Callable[[float], None]:
    """A callback that gives the widget `name` the value at which a client-side part was released."""

    def take(released: float) -> None:
        st.session_state[name] = released

    return take


def differences(earlier: Mapping[str, Scalar], now: Settings) -> str:
    """The fields in which an earlier run's settings differ from those set now, as "temperature 4 → 8"."""
    pairs = ((name, earlier.get(name), new) for name, new in now.model_dump().items())
    return ", ".join(f"{name} {old} → {new}" for name, old, new in pairs if old != new and new != "auto")
