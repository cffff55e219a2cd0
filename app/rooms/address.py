"""The address at which phones reach a room, and its QR code."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import segno
import streamlit as st


def base() -> str:
    """The path under which the lab is served, without a slash at its end: "" or "/lab"."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def room_address(code: str, seen: str) -> str:
    """The room's address; seen: the address of the speaker's page in their browser."""
    return f"{server_address(seen)}/c/{code}"


def server_address(seen: str) -> str:
    """Where other devices reach the lab; seen: the address of a page of it in this browser.

    A speaker on the server itself may have come by loopback, where phones can't; then the address that the server
    was told others use stands in its place, if there is one.
    """
    here = urlsplit(seen)
    host = here.netloc
    listens = str(st.get_option("server.address") or "0.0.0.0")
    named = str(st.get_option("browser.serverAddress") or "")
    if is_loopback(here.hostname) and not is_loopback(listens) and not is_loopback(named):
        host = f"{named}:{here.port}" if here.port else named
    return f"{here.scheme}://{host}{base()}"


def is_loopback(host: str | None) -> bool:
    """Whether only this computer itself is reached by that name."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return (host or "localhost").rstrip(".").lower() == "localhost"


def qr_code(address: str) -> str:
    """The address as a QR code: an SVG in a data URI, dark on white whatever the page's colours."""
    return segno.make(address, error="m", micro=False).svg_data_uri(border=3, dark="#000", light="#fff")
