"""A file from outside: what the lab exported comes back as it was, and nothing else gets in, whatever it is."""

import json
import random
import re
from contextlib import suppress
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.history import importing
from app.history.consistent import contradictions
from app.i18n.text import Translate
from app.reports import files
from app.results.bundled import recorded
from kd_core.distillation.settings import DISTILLED
from kd_core.messages import Problem
from kd_core.results.wording import answers
from kd_core.techniques import TECHNIQUES


@pytest.fixture(scope="module")
def exported() -> dict:
    """A real export with two digits in its gallery."""
    record = json.loads(files.json(recorded("distillation")))
    record["gallery"] = record["gallery"][:2]
    for arm in record["arms"]:
        for trial in arm["trials"]:
            trial["gallery_logits"] = trial["gallery_logits"][:2]
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
    assert importing.read(files.json(whole).encode()) == whole.without_networks()


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


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        ("arms.1.trials.0.curve_images", 1_000, "add up"),
        ("arms.1.trials.0.curve_end", 1, "add up"),
        ("arms.1.trials.0.confusion", [[1, 2], [3]], "add up"),
        ("arms.1.trials.0.mistakes", [[10_000, 3]], "add up"),
        ("arms.1.trials.0.gallery_logits", [[0.0]], "add up"),
        ("arms.1.errors_per_10000.low", 9999.0, "interval"),
        ("verdict.kind", "triumph", "a verdict"),
        ("verdict.arm", "student alone", "contradicts itself"),
        ("verdict.baseline", "nobody", "is missing"),
        ("gallery.0.pixels", [0], "no image"),
        ("gallery.0.pixels", [256] * 784, "no image"),
        ("arms.0.trials", "none", "wrong kind"),
        ("extra", 1, "unknown"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_named(exported, path, value, said):
    assert said in refused(changed(exported, path, value))


def test_a_missing_arm_is_refused(exported):
    record = changed(exported, "arms", [arm for arm in exported["arms"] if arm["name"] != DISTILLED])
    assert "missing" in refused(record)


@pytest.mark.parametrize("technique", ["distillation", "transfer"])
def test_what_its_figures_need_must_be_there(technique):
    record = json.loads(files.json(recorded(technique)))
    for arm in record["arms"]:
        for trial in arm["trials"]:
            trial["gallery_logits"] = []
    assert "drawn" in refused(record)


# It must not contradict itself. Each path is changed in a real export, and must be named in what is said.

COUNTS = [
    ("arms.1.trials.0.test_errors", 12),
    ("arms.1.trials.2.confusion.3.5", 999),
    ("arms.1.trials.0.mistakes.0.1", 9),
    ("arms.1.trials.0.mistakes", []),
    ("arms.1.trials.0.bins.14.count", 1),
    ("arms.1.trials.0.bins.14.correct", 0),
    ("arms.1.trials.0.bins.14.confidence", 0.5),
    ("arms.1.trials.0.gallery_logits.0.7", 1e6),
    ("arms.1.trials.4.seed", 77),
    ("arms.1.errors_per_10000.mean", 400.0),
    ("arms.1.errors_per_10000.low", 0.0),
    ("arms.1.errors_per_10000.high", 9999.0),
    ("arms.1.errors_per_10000.n", 4),
    ("arms.1.errors_per_10000.confidence", 0.9),
    ("arms.1.labels", 7),
    ("arms.1.cost.bytes", 4),
    ("verdict.difference.mean", 3.0),
    ("verdict.difference.low", -90.0),
    ("verdict.difference.n", 50),
    ("verdict.kind", "undetectable"),
    ("verdict.text.values.points", "99"),
    ("verdict.text.values.n", 50),
    ("verdict.text.values.low", "+3.00"),
    ("data.test", 9_000),
    ("settings.epochs", 31),
    ("settings.seeds", 6),
    ("settings.seed", 1),
]
SPOILT = {
    "distillation": [
        *COUNTS, ("arms.2.teacher_labels", 500), ("arms.0.shared", False), ("settings.train_size", 501),
        ("settings.arm_shuffled", True), ("data.train", 54_000), ("verdict.scope.1.values.teacher", "9"),
        ("gallery.0.label", 9),
    ],
    "transfer": [
        *COUNTS[:4], ("arms.2.teacher_labels", 5), ("settings.labels_per_class", 11), 
        ("comparisons.0.kind", "better"),
        ("comparisons.1.difference.mean", 3.0), ("comparisons.2.text.values.points", "9.99"),
        ("arms.1.trials.0.measures.distance, layer 2", 0.5),
        ("arms.2.trials.0.measures.trainable parameters", 650.0), ("verdict.scope.1.values.source", "9"),
    ],
    "multitask": [
        *COUNTS[:4], ("arms.2.trials.0.measures.delta_m", -30.0), ("settings.train_size", 999),
        ("arms.2.trials.1.measures.share of steps in conflict", 0.9), ("arms.2.trials.0.measures.steps", 3.0),
        ("arms.2.trials.0.series.cosine", [-1.0] * 20), ("arms.2.trials.0.series.norm, left", [1.0]),
        ("arms.2.trials.0.series.weight, left", [3.0] * 20), ("settings.weight_left", 3.0),
        ("settings.tasks", "digit_parity"), ("comparisons.0.difference.high", 9.0),
    ],
    "meta_learning": [
        ("arms.0.score.mean", 0.5), ("arms.0.score.low", 0.1), ("arms.0.score", None), ("settings.inner_steps", 3),
        ("arms.0.trials.0.series.query loss.1", 0.1), ("arms.0.trials.0.series.by task, after.0", 99.0),
        ("arms.0.trials.0.series.by task, before", [1.0]), ("arms.0.trials.0.series.meta-steps.10", 99.0),
        ("arms.0.trials.0.series.validation loss", [1.0]), ("arms.0.trials.0.series.steps.3", 8.0),
        ("arms.0.labels", 5), ("arms.0.teacher_labels", 5), ("settings.shots", 9), ("settings.iterations", 999),
        ("arms.0.errors_per_10000.n", 5), ("settings.reptile", True), ("data.train", 9), ("data.test", 99),
        ("verdict.difference.mean", 1.0), ("verdict.text.values.times", "9.99"), ("verdict.kind", "worse"),
        ("verdict.scope.0.values.steps", 9), ("comparisons.1.difference.low", 0.0), ("settings.seeds", 2),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def whole() -> dict[str, dict]:
    return {technique: json.loads(files.json(recorded(technique))) for technique in TECHNIQUES}


@pytest.mark.parametrize(("technique", "path", "value"), [  # every second one by make proof
    pytest.param(technique, *change, marks=[pytest.mark.proof] * (place % 2))
    for technique, changes in SPOILT.items() for place, change in enumerate(changes)
])  # fmt: skip
def test_what_follows_from_the_rest_must_stand_there(technique, path, value, whole):
    said = refused(changed(whole[technique], path, value))
    assert "contradicts itself" in said or "does not fit together" in said
    if "contradicts itself" in said:
        assert re.search(r"“[^”]*(arms|verdict|comparisons|data|measure)[^”]*” says", said)  # a place in the JSON


def test_the_sentence_names_the_place_and_both_numbers(whole):
    result = recorded("distillation")
    counted = result.arms[2].trials[0].test_errors
    said = refused(changed(whole["distillation"], "arms.2.trials.0.test_errors", 12))
    assert "“arms.2.trials.0.test_errors” says 12, but from “arms.2.trials.0.confusion” " in said
    assert f"follows {counted}." in said


def test_a_sentence_of_the_other_direction_is_refused(whole):
    for technique in TECHNIQUES:
        record = whole[technique]
        is_worse = record["verdict"]["kind"] == "worse"
        better, worse = next(pair for pair in answers() if record["verdict"]["text"]["text"] in pair)
        other = changed(record, "verdict.text.text", better if is_worse else worse)
        assert "verdict.text" in refused(other)


def test_any_count_that_is_changed_is_refused(whole):
    """One number among confusion, errors, mistakes and intervals at random, by one."""
    dice = random.Random(2)
    for technique in ("distillation", "transfer", "multitask"):
        for _ in range(4):
            record = json.loads(json.dumps(whole[technique]))
            trial = dice.choice(dice.choice(record["arms"])["trials"])
            row = dice.choice(trial["confusion"])
            what = dice.choice(["test_errors", "confusion", "answer", "count"])
            if what == "test_errors":
                trial["test_errors"] += dice.choice([-1, 1])
            elif what == "confusion":
                row[dice.randrange(len(row))] += 1
            elif what == "answer":
                mistake = dice.choice(trial["mistakes"])
                mistake[1] = (mistake[1] + 1) % len(row)
            else:
                dice.choice([b for b in trial["bins"] if b["count"]])["count"] += 1
            assert "contradicts itself" in refused(record) or "add up" in refused(record)


@pytest.mark.parametrize("settings_of", [
    dict(technique="transfer", task="rotated", epochs=2, seeds=2, labels_per_class=2, network="small",
         source_epochs=1),
    dict(technique="multitask", tasks="digit_angle", train_size=60, epochs=2, seeds=2, body="small"),
    pytest.param(dict(technique="multitask", tasks="digit_parity_five", train_size=60, epochs=1, seeds=1,
                      body="small", weighting="dwa"), marks=pytest.mark.proof),
    dict(technique="meta_learning", problem="digits", iterations=1, meta_batch=1, seeds=1, shots=1, queries=2,
         inner_steps=1),
    pytest.param(dict(technique="meta_learning", iterations=2, meta_batch=2, seeds=2, reptile=True,
                      first_order=True, inner_steps=3), marks=pytest.mark.proof),
])  # fmt: skip
def test_what_runs_leave_does_not_contradict_itself(settings_of, tiny, uci, quick_teachers, few_tasks):
    technique = settings_of["technique"]
    chosen = {name: value for name, value in settings_of.items() if name != "technique"}
    asked = TECHNIQUES[technique].settings.parse({**chosen, "device": "cpu", "precision": "float32"})
    *_, result = import_module(f"kd_core.{technique}").run(asked, uci if technique == "meta_learning" else tiny)
    assert importing.read(files.json(result).encode()) == result.without_networks()


def test_controls_and_digits_left_out_do_not_contradict_themselves(small_result, without_threes):
    for result in (small_result, without_threes):
        assert list(contradictions(result)) == []


def test_a_strangers_sentences_are_not_said(exported):
    hostile = {"text": "**Buy** [here](http://a.example) {points.__class__}", "values": {"points": "1"}}
    record = changed(exported, "verdict.text", hostile)
    record["notes"] = [hostile, {"text": "{n:>999999999}", "values": {"n": "1"}}]
    record["verdict"]["scope"] = [hostile, *exported["verdict"]["scope"]]
    read = importing.read(json.dumps(record).encode())
    said = Translate("en")(read.verdict.text)
    points = exported["verdict"]["difference"]["mean"]
    assert said.startswith(f"“distilled student” is better than “student alone”: {points:.2f} points")
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
