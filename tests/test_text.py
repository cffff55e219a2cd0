"""Every string that a person sees exists in Chinese, and nothing else does."""

import re

import pytest
from babel.messages.pofile import read_po

from app.text import PO, SOURCES, Translate, extracted
from kd_core.messages import message


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
        path = PO.parents[4] / source
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
