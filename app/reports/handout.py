"""Result -> one HTML file to take away: verdict, pictures, table, settings, where the numbers come from.

    html(result, translate, server) -> str

It holds all it shows, Plotly's script too, and its own policy forbids it to ask any address and to run any other
script: it opens without a network, in light and dark, answers the pointer and prints on A4.
"""

import hashlib
from html import escape
from pathlib import Path

import plotly.graph_objects as go

from app.controls.link import address, differing
from app.i18n.text import Translate
from app.reports import figure_html
from app.results.comparison import comparison
from app.results.scope import scope
from app.techniques import view
from kd_core.data.chosen import is_own
from kd_core.messages import Message, Scalar
from kd_core.results.schema import Result
from kd_core.settings.fields import written
from kd_core.techniques import TECHNIQUES

KINDS = {"better": "#009E73", "worse": "#D55E00"}  # the edge of the verdict; its words say the same
STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def html(result: Result, _: Translate, server: str = "", called: tuple[str, str] = ("", "")) -> str:
    """The whole report, in the translator's language. server: the lab's address, for the link back to it.

    called: the name and the note that a person gave the run, "" for none.
    """
    title = _("{technique}: report of a run", technique=TECHNIQUES[result.technique].title)
    body = "".join([
        _head(result, title, called, _),
        _section(_("Side by side"), _table(result, _)),
        _section(_("Pictures"), _pictures(result, _)),
        _section(_("Settings"), _settings(result, _)),
        _section(_("Where the numbers come from"), _provenance(result, _)),
        _section(_("Do it again"), _again(result, server, _)),
        _foot(result, _),
    ])  # fmt: skip
    return (
        f'<!DOCTYPE html>\n<html lang="{_.language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{figure_html.policy()}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main>"
        f"{figure_html.scripts()}</body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _said(said: Message, _: Translate) -> str:
    """A sentence of the core, as HTML."""
    return escape(_(said))


def _head(result: Result, title: str, called: tuple[str, str], _: Translate) -> str:
    verdict = result.verdict
    covers = " ".join(_said(sentence, _) for sentence in scope(result))
    notes = "".join(f'<p class="soft">{_said(note, _)}</p>' for note in result.notes)
    name, note = called
    about = f'<p class="note">{escape(note)}</p>' if note else ""
    kicker = f"Distillation Lab · {result.provenance.created[:10]} · {_(result.data.name)}"
    kicker += f" · {title}" if name else ""
    return (
        f'<header><p class="kicker">{escape(kicker)}</p><h1>{escape(name or title)}</h1>{about}'
        f'<div class="verdict" style="border-left-color:{KINDS.get(verdict.kind, "#6B7280")}">'
        f'<strong>{_said(verdict.text, _)}</strong><p class="soft">{covers}</p></div>{notes}</header>'
    )


def _table(result: Result, _: Translate) -> str:
    """The arms side by side, and the further verdicts."""
    told = [f for f in result.comparisons if not f.difference.low == f.difference.high == f.difference.mean == 0]
    lines = "".join(f"<li>{_said(further.text, _)}</li>" for further in told)
    title = _("Further comparisons")
    alone = _("Each interval stands on its own: none is corrected for multiple comparisons.")
    further = f'<h3>{escape(title)}</h3><ul>{lines}</ul><p class="soft">{escape(alone)}</p>'
    return comparison(result, _) + (further if told else "")


# Pictures


def _pictures(result: Result, _: Translate) -> str:
    drawn = "".join(_picture(*drawing) for drawing in view(result.technique).drawings(result, _))
    without = escape(_("The pictures are drawn by a script in this file: open it in a browser that allows it."))
    return f'<noscript><p class="soft">{without}</p></noscript><div class="pictures">{drawn}</div>'


def _picture(title: str, figure: go.Figure, about: str) -> str:
    kind = ' class="whole"' if figure_html.is_wide(figure) else ""
    below = f"<figcaption>{about}</figcaption>" if about else ""
    return f"<figure{kind}><h3>{escape(title)}</h3>{figure_html.place(figure, title)}{below}</figure>"


# Settings, origin, the way back


def _settings(result: Result, _: Translate) -> str:
    """Every setting with its default, those that differ first and bold."""
    specs = TECHNIQUES[result.technique].settings.specs()
    changed = differing(result.technique, result.settings)
    rows = []
    for name in sorted(specs, key=lambda name: name not in changed):
        if name not in result.settings:
            continue
        spec = specs[name]
        label = spec.label if not spec.unit else f"{_(spec.label)} ({_(spec.unit)})"
        cells = (_(label), _(spec.written(result.settings[name])), _(spec.written(spec.default)))
        rows.append((' class="changed"' if name in changed else "", cells, name))
    head = (_("setting"), _("value"), _("default"))
    body = "".join(
        f'<tr{kind}><th scope="row">{escape(label)} <small>{name}</small></th><td>{escape(value)}</td>'
        f"<td>{escape(default)}</td></tr>" for kind, (label, value, default), name in rows
    )  # fmt: skip
    by_machine = [_(spec.label) for spec in specs.values() if spec.default == "auto"]
    said = _settings_say(bool(changed), by_machine, _)
    return (
        f'<p class="soft">{escape(said)}</p><table class="values"><thead><tr>'
        + "".join(f"<td>{escape(word)}</td>" for word in head)
        + f"</tr></thead><tbody>{body}</tbody></table>"
    )


def _settings_say(changed: bool, by_machine: list[str], _: Translate) -> str:
    """What the table of settings shows; by_machine: those whose default is whatever is fastest where it runs."""
    if changed:
        said = _("Bold and first: what differs from the default.")
    elif by_machine:
        said = _("All other settings are at their defaults.")
    else:
        said = _("All settings are at their defaults.")
    if not by_machine:
        return said
    used = _("{fields}: what the run used; by default each machine takes what is fastest there.",
             fields=", ".join(by_machine))  # fmt: skip
    return f"{said} {used}" if changed else f"{used} {said}"


def _provenance(result: Result, _: Translate) -> str:
    made, data = result.provenance, result.data
    seeds = [trial.seed for trial in max(result.arms, key=lambda arm: len(arm.trials)).trials]
    rows: list[tuple[str, str]] = [
        (_("computed"), made.created.replace("T", " ")),
        (_("data"), _("{data}: {train} training, {validation} validation, {test} test", data=data.name,
                      train=f"{data.train:,}", validation=f"{data.validation:,}", test=f"{data.test:,}")),
        (_("seeds"), ", ".join(map(str, seeds))),
        (_("processor"), _("{processor}, {cores} cores", processor=made.processor, cores=made.cores)),
        (_("versions"), _("Python {python}, PyTorch {torch}, meaning of results {version}", python=made.python,
                          torch=made.torch, version=result.version)),
        (_("work, all trials added up"), _("{seconds} s", seconds=f"{made.seconds:.1f}")),
    ]  # fmt: skip
    if made.teacher_created:
        rows.append((_("teacher or source network"), _("trained before, on {date}, and kept",
                                                       date=made.teacher_created[:10])))  # fmt: skip
    body = "".join(f'<tr><th scope="row">{escape(a)}</th><td>{escape(b)}</td></tr>' for a, b in rows)
    said = _("fingerprint of the numbers (SHA-256): the same run on the same processor and versions gives the same")
    return (
        f'<table class="values"><tbody>{body}<tr><th scope="row">{escape(said)}</th>'
        f'<td class="fingerprint">{fingerprint(result)}</td></tr></tbody></table>'
    )


def fingerprint(result: Result) -> str:
    """A hash of every number of a Result but those of time: equal for runs that are equal to the last bit."""
    return hashlib.sha256(result.without_networks().without_timings().model_dump_json().encode()).hexdigest()


def command(technique: str, settings: dict[str, Scalar]) -> str:
    """The command line that repeats a run of these settings: what differs from the defaults."""
    verb = TECHNIQUES[technique].command
    changed = differing(technique, settings)
    flags = [f"--{name.replace('_', '-')} {written(value)}" for name, value in changed.items()]
    return " ".join(["python -m kd_core", verb, *flags])


def _again(result: Result, server: str, _: Translate) -> str:
    changed = differing(result.technique, result.settings)
    link = server + address(result.technique, changed, lang=_.language)
    shown = escape(link, quote=True)
    there = f'<p><a href="{shown}">{shown}</a></p>' if server else f"<pre>{shown}</pre>"
    in_lab = _("In the lab, with every setting as it was here:")
    in_shell = _("On the command line, in the folder of the lab:")
    return (
        f"<p>{escape(in_lab)}</p>{there}<p>{escape(in_shell)}</p>"
        f"<pre>{escape(command(result.technique, result.settings))}</pre>"
    )


def credits(result: Result, _: Translate) -> list[str]:
    """Who made the lab and the data of a result, and under which licences."""
    found = [_("Made with Distillation Lab, free software under the MIT licence.")]
    if is_own(result.data.name):
        found.append(_("The images were brought by whoever trained on them, who knows their licence."))
    if "MNIST" in result.data.name or (is_own(result.data.name) and "task" in result.settings):  # or its source
        found.append(_("MNIST by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, CC BY-SA 3.0."))
    if "UCI" in result.data.name:
        found.append(_("UCI digits by Ethem Alpaydin and Cenk Kaynak, CC BY 4.0."))
    return found


def _foot(result: Result, _: Translate) -> str:
    return f'<footer class="soft"><p>{escape(" ".join(credits(result, _)))}</p></footer>'
