"""Test digits while networks train: which are answered right by now, and two sevens' probabilities, as HTML."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from app.figures.arms import COLOURS, Translator, softmax
from app.figures.image import data_uri
from kd_core.results.schema import DIGITS

Watched = Sequence[tuple[int, Sequence[float]]]  # index in the test split, logits
SIDE = 28
BARS = 10  # classes of which bars are drawn
SHORT = 3  # letters of a class's name where there is little room
STYLE = f"""<style>
.live-digits {{display: grid; gap: .5rem; font-variant-numeric: tabular-nums}}
.live-digits p {{margin: 0; font-size: .9rem}} .live-digits b {{color: var(--hue)}}
.live-digits ol {{display: flex; flex-wrap: wrap; gap: 3px; margin: 0; padding: 0; list-style: none}}
.live-digits .digit {{width: {SIDE}px; height: {SIDE}px; margin: 0; border-radius: 4px; position: relative;
 background-image: var(--sheet); flex: none}}
.live-digits .right {{outline: 2px solid var(--hue)}}
.live-digits .wrong::before {{content: ""; position: absolute; inset: 0; border-radius: 4px;
 background: rgba(128,128,128,.65)}}
.live-digits .wrong::after {{content: attr(data-said); position: absolute; right: -2px; bottom: -4px;
 padding: 0 3px; border-radius: 4px; background: #B00020; color: #fff; font: 700 12px/15px sans-serif}}
.live-digits .pair {{display: grid; grid-template-columns: 1fr 1fr; gap: .2rem 1rem}}
.live-digits .pair > div {{display: flex; gap: .4rem; align-items: center}}
.live-digits table {{border-collapse: collapse; width: 100%; table-layout: fixed}}
.live-digits td {{padding: 0 1px; vertical-align: bottom; text-align: center; font-size: .8rem; border: 0}}
.live-digits td span {{display: inline-block; width: 42%; background: var(--hue); min-height: 1px}}
</style>"""


def live_digits(
    watched: Mapping[str, Watched],
    images: np.ndarray,
    labels: Sequence[int],
    pair: Sequence[int],
    temperature: float,
    _: Translator,
    classes: Sequence[str] = DIGITS,
) -> str:
    """Of each arm the watched digits, those framed that it answers rightly, then `pair` as bars of all arms at T.

    watched: arm -> index and logits; images uint8 [N, 28, 28] and labels [N] of the test split; pair: indices;
    classes: their names.
    """
    places = [index for index, _logits in next(iter(watched.values()))]
    parts = [_strip(arm, seen, labels, classes, _) for arm, seen in watched.items()]
    shown = [index for index in pair if index in places]
    if shown:
        bars = "".join(_bars(index, places.index(index), watched, temperature, classes) for index in shown)
        told = (
            _("Probability of each digit at T = {t}", t=f"{temperature:g}") if tuple(classes) == DIGITS else
            _("Probability of each class at T = {t}", t=f"{temperature:g}")
        )  # fmt: skip
        parts.append(f'<p>{escape(told)}</p><div class="pair">{bars}</div>')
    sheet = data_uri(np.concatenate([images[place] for place in places], axis=1))  # side by side, in one picture
    return f'{STYLE}<div class="live-digits" style="--sheet: url({sheet})">{"".join(parts)}</div>'


def _strip(arm: str, seen: Watched, labels: Sequence[int], classes: Sequence[str], _: Translator) -> str:
    """One arm's digits; a wrong answer stands in the corner of its digit, of long names the first letters."""
    items, right = [], 0
    for at, (index, logits) in enumerate(seen):
        said = int(np.argmax(logits))
        is_right = said == labels[index]
        right += is_right
        told = _("{label}, answered {said}", label=classes[labels[index]], said=classes[said])
        kind, where = "right" if is_right else "wrong", f"background-position: -{SIDE * at}px 0"
        short = escape(classes[said][:SHORT])
        items.append(f'<li class="digit {kind}" data-said="{short}" title="{escape(told)}" style="{where}"></li>')
    told = _("{right} of {all} right", right=right, all=len(seen))
    return (f'<div style="--hue: {COLOURS[arm]}"><p><b>{escape(_(arm))}</b> · {escape(told)}</p>'
            f"<ol>{''.join(items)}</ol></div>")  # fmt: skip


def _bars(index: int, place: int, watched: Mapping[str, Watched], t: float, classes: Sequence[str]) -> str:
    """The probabilities that each arm gives to one image at T, as bars side by side over the classes.

    Of many classes, those that some arm finds most probable.
    """
    rows = {arm: softmax(dict(seen)[index], t) for arm, seen in watched.items()}
    likely = sorted(range(len(classes)), key=lambda label: -max(p[label] for p in rows.values()))[:BARS]
    cells = "".join(
        "<td>" + "".join(f'<span style="--hue: {COLOURS[arm]}; height: {48 * p[digit]:.1f}px"></span>'
                         for arm, p in rows.items()) + f"<br>{escape(classes[digit][:SHORT])}</td>"
        for digit in sorted(likely)
    )  # fmt: skip
    image = f'<span class="digit" style="background-position: -{SIDE * place}px 0"></span>'
    return f"<div>{image}<table><tr>{cells}</tr></table></div>"
