"""The page of a teacher's own logits in a browser: one temperature moves all of it, and a file may be sent."""

import io
import re
from statistics import median

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.axe import serious
from tests.browser.conftest import PATIENCE, fits_a_phone, still

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(open_once):
    page = open_once("/teacher?source=hundred&temperature=2")
    page.locator(".inspector .row").first.wait_for()
    still(page)
    return page


def bars(page) -> list[float]:
    return [float(text) for text in page.locator(".inspector .row b").all_inner_texts() if "·" not in text]


# A move of the slider by each of some places: milliseconds until the frame that shows it is done.
MOVES = """async (slider, places) => {
    const taken = [];
    for (const place of places) {
        const begun = performance.now();
        slider.value = place;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((shown) => requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel(); // its message comes after the frame is done
            port1.onmessage = shown;
            port2.postMessage(null);
        }));
        taken.push(performance.now() - begun);
    }
    return taken;
}"""


def test_keys_move_the_temperature_and_the_address_follows(page):
    slider = page.get_by_label("Temperature T")
    assert slider.get_attribute("aria-valuetext") == "T = 2.0"
    before = bars(page)
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "T = 50.0"
    after = bars(page)
    assert max(after[:-1]) < max(before[:-1])
    assert abs(sum(after) - 1) < 0.01
    page.wait_for_url(re.compile("temperature=50"), timeout=PATIENCE)
    expect(page.locator(".todo code")).to_contain_text("T=50, alpha=0.9")
    expect(page.locator(".where")).to_have_text(re.compile("above the range"))


def test_a_drag_in_the_chart_and_a_quick_choice_set_the_same_temperature(page):
    box = page.locator(".inspector .chart").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 70, box["y"] + 100)
    page.mouse.up()
    low = page.locator(".inspector output[for=T]")
    assert float(low.inner_text()) < 1
    rail, knob = (page.locator(f".inspector {part}") for part in (".rail", ".knob"))
    box = rail.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, y)
    assert low.inner_text() == "50.0"
    end = knob.bounding_box()
    assert end["x"] + end["width"] == pytest.approx(box["x"] + box["width"], abs=1)
    page.mouse.move(box["x"] + 1, y)
    page.mouse.up()
    assert low.inner_text() == "0.5"
    assert knob.bounding_box()["x"] == pytest.approx(box["x"], abs=1)
    page.get_by_role("button", name="calibrated").click()
    expect(low).to_have_text("2.09")
    page.wait_for_url(re.compile(r"temperature=2\.09"), timeout=PATIENCE)
    expect(page.locator(".where")).to_have_text("T = 2.09 is inside the range.")
    expect(page.locator(".values tr", has_text="likelihood")).to_contain_text("0.610")


@pytest.mark.proof
def test_samples_are_found_by_kind_class_and_row(page):
    options, kinds = page.locator(".inspector .list option"), page.locator(".inspector .kinds")
    kinds.get_by_role("button", name="Wrong").click()
    for text in options.all_inner_texts():
        label, answer = re.search(r"label (.*), answer (.*)", text).groups()
        assert label != answer
    kinds.get_by_role("button", name="All").click()
    search = page.get_by_label("Search by row or class")
    search.fill("group 14, class b")
    assert options.count() > 0
    assert all("group 14, class B" in text for text in options.all_inner_texts())
    search.fill("nothing like it")
    expect(page.locator(".sample small")).to_have_text("No sample of those that the browser has fits.")
    search.fill("")
    search.fill(re.search(r"row (\d+)", options.nth(3).inner_text())[1])
    expect(options).to_have_count(1)


def test_the_loss_is_written_for_each_library(page):
    code = page.locator(".todo code")
    written = {"Keras 3": "sparse_categorical_crossentropy", "torchdistill": "temperature: 2.09",
               "Hugging Face": "DistillationTrainer", "PyTorch": "T=2.09, alpha=0.9"}  # fmt: skip
    for library, words in written.items():
        page.get_by_role("button", name=library).click()
        expect(code).to_contain_text(words)


@pytest.mark.proof
def test_a_file_is_sent_and_shown_and_nothing_serious_is_wrong_with_the_page(page):
    page.goto(re.sub(r"\?.*", "?source=own", page.url))
    field = page.locator("[data-testid=stFileUploader] input[type=file]")
    rows = "".join(f"{i % 3},{3 * (i % 3 == 0)},{2 * (i % 3 == 1)},{i % 5}\n" for i in range(60))
    field.set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": b"label,<b>cat</b>,dog,owl\n" + rows.encode()}
    )
    expect(page.locator(".inspector [data-said=facts]")).to_contain_text("60 rows, 3 classes.")
    assert "<b>cat</b>" in page.locator(".inspector .matrix th").all_inner_texts()
    expect(page.locator(".inspector .student")).to_be_hidden()
    still(page)
    assert serious(page) == []
    fits_a_phone(page)


@pytest.mark.proof
def test_a_thousand_rows_of_a_thousand_classes_follow_the_hand_within_50_ms(page):
    draw = np.random.default_rng(0)
    labels = draw.integers(1000, size=1000)
    logits = 3 * draw.normal(size=(1000, 1000)) + 12 * np.eye(1000)[labels]
    file = io.BytesIO()
    np.savez(file, logits=logits.astype(np.float32), labels=labels, student_logits=0.5 * logits)
    page.goto(re.sub(r"\?.*", "?source=own", page.url))
    sent = {"name": "large.npz", "mimeType": "application/zip", "buffer": file.getvalue()}
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(sent)
    said = page.locator(".inspector [data-said=facts]")
    expect(said).to_contain_text("1,000 rows, 1,000 classes.", timeout=PATIENCE)
    still(page)
    places = [(7 * step) % 60 for step in range(40)]
    taken = page.get_by_label("Temperature T").evaluate(MOVES, places)
    assert median(taken) < 50, taken
