"""Every string that a person sees exists in Chinese, and nothing else does."""

import re
import unicodedata
from importlib import import_module

import pytest
from babel.messages.pofile import read_po

from app.i18n.text import PO, SOURCES, Translate, extracted
from app.techniques import talk
from kd_core.messages import message
from kd_core.techniques import TECHNIQUES


@pytest.fixture(scope="module")
def catalogue():
    with PO.open("rb") as file:
        return {entry.id: entry for entry in read_po(file, locale="zh") if entry.id}


@pytest.fixture(scope="module")
def in_code():
    return {entry.id for entry in extracted() if entry.id}


def test_nothing_is_missing_unused_or_stale(catalogue, in_code):
    assert in_code - set(catalogue) == set(), "missing in lab.po: run `make translations` and translate"
    assert set(catalogue) - in_code == set(), "no longer in the code: run `make translations`"
    assert [entry.id for entry in catalogue.values() if not entry.string or entry.fuzzy] == []


def test_holes_are_the_same_in_both_languages(catalogue):
    for text, entry in catalogue.items():
        holes = sorted(re.findall(r"\{(\w+)\}", text))
        assert sorted(re.findall(r"\{(\w+)\}", entry.string)) == holes, text


def test_pages_hold_no_string_that_escapes_the_translator():
    # Babel cannot see a call inside an f-string, so it must not stand there.
    for source in SOURCES:
        path = PO.parents[5] / source
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            assert not re.search(r"""f["'].*\{_\(["']""", file.read_text(encoding="utf-8")), file.name


def test_values_and_nested_sentences_are_translated_too():
    zh = Translate("zh")
    why = message("{file} in {folder} is damaged; fetching it again.", file="a", folder="b")
    outer = message("The run failed: {why}", why=why)
    assert zh(outer) == f"运行失败：{zh(why)}"
    assert "a" in zh(why)
    assert zh("teacher") == "教师"
    assert Translate("en")(outer) == str(outer)


def flanks(before: str, after: str) -> bool:
    """Whether a run of * may open before `after`, by CommonMark's rule for left-flanking delimiter runs."""

    def blank(c: str) -> bool:
        return not c or c.isspace()

    def mark(c: str) -> bool:
        return bool(c) and unicodedata.category(c)[0] in "PS"

    return not blank(after) and (not mark(after) or blank(before) or mark(before))


def unseen_bold(text: str) -> list[str]:
    """The places of ** in a text that Markdown would print as they are; holes are taken to be digits."""
    filled = re.sub(r"\{\w+\}", "5", text)
    found = []
    for number, at in enumerate(re.finditer(r"\*\*", filled)):
        before, after = filled[at.start() - 1 : at.start()], filled[at.end() : at.end() + 1]
        opens, closes = flanks(before, after), flanks(after, before)
        if not (closes if number % 2 else opens):
            found.append(filled[max(0, at.start() - 8) : at.end() + 8])
    return found


def test_what_came_from_outside_is_shown_as_it_was_typed_and_is_no_link():
    said = Translate("en").escaped(message("{given}", given="[a](b) *c* http://evil.example WWW.evil.example"))
    shown = said.replace("\\", "")
    assert shown.replace("\u2060", "") == "[a](b) *c* http://evil.example WWW.evil.example"
    assert not re.search(r"https?://|www\.", shown, re.IGNORECASE)  # what GitHub's Markdown makes a link of


def test_bold_in_both_languages_is_seen_by_markdown(catalogue):
    assert unseen_bold("**在手机上：**只需") == ["**在手机上：**只需"]  # the kind that this test is about
    assert unseen_bold("**在手机上**：只需 **两个**损失") == []
    for text, entry in catalogue.items():
        assert unseen_bold(text) == [], text
        assert unseen_bold(entry.string) == [], entry.string


def test_symbols_stand_in_mathematics_and_no_word_is_read_as_another(catalogue):
    def prose(text: str) -> str:
        return re.sub(r"\{\w+\}", "5", re.sub(r"\$[^$]*\$", "", text))

    for text, entry in catalogue.items():
        for said in (text, entry.string):
            assert not re.search(r"\b[αθLgrsw]_\w|\w\^", prose(said)), said
        assert not re.search(r"(?i)\b(labels?|seconds|seeds|digits) a (class|meta-step|cell)\b", text), text
        assert not re.search(r"小学生|按所设|当面|只有 1/", prose(entry.string)), entry.string


QUIZZES = (
    "meta_learning.components.adaptation",
    "multitask.components.gradients",
    "transfer.components.labels_curve",
    "distillation.components.soft_targets",
)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("part", QUIZZES)
def test_the_heading_of_a_live_part_asks_while_the_guess_is_open(part, language):
    """Each has a heading for that time, which is a question and not the one that tells."""
    _, words = Translate(language), import_module(f"app.{part}").WORDS
    told = [name for name in words if name.startswith("title") and not name.endswith("_asks")]
    for name in told:
        asked, tells = _(words[f"{name}_asks"]), _(words[name])
        assert asked.endswith(("?", "？"))
        assert not tells.endswith(("?", "？"))
    folder = PO.parents[4].joinpath(*part.split("."))
    part = folder.name
    html, js = (folder / f"{part}.html").read_text("utf-8"), (folder / f"{part}.js").read_text("utf-8")
    assert '<h3 class="asked" data-text="title_asks">' in html or "${title}_asks" in js


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_title_of_a_talks_step_tells_only_what_it_had_asked(language):
    _ = Translate(language)
    told = [step for name in TECHNIQUES for step in talk(name) if step.told]
    assert len(told) >= 6
    for step in told:
        assert _(step.title).endswith(("?", "？")), step.title
        assert not _(step.told).endswith(("?", "？")), step.told
