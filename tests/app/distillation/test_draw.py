"""The drawing page: which networks answer, what its address may say, and the reference of its centring."""

import base64

import numpy as np
import pytest
from scipy import ndimage

from app.distillation.draw import DrawSettings, networks, one_of_each, provenance
from app.i18n.text import Translate
from app.results.bundled import gallery, recorded
from kd_core.data import pixels
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.export import numpy_forward
from kd_core.messages import Problem
from kd_core.results.schema import Result
from kd_core.settings.common import TEACHER
from tests import centring
from tests.pages import open_page, texts
from tests.plain_digits import DIGITS

PAGE = "pages/draw.py"
_ = Translate("en")


def without_networks(result: Result) -> Result:
    arms = [
        arm.model_copy(update={"trials": tuple(t.model_copy(update={"weights": None}) for t in arm.trials)})
        for arm in result.arms
    ]
    return result.model_copy(update={"arms": tuple(arms)})


def test_the_recorded_runs_networks_answer_as_they_did():
    result = recorded("distillation")
    found = networks(result, _)
    assert [network["name"] for network in found] == [TEACHER, ALONE, DISTILLED]
    digits = result.gallery
    images = np.stack([np.frombuffer(base64.b64decode(d["pixels"]), np.uint8) for d in gallery()])
    inputs = ((images / np.float32(255) - np.float32(pixels.MEAN)) / np.float32(pixels.STD)).reshape(-1, 1, 28, 28)
    assert [d["index"] for d in gallery()] == [d.index for d in digits]
    for network in found:
        arm = result.arm(network["name"])
        logits = numpy_forward.logits(network["weights"], inputs.astype(np.float32))
        np.testing.assert_allclose(logits, arm.trials[0].gallery_logits, atol=1e-4)
        assert network["labels"] == f"{arm.labels:,}"
        assert network["errors"] == f"{arm.trials[0].test_errors:,}"


def test_networks_that_cannot_answer_are_named(small_result):
    with pytest.raises(Problem, match="have not seen MNIST"):
        networks(small_result, _)  # of the UCI digits
    with pytest.raises(Problem, match="contains no networks"):
        networks(without_networks(recorded("distillation")), _)


def test_one_test_digit_of_each_label():
    assert [digit["label"] for digit in one_of_each(gallery())] == list(range(10))


def test_the_page_says_which_networks_answer():
    result = recorded("distillation")
    said = provenance(result, True, _)
    assert f"recorded run of {result.provenance.created[:10]}" in said
    assert "121,930 parameters, each student 30,762" in said
    assert "recorded" not in provenance(result, False, _)


def test_the_address_sets_t_and_what_it_must_not_say_is_named():
    assert open_page(PAGE, temperature="8").session_state["temperature"] == 8
    wrong = open_page(PAGE, temperature="900")
    assert "temperature = 900, which is not allowed" in texts(wrong)
    assert wrong.session_state["temperature"] == DrawSettings().temperature
    assert "knows no finished run" in texts(open_page(PAGE, run="nobody"))


@pytest.mark.parametrize("can_answer", [True, False])
def test_the_sessions_own_run_answers_if_it_can(can_answer):
    own = recorded("distillation").model_copy(
        update={
            "provenance": recorded("distillation").provenance.model_copy(update={"created": "2031-01-02T03:04"})
        }
    )
    at = open_page(PAGE)
    at.session_state["result_distillation"] = own if can_answer else without_networks(own)
    at.run()
    assert not at.exception
    assert ("The recorded networks answer instead." in texts(at)) != can_answer


def test_the_reference_leaves_mnists_own_digits_as_they_are(mnist):
    images = pixels.test_images("MNIST")[:300]
    for image in images:
        np.testing.assert_array_equal(centring.of_image(image), image)  # to the last byte
    centres = np.array([ndimage.center_of_mass(image) for image in images])
    assert ((centres >= 13.5) & (centres < 14.5)).all()


def test_plain_digits_need_a_stroke_as_wide_as_mnists():
    network = networks(recorded("distillation"), _)[0]["weights"]

    def right(pen):
        seen = np.stack([
            centring.of_strokes(strokes, pen or centring.fitting(np.concatenate([np.asarray(s) for s in strokes])))
            for strokes in DIGITS
        ])  # fmt: skip
        inputs = (seen[:, None] / np.float32(255) - np.float32(pixels.MEAN)) / np.float32(pixels.STD)
        return int((numpy_forward.logits(network, inputs.astype(np.float32)).argmax(1) == np.arange(10)).sum())

    assert right(None) >= 9  # brought to MNIST's width
    assert right(1 / 200) <= 5  # why it has to be


def test_the_reference_undoes_scale_and_place(mnist):
    for image in pixels.test_images("MNIST")[:20]:
        moved = np.pad(np.kron(image, np.ones((3, 3), np.uint8)), ((5, 90), (40, 2)))
        np.testing.assert_allclose(centring.of_image(moved).astype(float), image, atol=1)
