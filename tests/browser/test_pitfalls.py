"""What the browser computes of the batch is what torch computes; a bug's run is started from its page."""

import re

import pytest
import torch
from playwright.sync_api import expect

from app.distillation.pitfalls import recorded_bugs
from tests.browser.conftest import PATIENCE, has_value

pytestmark = pytest.mark.browser


def right_and_wrong(bug: str, t: float, alpha: float):
    """Both losses, the ratio of the gradients' lengths and their angle in degrees, by torch."""
    from kd_core.distillation import bugs
    from kd_core.distillation.loss import distillation_loss

    batch = recorded_bugs()["batch"]
    logits = {n: torch.tensor(batch[n], dtype=torch.float64) for n in ("teacher", "student", "dropout", "training")}
    student, labels = logits["student"].requires_grad_(), torch.tensor(batch["labels"])
    teacher = logits["dropout" if bug == "training_mode" else "teacher"]
    wrong_teacher = {"training_mode": logits["training"], "shuffled": teacher.roll(-1, 0),
                     "double_softmax": teacher.softmax(1)}.get(bug, teacher)  # fmt: skip
    right = distillation_loss(student, teacher, labels, t, alpha)
    if bug in bugs.OF_THE_LOSS:
        wrong = bugs.loss(bug, student, teacher, labels, t, alpha)
    else:
        wrong = distillation_loss(student, wrong_teacher, labels, t, alpha)
    g, h = (torch.autograd.grad(loss, student)[0].flatten() for loss in (right, wrong))
    cosine = (g @ h / (g.norm() * h.norm())).clamp(-1, 1)
    return right.item(), wrong.item(), (h.norm() / g.norm()).item(), torch.rad2deg(cosine.acos()).item()


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"\d+(?:\.\d+)?(?:e-\d+)?", text)]


def converted(t: float, alpha: float):
    """(typed, there) losses of each convention that has settings, by torch."""
    from kd_core.distillation import conventions as c

    batch = recorded_bugs()["batch"]
    z, v = (torch.tensor(batch[name], dtype=torch.float64) for name in ("student", "teacher"))
    given = (z, v, torch.tensor(batch["labels"]))
    before = c.keras_io_settings(t, alpha, t_squared=False)
    return {
        "rep": (c.rep_distiller(*given, kd_t=t, gamma=1, alpha=alpha),
                c.rep_distiller(*given, **c.rep_distiller_settings(t, alpha))),
        "torchdistill": (c.torchdistill(*given, temperature=t, alpha=alpha),
                         c.torchdistill(*given, **c.torchdistill_settings(t, alpha))),
        "keras": (c.keras_io(*given, temperature=t, alpha=alpha),
                  c.keras_io(*given, **c.keras_io_settings(t, alpha))),
        "keras_before": (c.keras_io(*given, temperature=t, alpha=alpha, t_squared=False),
                         c.keras_io(*given, **before, t_squared=False)),
        "formula": (c.article_formula(z, v, temperature=t),) * 2,
        "listing": (c.article_listing(z, v, temperature=t),) * 2,
    }  # fmt: skip


def test_live_numbers_are_torchs_and_a_bug_is_run_from_here(open_page):
    page = open_page("/pitfalls?temperature=8&alpha=0.55&bug=reversed")
    live = page.locator(".pitfalls")
    slider = live.get_by_role("slider", name="Teacher weight α")
    has_value(slider, 0.55)

    def same(t: float, alpha: float) -> None:
        for name, expected in converted(t, alpha).items():
            for kind, loss in zip(("typed", "there"), expected, strict=True):
                shown = live.locator(f'tr[data-id="{name}"] .{kind} .result b').text_content()
                assert numbers(shown)[0] == pytest.approx(loss.item(), rel=1e-3), (name, kind)

    same(8, 0.55)
    for bug in ("no_t_squared", "mean", "training_mode", "shuffled", "double_softmax", "reversed"):
        live.locator(f'input[value="{bug}"]').check(force=True)
        right, wrong, times, degrees = right_and_wrong(bug, 8, 0.55)
        effects = [live.locator(f'[data-out="{out}"]').text_content() for out in ("loss", "length", "angle")]
        assert numbers(effects[0]) == pytest.approx([right, wrong], rel=1e-3), bug
        assert numbers(effects[1])[0] == pytest.approx(times, rel=6e-3), bug
        assert numbers(effects[2])[0] == pytest.approx(degrees, abs=0.6), bug
    slider.press("End")  # α = 1: torchdistill's shortcut is gone round
    expect(live.locator('tr[data-id="torchdistill"] .there code')).to_contain_text("beta: 1", timeout=PATIENCE)
    same(8, 1.0)
    expect(live.locator('tr[data-id="formula"] .there')).to_contain_text("equal to ours")
    expect(page).to_have_url(re.compile(r"alpha=1\b"), timeout=PATIENCE)

    live.get_by_role("button", name="Run it live").first.click()
    expect(page).to_have_url(re.compile(r"/distillation\?.*bug=reversed.*run="), timeout=PATIENCE)
    page.locator(".st-key-stop button").click()
    expect(page.locator(".st-key-progress")).to_contain_text("Stopped", timeout=PATIENCE)
