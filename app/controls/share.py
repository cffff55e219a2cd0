"""The link that brings this page back as it is set, with the controls hidden that are chosen."""

import streamlit as st

from app.controls import link
from app.controls.widgets import hidden, value
from app.i18n.text import Translate
from kd_core.techniques import TECHNIQUES


def share(technique: str, _: Translate) -> None:
    """A link to copy; what to hide is chosen here and changes nothing on this page."""
    settings = TECHNIQUES[technique].settings
    specs = settings.specs()
    st.markdown("**" + _("A link to this page, as it is set now") + "**")
    labels = {name: _(spec.label) for name, spec in specs.items()}
    chosen = st.multiselect(
        _("Controls that the link hides"), list(specs), default=hidden(settings), key=f"share_hide_{technique}",
        format_func=labels.__getitem__, placeholder=_("none"),
        help=_("Whoever opens the link does not see these controls; they keep the values that they have now."),
    )  # fmt: skip
    now = {name: value(settings, name) for name in specs}
    run, present = st.query_params.get("run", ""), st.query_params.get("present", "")
    where = link.base(st.context.url)
    st.code(where + link.address(technique, now, chosen, lang=_.language, present=present, run=run),
            language=None, wrap_lines=True)  # fmt: skip
