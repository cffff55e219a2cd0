"""The page of a teacher's own logits: its examples, a file that is sent, consent, and what the browser gets."""

import base64
import io
import json

import numpy as np
import pytest

from app.distillation import teacher
from app.distillation.teacher import SENT_VALUES, example, facts, shown
from app.i18n.text import Translate
from kd_core.inspection.examples import hundred_classes
from kd_core.inspection.logits import checked
from kd_core.inspection.report import report
from kd_core.inspection.temperatures import TEMPERATURES
from tests.pages import open_page, texts

PAGE = "pages/teacher.py"


def sent(at) -> dict:
    """What the live part of the page was given; None where it is not shown."""
    found = [json.loads(part.proto.json)[0] for part in at.get("bidi_component") if "inspector" in part.proto.json
             or part.key == "live_inspector"]  # fmt: skip
    return found[0] if found else None


def upload(at, name, content):
    at.file_uploader(key="teacher_upload").set_value((name, content, "application/octet-stream")).run()
    assert not at.exception
    return at


def npy(values) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def test_the_labs_teacher_is_there_at_once():
    data = sent(open_page(PAGE))
    assert (data["facts"]["rows"], data["facts"]["classes"]) == (1000, 10)
    assert "1,000 rows, 10 classes." in data["said"]["facts"]
    assert "Best calibrated" in data["said"]["facts"]
    assert "Begin between T = 2.2 and T = 6.9, say at T = 4" in data["said"]["advice"]
    assert data["chosen"] == {"temperature": 4, "alpha": 0.9}
    assert data["facts"]["student"] is None


def test_the_address_chooses_the_example_and_the_temperature():
    data = sent(open_page(PAGE, source="hundred", temperature="2", alpha="0.5", lang="zh"))
    assert (data["facts"]["classes"], data["chosen"]) == (100, {"temperature": 2, "alpha": 0.5})
    assert data["facts"]["student"]["agreement"] > 0.5
    assert "1,500 行" in data["said"]["facts"]


def test_a_file_is_shown_and_another_that_is_bad_is_one_sentence():
    at = open_page(PAGE, source="own")
    assert sent(at) is None
    values = 5 * np.random.default_rng(0).normal(size=(50, 4))
    data = sent(upload(at, "mine.npy", npy(values)))
    assert (data["facts"]["rows"], data["facts"]["bins"], data["facts"]["calibration"]) == (50, None, None)
    assert "There are no labels" in data["said"]["facts"]
    upload(at, "mine.npy", npy(np.array([[1.0, np.nan]])))
    assert sent(at) is None
    assert "row 0, column 1 (counted from 0) is NaN" in texts(at).replace("\\", "")
    at.selectbox(key="source").select("mnist").run()
    assert sent(at)["facts"]["rows"] == 1000


def test_probabilities_are_shown_only_with_consent():
    at = open_page(PAGE, source="own")
    upload(at, "p.csv", b"label,cat,dog,owl\ncat,1,0,0\ndog,.2,.7,.1\nowl,.1,.1,.8\n")
    assert sent(at) is None
    assert "The rows are probabilities, not logits" in texts(at)
    at.checkbox[0].check().run()
    data = sent(at)
    assert data["facts"]["names"] == ["cat", "dog", "owl"]
    assert "2 probabilities were 0" in data["said"]["facts"]
    at.checkbox[0].uncheck().run()
    assert sent(at) is None


def unpacked(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def test_the_browser_gets_a_sample_with_the_most_unsure_and_the_wrong():
    logits = hundred_classes()
    found = example("hundred").facts
    rows = found["sample"]["rows"]
    assert len(rows) == 400 == len(set(rows))
    np.testing.assert_array_equal(unpacked(found["sample"]["logits"], "<f4").reshape(-1, 100), logits.values[rows])
    wrong = np.flatnonzero(logits.values.argmax(1) != logits.labels)
    assert len(set(wrong.tolist()) & set(rows)) >= 100
    wide = facts(report(checked(np.random.default_rng(0).normal(size=(90, 1000)))), "x")
    assert len(unpacked(wide["sample"]["logits"], "<f4")) <= SENT_VALUES
    assert len(json.dumps(wide)) < 800_000


def test_a_large_file_is_summed_up_by_a_sample_that_keeps_its_row_numbers(monkeypatch):
    logits = hundred_classes()
    part = shown(report(logits, 20_000), "x")
    assert (part.facts["used"], part.facts["rows"]) == (200, 1500)
    rows = part.facts["sample"]["rows"]
    np.testing.assert_array_equal(
        unpacked(part.facts["sample"]["logits"], "<f4").reshape(-1, 100), logits.values[rows]
    )
    assert "All means are those of 200 random rows." in " ".join(map(str, part.said))


@pytest.mark.parametrize("source", ["mnist", "hundred"])
def test_what_the_browser_gets_is_the_report(source):
    found = example(source).facts
    logits = teacher.mnist_teacher() if source == "mnist" else hundred_classes()
    whole = report(logits)
    assert set(TEMPERATURES) <= set(found["temperatures"])
    np.testing.assert_allclose(found["entropy"], whole.found.entropy, rtol=1e-5)
    if source == "mnist":
        alike = unpacked(found["alike"], "<u2").reshape(-1, 10, 10) / 65535
        np.testing.assert_allclose(alike, whole.found.alike, atol=1e-5)
    else:
        assert len(found["pairs"]) == len(found["temperatures"])


def test_each_convention_is_one_that_the_browser_computes():
    ids = {one["id"] for one in teacher.conventions(Translate("en"))}
    assert ids == {"rep", "torchdistill", "keras", "keras_before", "formula", "listing"}
