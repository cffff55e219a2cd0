"""Distillation Lab: navigation, language and page set-up. Start it with `streamlit run streamlit_app.py`."""

import streamlit as st

from app.controls import read_address
from app.frame import presenting, surround
from app.text import current
from app.watch import queue

st.set_page_config(page_title="Distillation Lab", page_icon=":material/science:", layout="wide")
read_address("app", reserved=True)
_ = current()
pages = [
    st.Page("pages/overview.py", title=_("Overview"), icon=":material/hub:", default=True),
    st.Page("pages/distillation.py", title=_("Distillation"), icon=":material/school:"),
]
page = st.navigation(pages, position="hidden" if presenting() else "sidebar")
surround()
queue()  # the workers warm up while the first page is read
page.run()
