"""The distillation page's live picture, as the browser tests find it, and what it must show, computed apart."""

import json

import numpy as np

from tests.browser.conftest import ROOT


def slider(page):
    return page.locator(".st-key-soft_targets").get_by_role("slider", name="Temperature T", exact=True)


def bars(page):
    """The twenty live bars' probabilities as drawn."""
    heights = page.locator(".st-key-soft_targets .panel .column .solid").evaluate_all(
        "bars => bars.map(bar => +bar.style.getPropertyValue('--p'))"
    )
    assert len(heights) == 20
    return np.array(heights).reshape(2, 10)


def softened(logits, t):
    weights = np.exp(logits / t - (logits / t).max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def expected_bars(temperature):
    digits = json.loads((ROOT / "assets" / "gallery.json").read_text(encoding="utf-8"))["digits"]
    pair = [next(d for d in digits if d["index"] == index) for index in (0, 4027)]
    return softened(np.array([digit["logits"] for digit in pair]), temperature)


def mean_soft_targets(temperature):
    logits = json.loads((ROOT / "assets" / "classes.json").read_text(encoding="utf-8"))["logits"]
    return softened(np.array(logits), temperature).mean(1)


def now(page):
    """What the strip over the picture says or asks at this moment."""
    return page.locator(".quiz .step.now").inner_text()


def opinion(p):
    """How the strip names the first two answers of these bars."""
    first, second = np.argsort(-p)[:2]
    return f"{first} with {p[first]:.2f} and {second} with {p[second]:.2f}"


def gallery_logits(result, arm):
    """[trial, digit, class]"""
    return np.array([trial.gallery_logits for trial in result.arm(arm).trials])


def lengths(result, t):
    """The mean length over the gallery of each part of the gradient at the first student alone's logits."""
    z, v = gallery_logits(result, "student alone")[0], gallery_logits(result, "teacher")[0]
    apart = softened(z, t) - softened(v, t)
    labels = np.eye(10)[[digit.label for digit in result.gallery]]
    centred = (z - v) - (z - v).mean(-1, keepdims=True)
    vectors = {"soft": t * apart, "bare": apart / t, "hard": softened(z, 1.0) - labels, "limit": centred / 10}
    return {name: np.linalg.norm(rows, axis=-1).mean() for name, rows in vectors.items()}
