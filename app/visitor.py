"""Who is looking: whose run may be stopped by whom, and who may start one."""

import binascii
import hashlib
import secrets

import streamlit as st

COOKIE = "_streamlit_xsrf"  # Streamlit gives every browser one, and masks it anew in each answer


def sign_in_needed() -> bool:
    """Whether this server lets only signed-in people start runs (`[auth]` in its secrets), and this one is not."""
    return _has_sign_in() and not st.user.is_logged_in


def visitor() -> str:
    """An unguessable name for this person: their account, else their browser, else this session."""
    if _has_sign_in() and st.user.is_logged_in:
        known = f"{st.user.get('iss')} {st.user.get('sub') or st.user.get('email')}"
        return _hashed(known)
    cookie = _token(st.context.cookies.get(COOKIE, ""))
    if cookie:
        return _hashed(cookie)
    if "visitor" not in st.session_state:
        st.session_state["visitor"] = secrets.token_urlsafe(12)
    return str(st.session_state["visitor"])


def _has_sign_in() -> bool:
    return "is_logged_in" in st.user  # Streamlit knows it only where `[auth]` is set


def _hashed(known: str) -> str:
    return hashlib.sha256(known.encode()).hexdigest()


def _token(cookie: str) -> str:
    """What stays the same in Streamlit's cookie, "2|mask|masked|time": the bytes under the mask, and the time."""
    try:
        _, mask, masked, made = cookie.split("|")
        key, hidden = binascii.unhexlify(mask), binascii.unhexlify(masked)
        return bytes(byte ^ key[place % len(key)] for place, byte in enumerate(hidden)).hex() + made
    except (ValueError, ZeroDivisionError):
        return ""
