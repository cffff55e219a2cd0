"""Drawing in a browser: the same 28x28 as a reference, the networks' own answers, by mouse, finger and keyboard."""

import base64
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.distillation.draw import networks
from app.i18n.text import Translate
from app.results.bundled import recorded
from kd_core.data import pixels
from kd_core.data.pixels import MEAN, STD
from kd_core.export import numpy_forward
from tests import centring
from tests.browser.conftest import ROOT, has_value, silent
from tests.plain_digits import DIGITS, drawn

pytestmark = pytest.mark.browser
PARTS = ROOT / "app" / "distillation" / "components" / "draw"
SEVEN = [[[0.25, 0.24], [0.5, 0.23], [0.74, 0.23], [0.62, 0.45], [0.52, 0.64], [0.46, 0.82]]]
SMALL_ONE = [[[0.1, 0.15], [0.13, 0.12], [0.16, 0.4]]]
PLUS_IN_A_CORNER = [[[0.7, 0.95], [0.99, 0.9]], [[0.8, 0.7], [0.86, 1.0]], [[0.75, 0.8]]]
# Of a pixel's 255 levels, to the reference. No stroke here has its centre of mass within a hundredth of a pixel of
# the border between two moves: there, both are right and a whole row apart.
MEAN_OFF, MOST_OFF = 0.6, 0.1 * 255

NETWORKS = networks(recorded("distillation"), Translate("en"))


