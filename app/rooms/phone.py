"""The page for phones: one small HTML document with its own style and script, and no Streamlit session."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse

from app.i18n.text import LANGUAGES, Translate
from app.shell.headers import policy
from kd_core.messages import N_, Message

HTML, STYLE, SCRIPT = (
    Path(__file__).with_suffix(f".{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
)
SECONDS = 1.5  # between two polls of a phone
WORDS = {
    "title": N_("Guess along"),
    "guess": N_("What do you think? Tap an answer."),
    "taken": N_("Your guess is in. You can change it until the answer is shown."),
    "wait": N_("Look at the screen: the next question will appear here."),
    "right": N_("You guessed right."),
    "wrong": N_("You guessed otherwise: the right answer is marked."),
    "missed": N_("The right answer is marked."),
    "mark": N_("right"),
    "mine": N_("your guess"),
    "share": N_("{share} %"),
    "lost": N_("No connection to the lab; trying again …"),
    "language": N_("Language"),
}


def page(code: str, language: str, guesses: Mapping[str, str]) -> HTMLResponse:
    """The room's page; guesses: what this device has guessed there, by question."""
    return _document(code, language, "", dict(guesses), 200)


def sorry(code: str, language: str, why: Message, status: int) -> HTMLResponse:
    """A page that says in a sentence why there is no room here."""
    return _document(code, language, Translate(language)(why), {}, status)


def _document(code: str, language: str, problem: str, guesses: dict[str, str], status: int) -> HTMLResponse:
    _ = Translate(language)
    words = {name: _(text) for name, text in WORDS.items()}
    told = {
        "code": code, "lang": language, "words": words, "guesses": guesses, "seconds": SECONDS, "problem": problem,
        "over": status == 404,
    }  # fmt: skip
    switch = " · ".join(
        f'<a href="?lang={other}" lang="{other}"{" aria-current=true" if other == language else ""}>{name}</a>'
        for other, name in LANGUAGES.items()
    )
    parts = {
        "lang": language, "title": escape(words["title"]), "code": escape(code), "style": STYLE, "script": SCRIPT,
        "told": escape(json.dumps(told, ensure_ascii=False)), "switch": switch,
        "language": escape(words["language"]),
    }  # fmt: skip
    text = HTML
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    body = text.encode()
    headers = {"content-security-policy": policy(body), "cache-control": "private, no-cache"}
    return HTMLResponse(body, status, headers)
