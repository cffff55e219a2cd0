"""Data that somebody has added, from the choice on the page to the file of a network, in Chromium."""

import numpy as np
import pytest

from kd_core.data import pixels
from kd_core.export import onnx
from kd_core.runs.store import Store
from tests import brought
from tests.browser.conftest import PATIENCE, Server, sync_chromium

pytestmark = [pytest.mark.browser, pytest.mark.proof]
LONG = 4 * PATIENCE


def test_26_classes_train_distil_and_export(tmp_path):
    database = f"sqlite:///{tmp_path}/lab.db"
    with brought.folder(tmp_path) as at, sync_chromium() as browser:
        known = brought.add_letters()
        server = Server(KD_DATA_DIR=str(at), KD_DATABASE_URL=database).wait()
        try:
            page = browser.new_page()
            asked = "dataset=letters&train_size=100&epochs=20&seeds=2&student=mlp300&teacher_epochs=5"
            page.goto(f"{server.address}/distillation?{asked}")
            page.get_by_text("26 classes; 520 training").wait_for(timeout=PATIENCE)
            page.get_by_role("button", name="Run", exact=True).click()
            page.locator(".live-digits").wait_for(timeout=LONG)
            page.get_by_text("Finished in").wait_for(timeout=LONG)
            assert "letters" in page.url
            page.locator(".st-key-brought_answers").get_by_text("A (image").or_(
                page.locator(".st-key-brought_answers").get_by_text("P (image")
            ).first.wait_for(timeout=PATIENCE)  # fmt: skip
            page.get_by_role("tab", name="Export").click()
            with page.expect_download(timeout=LONG) as download:
                page.get_by_role("button", name="The same as ONNX").click()
            model = download.value.path().read_bytes()
        finally:
            server.stop()
        store = Store(database)
        (entry,) = store.history()
        result = store.result(entry.id)
        store.close()
        assert result.data.name == entry.data == known.data_name
        shown = pixels.test_pixels(known.data_name, [digit.index for digit in result.gallery])
        logits = np.array(result.arm("distilled student").trials[0].gallery_logits)
        assert logits.shape == (26, 26)
        assert np.abs(onnx.answers(model, shown) - logits).max() < 1e-4
