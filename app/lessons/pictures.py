"""How a guess is shown beside the truth: a small piece of HTML."""

from collections.abc import Mapping
from html import escape
from typing import Any

from app.figures.arms import Translator
from app.lessons.model import Ask, Choice, Guess, Number

BOX = "flex:1 1 130px; border-radius:8px; padding:6px 12px; border:2px {border} currentColor"
RING = "position:absolute; top:9px; width:{size}px; height:{size}px; border-radius:50%; translate:-50% -50%"


def beside(ask: Ask, guess: Guess, shows: bool, values: Mapping[str, Any], _: Translator) -> str:
    """The guess in a dashed box and, if `shows`, the truth in a solid one; of numbers also both on a line."""

    def words(answer: Guess) -> str:
        if isinstance(ask, Choice):
            return _(ask.options[str(answer)], **values)
        if not isinstance(ask, Number) or isinstance(answer, str | tuple):
            return ""  # bars are drawn, not said
        return f"{ask.written(answer)} {_(ask.unit)}".strip()

    boxes, line = _box("dashed", _("Your guess"), words(guess)), ""
    if shows:
        boxes += _box("solid", _("The truth"), words(ask.truth()))
    if shows and isinstance(ask, Number) and not isinstance(guess, str | tuple):
        line = _line(ask, float(guess), ask.truth())
    return f'<div style="display:flex; flex-wrap:wrap; gap:8px">{boxes}</div>{line}'


def _box(border: str, name: str, words: str) -> str:
    style = BOX.format(border=border)
    return f'<div style="{style}"><small>{escape(name)}</small><br><b>{escape(words)}</b></div>'


def _line(ask: Number, guess: float, truth: float) -> str:
    """Both numbers on the range that could be guessed: a ring is the guess, a disc the truth."""
    low, high = min(ask.low, truth), max(ask.high, truth)

    def at(number: float) -> str:
        return f"left:{100 * (number - low) / (high - low):.2f}%"

    ring, disc = RING.format(size=18), RING.format(size=12)
    return (
        '<div aria-hidden="true" style="margin:14px 10px 0"><div style="position:relative; height:18px">'
        '<div style="position:absolute; inset:8px 0 auto; height:2px; background:currentColor; opacity:.35"></div>'
        f'<div style="{ring}; {at(guess)}; border:2px dashed currentColor"></div>'
        f'<div style="{disc}; {at(truth)}; background:#0072B2"></div></div>'
        '<div style="display:flex; justify-content:space-between; font-size:13px; opacity:.75">'
        f"<span>{ask.written(low)}</span><span>{ask.written(high)}</span></div></div>"
    )
