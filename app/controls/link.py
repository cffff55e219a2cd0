"""The link that brings a page back as it was left: settings, and which controls are hidden.

A setting is a parameter of its own name, left out at its default; `hide` names the controls that are not drawn.
"""

from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from kd_core.messages import Scalar
from kd_core.settings.fields import written
from kd_core.techniques import TECHNIQUES

HIDE = "hide"


def text(value: Scalar, default: Scalar) -> str | None:
    """A value as the address writes it, None for the default: 8, 0.5, true, mlp300."""
    return None if value == default else written(value)


def address(technique: str, settings: Mapping[str, Scalar], hide: Collection[str] = (), **further: str) -> str:
    """A technique's page with these settings, as it stands after the server's own address.

    hide: settings whose controls are not drawn; further: other parameters (run, lang), left out where empty.
    """
    specs = TECHNIQUES[technique].settings.specs()
    written = {name: text(settings[name], spec.default) for name, spec in specs.items() if name in settings}
    hidden = ",".join(name for name in specs if name in hide)
    parameters = {name: value for name, value in {**written, HIDE: hidden, **further}.items() if value}
    return technique + ("?" + urlencode(parameters, safe=",") if parameters else "")


def differing(technique: str, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The settings that are not at their default; what "auto" came to is not one of a person's choices."""
    known = TECHNIQUES.get(technique)
    specs = known.settings.specs() if known else {}
    return {
        name: settings[name]
        for name, spec in specs.items()
        if name in settings and spec.default not in ("auto", settings[name])
    }


def named(raw: str, known: Collection[str]) -> tuple[list[str], list[str]]:
    """The names in "temperature,alpha" that are settings, each once, and those that are not."""
    names = list(dict.fromkeys(name.strip() for name in raw.split(",") if name.strip()))
    return [name for name in names if name in known], [name[:30] for name in names if name not in known]


def base(url: str | None) -> str:
    """The server's own address, of a page's: what comes before the page's name; "" where it is not known."""
    return url.split("?")[0].rsplit("/", 1)[0] + "/" if url and "://" in url else ""
