"""A file from outside: what the lab exported comes back as it was, and nothing else gets in, whatever it is."""

import json
import random
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import importing, report
from app.bundled import recorded
from app.text import Translate
from kd_core.messages import Problem
from kd_core.settings import DISTILLED, TECHNIQUES


@pytest.fixture(scope="module")
def exported() -> dict:
    """A real export made small: two trials, few mistakes, two digits in the gallery."""
    record = json.loads(report.json(recorded("distillation")))
    record["gallery"] = record["gallery"][:2]
    for arm in record["arms"]:
        arm["trials"] = arm["trials"][:2]
        for trial in arm["trials"]:
            trial["mistakes"], trial["gallery_logits"] = trial["mistakes"][:9], trial["gallery_logits"][:2]
    return record


def refused(record) -> str:
    content = record if isinstance(record, bytes) else json.dumps(record).encode()
    with pytest.raises(Problem) as caught:
        importing.read(content)
    said = Translate("zh").escaped(caught.value.message)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in said)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def changed(record: dict, path: str, value) -> dict:
    """A copy of `record` with the value at "arms.0.name" changed."""
    copy = json.loads(json.dumps(record))
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    inner = copy
    for part in way:
        inner = inner[part]
    inner[last] = value
    return copy


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_what_was_exported_comes_back_but_for_the_networks(technique):
    whole = recorded(technique)
    assert importing.read(report.json(whole).encode()) == whole.without_networks()


def test_networks_are_left_out():
    assert recorded("distillation").networks()
    assert not importing.read(recorded("distillation").model_dump_json().encode()).networks()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff\xfe", b"null", b"[]", b"{}", b"1e999", b'{"technique": ', b"[" * 100_000, b'{"a":' * 50_000,
     b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.", b"9" * 10_000],
)  # fmt: skip
def test_what_is_no_result_is_refused_in_one_sentence(content):
    assert "no result of this lab" in refused(content)


def test_a_giant_is_refused_before_it_is_read():
    assert "at most 8,000,000" in refused(b" " * 8_000_001)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_random_bytes_are_refused(content):
    refused(content)


def test_a_file_cut_off_anywhere_is_refused(exported):
    content = json.dumps(exported).encode()
    dice = random.Random(0)
    for _ in range(15):
        refused(content[: dice.randrange(len(content) - 1)])


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("technique", "alchemy", "does not know"),
        ("version", 0, "version"),
        ("settings.temperature", 1e9, "temperature = 1000000000.0 is not allowed; it must be 0.5 to 50"),
        ("settings.temperature", "<script>", "not allowed"),
        ("settings.train_size", 10**9, "train_size"),
        ("settings.evil", 1, "no setting called evil"),
        ("data.validation", 0, "empty"),
        ("data.test", 10**15, "no measurement gives"),
        ("data.name", "<img src=x onerror=alert(1)>", "no plain text"),
        ("data.name", "see http://a.example", "no plain text"),
        ("data.name", "x" * 400, "no plain text"),
        ("provenance.processor", "[click](x)", "no plain text"),
        ("provenance.torch", "1\n2", "no plain text"),
        ("provenance.seconds", float("nan"), "no measurement gives"),
        ("provenance.seconds", float("inf"), "no measurement gives"),
        ("arms", [], "not those of the lab"),
        ("arms.0.name", "mystery", "not those of the lab"),
        ("arms.0.trials", [], "no trials"),
        ("arms.1.trials.1.seed", 0, "two of one seed"),
        ("arms.1.cost.parameters", -1, "below 0"),
        ("arms.1.cost.latency_ms", "NaN", "no measurement gives"),
        ("arms.1.trials.0.test_errors", 10_001, "add up"),
        ("arms.1.trials.0.curve", [[3, 10], [2, 10]], "add up"),
        ("arms.1.trials.0.curve", [[1, 5_001]], "add up"),
        ("arms.1.trials.0.curve", [], "add up"),
        ("arms.1.trials.0.confusion", [[1, 2], [3]], "add up"),
        ("arms.1.trials.0.mistakes", [[10_000, 3]], "add up"),
        ("arms.1.trials.0.gallery_logits", [[0.0]], "add up"),
        ("arms.1.errors_per_10000.low", 9999.0, "interval"),
        ("verdict.kind", "triumph", "a verdict"),
        ("verdict.arm", "student alone", None),
        ("verdict.baseline", "nobody", "is missing"),
        ("gallery.0.pixels", [0], "no image"),
        ("gallery.0.pixels", [256] * 784, "no image"),
        ("arms.0.trials", "none", "wrong kind"),
        ("extra", 1, "unknown"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_named(exported, path, value, said):
    record = changed(exported, path, value)
    if said is None:
        importing.read(json.dumps(record).encode())
    else:
        assert said in refused(record)


def test_a_missing_arm_is_refused(exported):
    record = changed(exported, "arms", [arm for arm in exported["arms"] if arm["name"] != DISTILLED])
    assert "missing" in refused(record)


@pytest.mark.parametrize("technique", ["multitask", "meta_learning"])
def test_what_its_figures_need_must_be_there(technique):
    record = json.loads(report.json(recorded(technique)))
    for arm in record["arms"]:
        for trial in arm["trials"]:
            trial["series"] = {}
    assert "drawn" in refused(record)


def test_a_strangers_sentences_are_not_said(exported):
    hostile = {"text": "**Buy** [here](http://a.example) {points.__class__}", "values": {"points": "1"}}
    record = changed(exported, "verdict.text", hostile)
    record["notes"] = [hostile, {"text": "{n:>999999999}", "values": {"n": "1"}}]
    record["verdict"]["scope"] = [hostile, *exported["verdict"]["scope"]]
    read = importing.read(json.dumps(record).encode())
    said = Translate("en")(read.verdict.text)
    assert said.startswith("“distilled student” is better than “student alone”: 3.19 points")
    assert read.notes == ()
    assert len(read.verdict.scope) == len(exported["verdict"]["scope"])


def test_known_sentences_take_plain_values_only(exported):
    for hostile in ("![i](http://a.example/b.png)", "<b>x</b>", "x" * 999):
        record = changed(exported, "verdict.text.values.points", hostile)
        assert hostile not in str(importing.read(json.dumps(record).encode()).verdict.text)


def test_anything_mutated_is_refused_or_safe(exported):
    """Change one leaf at random, many times: a Problem or a Result, and never anything else."""
    dice = random.Random(1)
    strange = [None, -1, 0, 1e308, -1e308, "", "x", [], {}, True, 10**30, "NaN", [[]], "‮"]
    for _ in range(25):
        record = json.loads(json.dumps(exported))
        inner, key = record, None
        while True:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            if not keys:
                break
            parent, key = inner, dice.choice(keys)
            if not isinstance(inner[key], dict | list) or dice.random() < 0.15:
                parent[key] = dice.choice(strange)
                break
            inner = inner[key]
        with suppress(Problem):
            importing.read(json.dumps(record).encode())
