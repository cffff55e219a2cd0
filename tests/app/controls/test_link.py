"""A link says what is set, and whoever opens it has the same set."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from app.controls import link
from app.controls.widgets import _read
from kd_core.data.own.kept import NAME, TAKEN
from kd_core.distillation.presets import DISTILLATION_PRESETS
from kd_core.techniques import TECHNIQUES


def values(spec):
    """Every value that a field may have."""
    if spec.open:
        names = some.from_regex(NAME, fullmatch=True).filter(lambda name: name not in TAKEN)
        return some.sampled_from(list(spec.choices)) | names
    if spec.choices:
        return some.sampled_from(list(spec.choices))
    if spec.kind is bool:
        return some.booleans()
    if spec.kind is int:
        return some.integers(int(spec.low), int(spec.high))
    return some.floats(spec.low, spec.high, allow_nan=False)


@some.composite
def linked(draw):
    technique = TECHNIQUES[draw(some.sampled_from(list(TECHNIQUES)))].settings
    specs = technique.specs()
    chosen = technique.parse({name: draw(values(spec)) for name, spec in specs.items()})
    hide = draw(some.lists(some.sampled_from(list(specs)), unique=True))
    return chosen, hide, draw(some.sampled_from(["", "en", "zh"]))


@settings(max_examples=300)
@given(linked())
def test_links_round_trip_for_random_settings(example):
    chosen, hide, language = example
    technique = type(chosen)
    address = "https://lab.example/" + link.address(technique.technique, chosen.model_dump(), hide, lang=language)
    parts = urlsplit(address)
    assert parts.path == f"/{technique.technique}"
    given_ = {name: found[-1] for name, found in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    assert given_.pop("lang", "") == language
    there, unknown = link.named(given_.pop(link.HIDE, ""), technique.specs())
    assert set(there) == set(hide)
    assert unknown == []
    read = {name: _read(technique.specs()[name], raw) for name, raw in given_.items()}  # as the page reads it
    assert technique.parse(read) == chosen
    assert all(raw != str(technique.specs()[name].default) for name, raw in given_.items())  # defaults are left out


def test_names_to_hide_are_told_from_what_is_none():
    assert link.named("temperature, alpha,temperature,<b>x", {"temperature", "alpha"}) == (
        ["temperature", "alpha"],
        ["<b>x"],
    )
    assert link.named("", {"alpha"}) == ([], [])


@pytest.mark.parametrize(
    ("url", "base"),
    [("http://127.0.0.1:8501/distillation", "http://127.0.0.1:8501/"), ("https://a.b/lab/transfer", "https://a.b/lab/"),
     (None, ""), ("", "")],
)  # fmt: skip
def test_the_servers_own_address(url, base):
    assert link.base(url) == base


PAGE = """
import streamlit as st
from app.controls.widgets import controls, follow, notices, presets, read_address
from app.i18n.session import current
from kd_core.distillation.presets import DISTILLATION_PRESETS
from kd_core.distillation.settings import DistillationSettings
read_address("here", reserved=True)
read_address("Distillation", DistillationSettings)
_ = current()
notices(_)
if st.button("let go"):
    follow(DistillationSettings, "temperature")(33.0)
presets(DistillationSettings, DISTILLATION_PRESETS, _, mnist=True)
st.json(controls(DistillationSettings, _).model_dump())
"""


def opened(**parameters):
    page = AppTest.from_string(PAGE, default_timeout=20)
    for name, raw in parameters.items():
        page.query_params[name] = raw
    return page.run()


def set_to(page):
    return json.loads(page.json[0].value)


def parameter(page, name):
    raw = page.query_params[name]
    return raw if isinstance(raw, str) else raw[-1]


def test_hidden_controls_keep_the_links_values_whatever_is_done():
    page = opened(temperature="8", alpha="0.5", hide="temperature,seeds,nonsense")
    assert not page.exception
    assert set_to(page)["temperature"] == 8
    labels = [widget.label for widget in (*page.number_input, *page.slider)]
    assert "Temperature T" not in labels
    assert "Seeds" not in labels
    assert "Teacher weight α" in labels
    assert "nonsense" in page.warning[0].value
    assert parameter(page, "hide") == "temperature,seeds"
    page.button[0].click().run()  # the live part lets go of its slider
    assert set_to(page)["temperature"] == 8
    page.button(key="preset_few_labels").click().run()
    assert set_to(page)["temperature"] == 8
    assert set_to(page)["alpha"] == 0.9
    assert parameter(page, "temperature") == "8"
    page.button(key="show_all").click().run()
    assert not page.exception
    assert "hide" not in page.query_params
    assert next(w for w in page.number_input if w.label == "Temperature T").value == 8


def test_a_preset_that_would_change_what_is_hidden_is_not_offered():
    name = next(n for n, p in DISTILLATION_PRESETS.items() if "teacher_data" in p.values)
    assert f"preset_{name}" in [button.key for button in opened().button]
    assert f"preset_{name}" not in [button.key for button in opened(hide="teacher_data").button]


def test_every_control_can_be_hidden():
    names = ",".join(TECHNIQUES["distillation"].settings.specs())
    page = opened(hide=names, temperature="9")
    assert not page.exception
    assert not page.number_input
    assert set_to(page)["temperature"] == 9
