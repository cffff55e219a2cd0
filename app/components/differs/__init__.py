"""In which settings the result that is shown differs from those set now: under the hand, too."""

from collections.abc import Mapping

from app.components import mounted
from app.controls.widgets import by_field, hidden
from app.i18n.text import Translate
from kd_core.messages import Scalar
from kd_core.settings.base import Settings

_mount = mounted(__file__, style="")


def differs(earlier: Mapping[str, Scalar], now: Settings, _: Translate, key: str) -> None:
    """One sentence that names each field in which `now` is not as `earlier`; nothing where there is none.

    Numbers are those of the live picture, where it has them; a hidden one stays as it is.
    """
    specs, unseen = now.specs(), hidden(type(now))
    numbers = {name for name, spec in specs.items() if spec.kind in (int, float) and not spec.choices} - {*unseen}
    fields = [
        {"text": text, "label": _(specs[name].label), "was": earlier.get(name, specs[name].default),
         "name": name if name in numbers else None}
        for name, text in by_field(earlier, now, _).items() if text or name in numbers
    ]  # fmt: skip
    sentence = _("This result was computed with other settings than those set now: {what}.", what="{what}")
    _mount(key, {"sentence": sentence, "fields": fields})
