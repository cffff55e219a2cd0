"""English and Chinese: one translation object a session, nothing process-wide.

English is the text in the code. Chinese is `locale/zh/LC_MESSAGES/lab.po`, read at start (Babel), so
there is no compiled file that could go stale. `make translations` collects new strings into it;
a test fails on a missing, unused or stale one.
"""

import gettext
import io
import re
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from kd_core.messages import Message, Scalar
from kd_core.paths import part

LANGUAGES = {"en": "English", "zh": "中文"}
PO = Path(__file__).parent / "locale" / "zh" / "LC_MESSAGES" / "lab.po"
MARKS = {"_": None, "N_": None, "message": None, "Problem": None}
PARTS = " · "
T = TypeVar("T")
SOURCES = ("streamlit_app.py", "app", "pages", "kd_core")


class Translate:
    """Translates for one language: `_("T = {t}", t=4)`, or a `Message` of the core with its values."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._gettext = _translations(language).gettext

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Translate) and self.language == other.language

    def __hash__(self) -> int:
        return hash(self.language)

    def __call__(self, text: str | Message, **values: Scalar | Message) -> str:
        if isinstance(text, Message):
            return self(text.text, **text.values)
        translated = self._gettext(text) if text else ""
        if translated == text and PARTS in text:  # the name of an arm, put together of a task and a scheme
            translated = PARTS.join(map(self._gettext, text.split(PARTS)))
        if not values:
            return translated
        # A value can be a word or a sentence of the core itself, so it is looked up as well.
        words = {k: self(v) if isinstance(v, str | Message) else v for k, v in values.items()}
        return translated.format(**words)

    def escaped(self, said: Message) -> str:
        """The translated sentence for Markdown: what came from outside (an address, a file) stays as typed."""
        return self(_escaped(said))


def _escaped(said: Message) -> Message:
    values = {name: _escaped(v) if isinstance(v, Message) else markdown(v) for name, v in said.values.items()}
    return Message(text=said.text, values=values)


def markdown(value: T) -> T:
    """As it is typed, for Markdown: an address gets a word joiner, without which it is a link even if escaped."""
    if not isinstance(value, str):
        return value
    joined = re.sub(r"(?i)(https?:(?=//)|www(?=\.))", "\\1\u2060", value)
    return cast("T", re.sub(r"([\\`*{}\[\]()<>#+!|~$:])", r"\\\1", joined))


@cache
def _translations(language: str) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with PO.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def sentences() -> frozenset[str]:
    """Every string that the lab itself says, in English."""
    with PO.open("rb") as file:
        return frozenset(str(entry.id) for entry in read_po(file, locale="zh") if entry.id)


def extracted() -> Catalog:
    """Every string marked for translation, with the files it stands in."""
    catalogue = Catalog(project="Distillation Lab", locale="zh", fuzzy=False)
    for source in SOURCES:
        path = part(source)
        folder, only = (path, None) if path.is_dir() else (path.parent, path.name)
        for name, _line, text, _comments, _context in extract_from_dir(
            folder, [(only or "**.py", "python")], keywords=MARKS
        ):
            where = name if only else f"{source}/{name}"
            catalogue.add(text, locations=[(where, 0)])
    return catalogue


def update() -> None:
    """Bring the Chinese catalogue to the strings in the code: new ones are added empty, unused ones dropped."""
    with PO.open("rb") as file:
        catalogue = read_po(file, locale="zh")
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with PO.open("wb") as file:
        write_po(file, catalogue, width=0, sort_output=True, omit_header=False, include_lineno=False)


if __name__ == "__main__":
    update()
