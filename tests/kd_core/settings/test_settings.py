"""What may be set, what is refused, and how the refusal reads."""

import json
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_core.distillation.presets import DISTILLATION_LIMITS, DISTILLATION_PRESETS, HINTON_PRESETS
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import Problem
from kd_core.meta_learning.presets import META_PRESETS
from kd_core.meta_learning.settings import MetaSettings
from kd_core.multitask.presets import MULTITASK_PRESETS
from kd_core.multitask.settings import MultitaskSettings
from kd_core.settings.base import Preset
from kd_core.settings.fields import written
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.presets import TRANSFER_PRESETS
from kd_core.transfer.settings import TransferSettings

# Other parameters of the address.
RESERVED = {"run", "lang", "present", "step", "lesson", "speaker", "hide", "embed", "embed_options"}


@pytest.mark.parametrize("value", ["0", "-3", "nan", "NaN", "inf", "abc", "1e9", "", "4,5"])
def test_bad_temperatures_are_refused_with_name_value_range_and_source(value):
    with pytest.raises(Problem) as caught:
        DistillationSettings.parse({"temperature": value}, "the address")
    sentence = str(caught.value)
    assert "temperature" in sentence
    assert "0.5 to 50" in sentence
    assert sentence.startswith("the address")


@pytest.mark.parametrize(
    ("name", "value"),
    [("alpha", 1.5), ("alpha", -1), ("train_size", 0), ("train_size", 10**9), ("student", "resnet"),
     ("epochs", 2.5), ("seeds", 0), ("device", "tpu"), ("learning_rate", 0)],
)  # fmt: skip
def test_bad_values_are_refused(name, value):
    with pytest.raises(Problem, match=name):
        DistillationSettings.parse({name: value})
    with pytest.raises(Problem, match=name):
        DistillationSettings.parse_json(json.dumps({name: value}))


@pytest.mark.parametrize("text", ["", "[]", "4", "{", "null", b"\xff", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(Problem, match="not a JSON object"):
        DistillationSettings.parse_json(text)


@pytest.mark.parametrize(
    "text", ['{"temperature": NaN}', '{"temperature": "abc"}', '{"temperature": 1e9}', '{"temperature": true}']
)
def test_bad_json_values_are_refused(text):
    with pytest.raises(Problem, match="temperature"):
        DistillationSettings.parse_json(text)


def test_unknown_setting_names_those_there_are():
    with pytest.raises(Problem, match=r"temprature.*temperature, alpha"):
        DistillationSettings.parse({"temprature": 4})


@given(st.floats(0.5, 50), st.floats(0, 1), st.integers(50, 55_000))
def test_text_round_trip(temperature, alpha, train_size):
    made = DistillationSettings(temperature=temperature, alpha=alpha, train_size=train_size)
    assert DistillationSettings.parse({k: str(v) for k, v in made.model_dump().items()}) == made
    assert DistillationSettings.parse_json(made.model_dump_json()) == made


def test_key_depends_on_every_field_and_the_version():
    base = DistillationSettings(precision="float32", device="cpu")
    assert base.key(1, "MNIST") == base.model_copy().key(1, "MNIST")
    with pytest.raises(ValueError, match="resolved"):
        DistillationSettings().key(1, "MNIST")
    assert base.key(1, "MNIST") != base.key(2, "MNIST")
    assert base.key(1, "MNIST") != base.model_copy(update={"seed": 1}).key(1, "MNIST")


def test_every_field_tells_what_it_is():
    for technique in (one.settings for one in TECHNIQUES.values()):
        for spec in technique.specs().values():
            assert spec.label
            assert spec.help.endswith(".")
            assert spec.name not in RESERVED
            if not spec.choices and spec.kind is not bool:
                assert spec.low is not None
                assert spec.high is not None
                assert spec.step
                assert spec.low <= spec.default <= spec.high


def test_settings_are_frozen_and_problems_survive_pickling():
    with pytest.raises(ValueError, match="frozen"):
        DistillationSettings().temperature = 3
    problem = pickle.loads(pickle.dumps(Problem("{a} is wrong.", a=3)))
    assert str(problem) == "3 is wrong."
    assert problem.message.values == {"a": 3}


@pytest.mark.parametrize(
    ("settings", "preset"),
    [
        (DistillationSettings, preset)
        for offered in (DISTILLATION_PRESETS, HINTON_PRESETS, DISTILLATION_LIMITS)
        for preset in offered.values()
    ]
    + [(TransferSettings, p) for p in TRANSFER_PRESETS.values()]
    + [(MultitaskSettings, p) for p in MULTITASK_PRESETS.values()]
    + [(MetaSettings, p) for p in META_PRESETS.values()],
    ids=lambda value: value.label if isinstance(value, Preset) else "",
)
def test_numbers_that_a_preset_names_are_those_it_sets(settings, preset):
    parsed = settings.parse(preset.values)
    set_to = {f"{value:g}" for value in preset.values.values() if not isinstance(value, bool | str)}
    words = " ".join(str(value) for value in preset.values.values() if isinstance(value, str))
    for number in re.findall(r"\d[\d,.]*", f"{preset.label} {preset.help}"):
        plain = number.rstrip(",.").replace(",", "")
        assert plain in set_to or plain in words, f"{number} is set nowhere"
    assert parsed.model_dump() != settings().model_dump() or not preset.values


@pytest.mark.parametrize("given", ["1_0", "１０", "0x10", "1e", "", " ", "ten", "--1", "1,5", "inf", "nan"])
def test_text_that_python_alone_would_read_as_a_number_is_none(given):
    for name in ("temperature", "epochs"):
        with pytest.raises(Problem, match="is not allowed"):
            DistillationSettings.parse({name: given})


@given(st.floats(0.5, 50) | st.sampled_from([0.555, 4.05, 0.5 + 0.1 + 0.2]))
def test_a_number_is_written_whole_and_reads_back_as_itself(value):
    assert DistillationSettings.parse({"temperature": written(value)}).temperature == value
    assert DistillationSettings.specs()["temperature"].written(value) == written(value)


def test_numbers_are_written_as_people_do():
    assert [written(value) for value in (8.0, 0.5, 0.555, 1e-05, 20, True, "mlp300")] == [
        "8", "0.5", "0.555", "1e-05", "20", "true", "mlp300"
    ]  # fmt: skip


def test_what_can_be_chosen_has_room_in_its_field():
    """A field of choices is an input: what is longer than about 35 letters is cut and cannot wrap."""
    for settings in (one.settings for one in TECHNIQUES.values()):
        for name, spec in settings.specs().items():
            for label in (spec.choices or {}).values():
                assert len(label) <= (41 if name == "teacher" else 35), (
                    name,
                    label,
                )  # a teacher's is a network's name
