"""Distillation Lab: navigation, language and page set-up. Start it with `streamlit run streamlit_app.py`."""

import streamlit as st

if __name__ == "__main__":  # somebody looks at a page
    from app.controls import read_address
    from app.frame import navigation, surround
    from app.text import current
    from app.watch import queue

    read_address("app", reserved=True)
    page = navigation(current())
    st.set_page_config(page_title="Distillation Lab", page_icon="assets/icon.png", layout="wide")
    surround(page)
    queue()  # the workers warm up while the first page is read
    page.run()
else:  # the server starts
    from starlette.middleware import Middleware

    from app.start import ready
    from app.visitor import VisitorCookie

    app = st.App(__file__, lifespan=ready, middleware=[Middleware(VisitorCookie)])
