"""In which settings the result that is shown differs from those set now: in T and α under the hand, too."""

from collections.abc import Mapping

from app.components import mounted
from app.controls.widgets import by_field, hidden
from app.i18n.text import Translate
from kd_core.messages import Scalar
from kd_core.settings.base import Settings

FOLLOWED = {"temperature": "T", "alpha": "alpha"}  # field -> what the live picture calls it

_mount = mounted(__file__, style="")


def differs(earlier: Mapping[str, Scalar], now: Settings, _: Translate, key: str) -> None:
    """One sentence that names each field in which `now` is not as `earlier`; nothing where there is none.

    T and α are those of the live picture, where the page has it; a hidden one stays as it is.
    """
    specs, unseen = now.specs(), hidden(type(now))
    fields = [
        {"text": text, "label": _(specs[name].label), "was": earlier.get(name, specs[name].default),
         "follows": None if name in unseen else FOLLOWED.get(name)}
        for name, text in by_field(earlier, now, _).items() if text or name in FOLLOWED
    ]  # fmt: skip
    sentence = _("This result was computed with other settings than those set now: {what}.", what="{what}")
    _mount(key, {"sentence": sentence, "fields": fields})
