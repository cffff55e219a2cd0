"""Distillation Lab: navigation, language and page set-up. Start it with `streamlit run streamlit_app.py`."""

import streamlit as st

if __name__ == "__main__":  # somebody looks at a page
    from app.controls.widgets import read_address
    from app.i18n.session import current
    from app.runs.server import queue
    from app.shell.frame import navigation, surround
    from kd_core.paths import part

    read_address("app", reserved=True)
    page = navigation(current())
    st.set_page_config(page_title="Distillation Lab", page_icon=str(part("assets") / "icon.png"), layout="wide")
    surround(page)
    queue()  # the workers warm up while the first page is read
    page.run()
else:  # the server starts
    from starlette.middleware import Middleware

    from app.rooms.routes import room_routes
    from app.runs.visitor import VisitorCookie
    from app.shell.connection import ConnectionWatched
    from app.shell.headers import HeadersSet
    from app.shell.limits import SessionsLimited, UploadsLimited
    from app.shell.slash import SlashDropped
    from app.shell.start import ready
    from app.talks.routes import talk_routes

    around = [
        Middleware(HeadersSet),
        Middleware(SlashDropped),
        Middleware(VisitorCookie),
        Middleware(ConnectionWatched),
        Middleware(SessionsLimited),
        Middleware(UploadsLimited),
    ]
    app = st.App(__file__, lifespan=ready, routes=[*room_routes(), *talk_routes()], middleware=around)
