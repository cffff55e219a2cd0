"""Size against error: the recording is whole, and a cell is what a run comes to."""

import json

import numpy as np
import pytest
from scipy import stats

from app.distillation.sizes import files, sizes
from app.results.bundled import ASSETS
from assets.sizes import SEEDS, STUDENTS, TEACHERS, measure
from kd_core.distillation import trainer
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.export import onnx
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded

FORMS = ("float32", "int8")


def test_the_recording_has_every_file_and_is_of_the_present_trainer():
    recorded = sizes()
    assert (ASSETS / "recorded-sizes.json").stat().st_size < 50_000
    assert recorded["version"] == trainer.VERSION
    settings = DistillationSettings()
    assert {name: getattr(settings, name) for name in recorded["settings"]} == recorded["settings"]
    assert tuple(recorded["students"]) == tuple(recorded["times"]["student"]) == STUDENTS
    assert tuple(recorded["times"]["teacher"]) == TEACHERS
    assert recorded["teacher"]["float32"]["test"] == [88]  # the bundled teacher's, as the run counts them
    for arms in recorded["students"].values():
        for arm in ("alone", "distilled"):
            for form in FORMS:
                assert {len(counts) for counts in arms[arm][form].values()} == {SEEDS}
    for name, time in recorded["times"]["student"].items():
        network = build(name, "student", seeded(0, "any"))
        assert time["parameters"] == sum(p.numel() for p in network.parameters())
        assert time["bytes"]["float32"] > 4 * time["parameters"] > time["bytes"]["float32"] - 4_000
        assert time["bytes"]["int8"] > time["parameters"]


def test_a_file_has_the_errors_of_its_seeds_with_their_interval():
    found = next(f for f in files() if (f["network"], f["arm"], f["form"]) == ("MLP 30-30", "distilled", "int8"))
    counts = np.array(sizes()["students"]["mlp30"]["distilled"]["int8"]["test"]) / 100
    low, high = stats.t.interval(0.95, SEEDS - 1, counts.mean(), stats.sem(counts))
    assert found["test"] == pytest.approx({"mean": counts.mean(), "low": low, "high": high}, abs=1e-3)
    teacher = [f for f in files() if f["arm"] == "teacher"]
    assert [f["test"]["low"] for f in teacher] == [None, None]
    assert len(files()) == 4 * len(STUDENTS) + 2
    json.dumps(files())


@pytest.mark.skipif(not onnx.installed(), reason="onnx and onnxruntime are optional")
def test_a_cell_is_what_a_run_comes_to_and_int8_costs_hardly_an_error(mnist):
    found = measure("mlp30", 0)
    for arm, name in ((ALONE, "alone"), (DISTILLED, "distilled")):
        for form in FORMS:
            recorded = sizes()["students"]["mlp30"][name][form]
            for split, most in (("validation", 15), ("test", 30)):  # other processors round otherwise
                assert found[arm][form][split] == pytest.approx(recorded[split][0], abs=most)
