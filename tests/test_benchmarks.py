"""The benchmarks' own words and sums: sections of docs/results.md, ratios against targets, Keras's layouts."""

import numpy as np
import pytest
import torch

from benchmarks import report, rivals
from benchmarks.report import Claim, replace_section
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded

PAGE = "# Figures\n\n<!-- a:begin -->\nold a\n<!-- a:end -->\n\n<!-- b:begin -->\nold b\n<!-- b:end -->\n"


def test_a_section_is_replaced_and_the_others_stay():
    page = replace_section(PAGE, "a", "new a\n")
    assert page == PAGE.replace("old a", "new a")
    assert replace_section(page, "a", "new a") == page


def test_a_new_section_goes_to_the_end():
    page = replace_section(PAGE, "c", "new c")
    assert page == PAGE + "\n<!-- c:begin -->\nnew c\n<!-- c:end -->\n"
    assert replace_section("", "c", "new c").strip() == page[len(PAGE) :].strip()


@pytest.mark.parametrize(
    "page",
    ["<!-- a:begin -->", "<!-- a:end -->", "<!-- a:end -->\n<!-- a:begin -->", 2 * PAGE],
)
def test_broken_markers_are_refused(page):
    with pytest.raises(ValueError, match="markers of 'a'"):
        replace_section(page, "a", "new")


def test_publishing_keeps_what_other_scripts_wrote(tmp_path, monkeypatch, capsys):
    results = tmp_path / "docs" / "results.md"
    results.parent.mkdir()
    monkeypatch.setattr(report, "RESULTS", results)
    report.publish({"a": "only printed"}, write=False)
    assert not results.exists()
    report.publish({"a": "one"}, write=True)
    report.publish({"b": "two"}, write=True)
    report.publish({"a": "three"}, write=True)
    expected = report.HEADER
    for name, body in (("a", "three"), ("b", "two")):
        expected += f"\n<!-- {name}:begin -->\n{body}\n<!-- {name}:end -->\n"
    assert results.read_text(encoding="utf-8") == expected
    assert "only printed" in capsys.readouterr().out


def test_a_claim_is_judged_by_its_median_and_says_when_it_is_missed():
    ratio = Claim("a / b", [4.0, 5.0, 9.0], 5.0)
    assert ratio.row == ["a / b", "5.00 x", "4.00 to 9.00", "3", "≥ 5 x", "reached"]
    assert Claim("a / b", [4.9, 4.9, 9.0], 5.0).verdict == "**not reached**"
    seconds = Claim("paint", [0.02, 0.03], 0.2, at_least=False, unit="s")
    assert seconds.row == ["paint", "0.025 s", "0.02 to 0.03", "2", "≤ 0.2 s", "reached"]
    assert Claim("paint", [3.0], 2.5, at_least=False).reached is False
    assert Claim("no target", [1.0], None).row[4:] == ["", ""]


def test_the_tutorial_s_network_is_the_same_function():
    network = build("article", "student", seeded(1, "weights"))
    images = torch.randn(5, 1, 28, 28, generator=seeded(1, "images"))
    torch.testing.assert_close(rivals.as_written(network)(images), network(images))
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)  # a copy was rearranged


def test_weights_in_keras_s_layouts_give_the_same_logits():
    network = build("article", "student", seeded(2, "weights"))
    images = torch.randn(3, 1, 28, 28, generator=seeded(2, "images"))
    kernel1, bias1, kernel2, bias2, kernel3, bias3, kernel4, bias4 = rivals.keras_weights(network)

    def convolved(x, kernel, bias):  # [N, H, W, C], as Keras computes it
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
        y = np.maximum(np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias, 0)
        h, w = (size // 2 * 2 for size in y.shape[1:3])
        return y[:, :h, :w].reshape(len(y), h // 2, 2, w // 2, 2, -1).max(axis=(2, 4))

    x = convolved(convolved(rivals.nhwc(images), kernel1, bias1), kernel2, bias2).reshape(3, -1)
    logits = np.maximum(x @ kernel3 + bias3, 0) @ kernel4 + bias4
    np.testing.assert_allclose(logits, network(images).detach().numpy(), rtol=1e-4, atol=1e-5)
