"""Every term has a sentence in both languages, and stands on a page that uses it."""

from html import escape

import pytest

from app.glossary import COMMON, TERMS, glossary
from app.i18n.text import Translate
from app.techniques import view
from kd_core.techniques import NAMES

EN, ZH = Translate("en"), Translate("zh")


def test_every_term_is_explained_on_some_page_and_every_page_has_its_terms():
    used = {name for technique in NAMES for name in view(technique).words} | {*COMMON}
    assert used == {*TERMS}
    assert all(view(technique).words for technique in NAMES)


@pytest.mark.parametrize("_", [EN, ZH], ids=["en", "zh"])
def test_a_page_says_each_of_its_terms_and_its_sentence_once(_):
    names = view("distillation").words
    html = glossary(names, _)
    assert html.count('tabindex="0"') == len(names) + len(COMMON)
    for name in (*names, *COMMON):
        term, sentence = TERMS[name]
        assert html.count(f"{escape(_(sentence))}</span>") == 1
        assert f">{escape(_(term))}<" in html


def test_every_sentence_is_one_and_is_translated():
    for term, sentence in TERMS.values():
        assert sentence.endswith(".")
        assert ZH(sentence) != sentence
        assert ZH(sentence).endswith("。")
        assert len(sentence) < 160, term
    with pytest.raises(KeyError, match="nonsense"):
        glossary(["nonsense"], EN)