def logits(seen):
    """The three networks' logits of a 28x28 of bytes, in numpy."""
    image = ((seen.astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(STD))[None, None]
    return np.array([numpy_forward.logits(network["weights"], image)[0] for network in NETWORKS])


def softmax(z, temperature):
    e = np.exp((z - z.max(-1, keepdims=True)) / temperature)
    return e / e.sum(-1, keepdims=True)


def near(seen, reference):
    off = np.abs(seen.astype(float) - reference)
    assert off.mean() < MEAN_OFF
    assert off.max() < MOST_OFF


@pytest.fixture(scope="module")
def scripts(chromium):
    """A blank page with the parts that compute: ink, centring, networks, examples, pictures."""
    page = chromium.new_page()
    parts = ("ink.js", "net.js", "examples.js", "picture.js")
    page.add_script_tag(content="\n".join((PARTS / f"draw.{part}").read_text(encoding="utf-8") for part in parts))
    yield page
    page.close()


def test_strokes_give_the_references_28x28(scripts):
    recorded_strokes = scripts.evaluate("EXAMPLES")
    for strokes in [*recorded_strokes.values(), SEVEN, SMALL_ONE, PLUS_IN_A_CORNER]:
        made = scripts.evaluate(
            "strokes => Array.from(centred(inkOfStrokes(strokes)).pixels)", strokes,
        )  # fmt: skip
        near(np.array(made).reshape(28, 28), centring.of_strokes(strokes))
    assert scripts.evaluate("() => centred(blank())") is None


def test_the_networks_in_javascript_give_numpys_logits(scripts):
    generator = np.random.default_rng(0)
    for network, expected in zip(NETWORKS, range(3), strict=True):
        for seen in (generator.integers(0, 256, (28, 28)), np.zeros((28, 28), int), centring.of_strokes(SEVEN)):
            made = scripts.evaluate(
                "([weights, pixels]) => logitsOf(networkOf(weights), Uint8Array.from(pixels))",
                [base64.b64encode(network["weights"]).decode(), seen.ravel().tolist()],
            )
            np.testing.assert_allclose(made, logits(seen)[expected], atol=1e-4)


@pytest.fixture(scope="module")
def visit(open_once):
    """The page, opened once for a mouse, keys and files, and what it sends to the server."""
    sent = []
    page = open_once("/draw?temperature=2", sent=sent)
    page.locator(".draw .panel .column").first.wait_for()
    page.get_by_text("Draw over this example").wait_for()
    return SimpleNamespace(page=page, sent=sent)


def shown(page):
    """The 28x28 as it is drawn."""
    values = page.locator(".draw .seen canvas").evaluate(
        "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 28, 28).data)"
    )
    return np.array(values).reshape(28, 28, 4)[..., 0]


def answers(page):
    """The live bars' probabilities as drawn: [network, digit]."""
    heights = page.locator(".draw .column .solid").evaluate_all(
        "bars => bars.map(bar => +bar.style.getPropertyValue('--p'))"
    )
    return np.array(heights).reshape(3, 10)


def status(page):
    return page.locator(".draw [role=status]")


def drag(page, stroke):
    box = page.locator(".draw .pad canvas").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def settle(page):
    """What a stroke brings is drawn with the next frame."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_seven_by_mouse_is_seen_answered_and_never_sent(visit):
    page, sent = visit.page, visit.sent
    silent(page, sent)
    drag(page, SEVEN[0])  # and the example has gone
    settle(page)
    seen = shown(page)
    near(seen, centring.of_strokes(SEVEN))
    expected = logits(seen)
    np.testing.assert_allclose(answers(page), softmax(expected, 2), atol=1e-3)
    assert status(page).inner_text() == "All three answer 7."
    assert page.locator(".draw .panel .answer").all_inner_texts() == ["7", "7", "7"]

    slider = page.get_by_role("slider", name="Temperature T", exact=True)
    slider.evaluate("e => { e.value = 9.5; e.dispatchEvent(new Event('input', { bubbles: true })); }")
    np.testing.assert_allclose(answers(page), softmax(expected, 9.5), atol=1e-3)
    teacher, alone, distilled = softmax(expected, 9.5)
    bits = [np.sum(teacher * np.log2(teacher / student)) for student in (alone, distilled)]
    said = re.findall(r"(\d\.\d+) bits", page.locator(".draw .nearer").inner_text())
    np.testing.assert_allclose([float(number) for number in said], bits, atol=6e-3)
    assert sent == []

    page.get_by_role("button", name="T = 20", exact=True).click()
    page.wait_for_url("**temperature=20**")  # told once, when it is released; the drawing stays
    np.testing.assert_array_equal(shown(page), seen)
    has_value(slider, 20)
    page.get_by_role("button", name="Undo").click()
    assert status(page).inner_text() == "Nothing is drawn yet."
    assert not shown(page).any()
    assert page.get_by_text("Draw a digit here").is_visible()


def test_by_keyboard_a_test_digit_and_a_stroke_on_it_undone(visit):
    page = visit.page
    page.get_by_role("button", name="T = 4", exact=True).click()
    digits = json.loads((ROOT / "assets" / "gallery.json").read_text(encoding="utf-8"))["digits"]
    page.get_by_role("button", name="Put a test digit labelled 0 on the pad").focus()
    for _key in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    four = next(digit for digit in digits if digit["label"] == 4)
    pixels = np.frombuffer(base64.b64decode(four["pixels"]), np.uint8).reshape(28, 28)
    np.testing.assert_array_equal(shown(page), pixels)  # as it is, not centred once more
    np.testing.assert_allclose(answers(page)[0], softmax(np.array(four["logits"]), 4), atol=1e-3)
    drag(page, [[0.1, 0.1], [0.2, 0.1]])
    settle(page)
    assert (shown(page) != pixels).any()
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(shown(page), pixels)


def picture(paper, ink, kind="PNG", slope=0):
    """SEVEN in `ink` on `paper`, with dust, as on a photograph that gets darker to the right by `slope`."""
    image = Image.new("L", (900, 600), paper)
    pen = ImageDraw.Draw(image)
    pen.line([(150 + 600 * x, 600 * y) for x, y in SEVEN[0]], ink, width=50, joint="curve")
    for x, y in (SEVEN[0][0], SEVEN[0][-1]):
        pen.circle((150 + 600 * x, 600 * y), 25, ink)
    pen.circle((60, 500), 5, ink)
    shaded = np.clip(np.array(image, float) - slope * np.linspace(0, 1, 900), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(shaded).save(file, kind)
    return {"name": f"seven.{kind.lower()}", "mimeType": f"image/{kind.lower()}", "buffer": file.getvalue()}


TWO_LOADED = """async base64 => {
    const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
    return centred(await inkOfFile(new File([bytes], "two.png", { type: "image/png" }))).two;
}"""
LOADED = """async ([name, type, base64]) => {
    const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
    return Array.from(centred(await inkOfFile(new File([bytes], name, { type }))).pixels);
}"""


def base64_of(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    "loaded",
    [picture(240, 20), picture(10, 250), picture(230, 40, "JPEG", slope=90)],
    ids=["ink", "chalk", "shadow"],
)
def test_a_loaded_picture_becomes_ink(scripts, loaded):
    file = [loaded["name"], loaded["mimeType"], base64.b64encode(loaded["buffer"]).decode()]
    made = scripts.evaluate(LOADED, file)
    seen = np.array(made).reshape(28, 28)
    near_scan = np.abs(seen.astype(float) - centring.of_strokes(SEVEN)).mean()
    assert near_scan < 8  # a scanned line's edges are not a pen's to the pixel
    assert (logits(seen).argmax(1) == 7).all()


PENS = [1 / 400, 1 / 10]
BETWEEN = [1 / 200, 1 / 100, 1 / 60, 1 / 40, 1 / 25, 1 / 16]
SIDES = ["askew rt"]
FURTHER = ["lrtb", "askew", "tb", "l", "lb"]


def in_proof(values):
    return [pytest.param(value, marks=pytest.mark.proof) for value in values]


def seen_of(scripts, images):
    """The 28x28 of pictures, as the page makes them: [n, 28, 28]."""
    made = [scripts.evaluate(LOADED, ["digit.png", "image/png", base64_of(image)]) for image in images]
    return np.array(made).reshape(-1, 28, 28)


def right(seen):
    """How many of ten pictures of 0 to 9 the teacher answers rightly."""
    return sum(int(logits(digit)[0].argmax()) == number for number, digit in enumerate(seen))


@pytest.mark.parametrize("pen", [*PENS, *in_proof(BETWEEN)])
def test_ten_plain_digits_are_known_at_every_width_of_the_pen(scripts, pen):
    seen = seen_of(scripts, [drawn(strokes, pen) for strokes in DIGITS])
    assert right(seen) >= 9
    for strokes, digit in [*zip(DIGITS, seen, strict=True)][1:]:  # the 0 lies on the border between two moves
        points = np.concatenate([np.asarray(stroke) for stroke in strokes])
        wide = 20 * pen / (np.ptp(points, axis=0).max() + pen)
        if wide < 0.8:  # brought to MNIST's width
            reference = centring.of_strokes(strokes, centring.fitting(points))
            assert np.abs(digit.astype(float) - reference).mean() < 8


@pytest.mark.parametrize("margin", [*in_proof([0.03]), 0.1])
@pytest.mark.parametrize("sides", [*SIDES, *in_proof(FURTHER)])
def test_ten_plain_digits_are_known_with_a_dark_margin(scripts, margin, sides):
    def with_margin(strokes):
        image = drawn(strokes, 1 / 100)
        if "askew" in sides:  # a sheet that lies askew on a desk
            image = image.rotate(100 * margin, Image.Resampling.BICUBIC, fillcolor=25)
        pencil, wide = ImageDraw.Draw(image), round(800 * margin)
        for side, box in dict(l=(0, 0, wide, 799), r=(799 - wide, 0, 799, 799), t=(0, 0, 799, wide),
                              b=(0, 799 - wide, 799, 799)).items():  # fmt: skip
            if side in sides.removeprefix("askew"):
                pencil.rectangle(box, 25)
        return image

    seen = seen_of(scripts, [with_margin(strokes) for strokes in DIGITS])
    assert right(seen) >= 9


@pytest.mark.parametrize("size", [1, 0.5, 0.18])
def test_ten_plain_digits_are_known_however_small_they_are_on_the_pad(scripts, size):
    smaller = [[(0.6 + size * (np.array(stroke) - 0.5)).tolist() for stroke in strokes] for strokes in DIGITS]
    if size == 1:
        smaller = DIGITS
    made = [scripts.evaluate("strokes => Array.from(centred(inkOfStrokes(strokes)).pixels)", s) for s in smaller]
    seen = np.array(made).reshape(-1, 28, 28)
    assert right(seen) >= 9
    for strokes, digit in [*zip(smaller, seen, strict=True)][1:]:  # the 0 lies on the border between two moves
        assert np.abs(digit.astype(float) - centring.of_strokes(strokes)).mean() < 3


def test_no_test_digit_of_mnist_is_widened(scripts, mnist):
    for image in pixels.test_images("MNIST")[:200]:
        assert scripts.evaluate(
            "pixels => { const ink = enlarged(Uint8Array.from(pixels)); return widened(ink) === ink; }",
            image.ravel().tolist(),
        )


def beside(left, right, gap):
    """Two digits, each half as large, with `gap` between their ink, in pens' widths."""

    def half(strokes, start):
        low = min(x for stroke in strokes for x, _y in stroke)
        return [[[(x - low) / 2 + start, y / 2 + 0.25] for x, y in stroke] for stroke in strokes]

    first = half(DIGITS[left], 0.1)
    end, pen = max(x for stroke in first for x, _y in stroke), 0.05
    for _time in range(9):  # the gap makes the whole wider, and with it the pen that fits
        both = [*first, *half(DIGITS[right], end + (1 + gap) * pen)]
        pen = min(1 / 12, centring.fitting(np.concatenate([np.asarray(stroke) for stroke in both])))
    return both


FIVE_APART = [[[0.7, 0.16], [0.4, 0.16]], [[0.37, 0.29], *DIGITS[5][0][2:]]]


def test_two_digits_in_one_picture_are_noticed_and_a_five_whose_top_stands_apart_is_one(scripts):
    two = "strokes => centred(inkOfStrokes(strokes)).two"
    for left, right_one in [(1, 2), (4, 7), (3, 5), (0, 8), (1, 1)]:
        assert scripts.evaluate(two, beside(left, right_one, 1.4))
        assert not scripts.evaluate(two, beside(left, right_one, 0.6))
        pen = drawn(beside(left, right_one, 2), 1 / 100)
        assert scripts.evaluate(TWO_LOADED, base64_of(pen))
    for strokes in [*DIGITS, FIVE_APART, *scripts.evaluate("Object.values(EXAMPLES)")]:
        assert not scripts.evaluate(two, strokes)
    for pen in (1 / 200, 1 / 40, 1 / 14):
        assert not scripts.evaluate(TWO_LOADED, base64_of(drawn(FIVE_APART, pen)))


def test_a_file_that_cannot_be_used_is_refused(scripts):
    refused = "file => inkOfFile(file()).then(() => 'taken', error => error.message)"
    for file, why in [
        ("() => ({ size: 10_000_001 })", "too_large"),
        ("() => new File(['not a picture'], 'notes.png', { type: 'image/png' })", "no_picture"),
    ]:
        assert scripts.evaluate(f"() => ({refused})({file})") == why
    paper = io.BytesIO()
    Image.new("L", (300, 200), 200).save(paper, "PNG")
    empty = ["paper.png", "image/png", base64.b64encode(paper.getvalue()).decode()]
    assert scripts.evaluate(f"file => ({LOADED})(file).catch(error => error.message)", empty) == "no_digit"


def test_a_picture_is_loaded_and_what_is_none_is_one_sentence(visit):
    page = visit.page
    file, problem = page.locator(".draw input[type=file]"), page.locator(".draw .problem")
    file.set_input_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"not a picture"})
    problem.filter(has_text="The browser cannot read this file as a picture").wait_for()
    page.get_by_role("button", name="Clear").click()
    assert problem.inner_text() == ""
    two = {
        "name": "two.png",
        "mimeType": "image/png",
        "buffer": base64.b64decode(base64_of(drawn(beside(4, 7, 2), 0.02))),
    }
    file.set_input_files(two)
    status(page).filter(has_text="Two pieces stand apart, perhaps two digits.").wait_for()
    page.get_by_role("button", name="Clear").click()
    assert status(page).inner_text() == "Nothing is drawn yet."
    file.set_input_files(picture(240, 20))
    status(page).filter(has_text="All three answer 7.").wait_for()


def test_a_finger_draws_on_a_phone_and_the_page_stays(open_page):
    page = open_page("/draw", width=390, height=844, has_touch=True, is_mobile=True)
    page.locator(".draw .panel .column").first.wait_for()
    pad = page.locator(".draw .pad canvas")
    box = pad.bounding_box()
    assert box["width"] >= 200
    touch = page.context.new_cdp_session(page)

    def send(kind, point=None):
        at = (
            []
            if point is None
            else [{"x": box["x"] + point[0] * box["width"], "y": box["y"] + point[1] * box["height"]}]
        )
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    send("touchStart", SEVEN[0][0])
    for point in SEVEN[0][1:]:
        send("touchMove", point)
    send("touchEnd")
    status(page).filter(has_text="All three answer 7.").wait_for()
    settle(page)
    near(shown(page), centring.of_strokes(SEVEN))
    assert pad.bounding_box() == box  # the finger drew and did not scroll
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tops = [panel.bounding_box()["y"] for panel in page.locator(".draw .panel").all()]
    assert len(set(tops)) == 1  # three answers side by side, also here
