"""Runs -> the table of the history: what each was, what differs from the defaults, and its rank by validation."""

import json
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlencode

from app.controls.link import differing
from app.figures.arms import Translator
from app.history.maps import Fold, Row, axes_of, plan_of
from app.sweeps.link import parameters as map_parameters
from kd_core.messages import N_, Scalar
from kd_core.results.comparability import group, main_arms, score
from kd_core.results.numbers import number
from kd_core.runs.entry import Entry
from kd_core.settings.base import Settings
from kd_core.settings.fields import field, written
from kd_core.techniques import NAMES, TECHNIQUES, title

if TYPE_CHECKING:
    import pandas as pd

LETTERS = "ABCD"  # at most so many runs over each other
STATES = {
    "queued": N_("waiting"),
    "running": N_("running"),
    "finished": N_("finished"),
    "stopped": N_("stopped"),
    "failed": N_("failed"),
    "interrupted": N_("interrupted"),
}
IMPORTED = N_("imported")
FINISHED, OPEN, ENDED = "finished", ("queued", "running"), ("stopped", "failed", "interrupted")


class HistorySettings(Settings):
    """How the history is looked at; the address carries it as it carries a run's settings."""

    technique: ClassVar[str] = "history"

    show: Literal[("all", *NAMES)] = field(  # type: ignore[valid-type]
        "all", label=N_("Technique"), help=N_("Which runs are listed."),
        choices={"all": N_("all"), **{name: one.title for name, one in TECHNIQUES.items()}},
    )  # fmt: skip
    state: Literal["all", "finished", "under_way", "ended", "imported"] = field(
        "all", label=N_("State"), help=N_("Ended early: stopped, failed, or interrupted when the lab ended."),
        choices={"all": N_("all"), "finished": N_("finished"), "under_way": N_("under way"),
                 "ended": N_("ended early"), "imported": IMPORTED},
    )  # fmt: skip
    order: Literal["newest", "best", "slowest"] = field(
        "newest", label=N_("Order"), help=N_("A click on a column's heading sorts by that column."),
        choices={"newest": N_("newest first"), "best": N_("best validation first"), "slowest": N_("longest first")},
    )  # fmt: skip


def chosen(entries: Sequence[Entry], view: HistorySettings) -> list[Entry]:
    """The entries that `view` shows, in its order. Best first: group by group, the newest group first."""
    found = [e for e in entries if view.show in ("all", e.technique) and _is_in(e, view.state)]
    if view.order == "slowest":
        return sorted(found, key=lambda e: -(e.seconds or 0))
    found.sort(key=lambda e: e.created, reverse=True)
    if view.order == "best":
        groups = list(dict.fromkeys(map(_group, found)))
        rank = ranks(entries)
        last = len(entries) + 1
        found.sort(key=lambda e: (e.id not in rank, groups.index(_group(e)), rank.get(e.id, (last, 0))[0]))
    return found


def _is_in(entry: Entry, state: str) -> bool:
    if state == IMPORTED:
        return entry.origin == IMPORTED
    wanted = {"all": STATES, "finished": (FINISHED,), "under_way": OPEN, "ended": ENDED}[state]
    return entry.state in wanted


def _group(entry: Entry) -> tuple[Scalar, ...]:
    return group(entry.technique, entry.settings, entry.data)


def ranks(entries: Sequence[Entry]) -> dict[str, tuple[int, int]]:
    """Run id -> (its place, of how many) by validation, within one technique, data set and task; ties share one.

    Runs that were not finished have none, nor have imported ones: nobody here has trained them.
    """
    scores: dict[tuple[Scalar, ...], dict[str, float]] = {}
    for entry in entries:
        value = score(entry.technique, entry.settings, entry.validation)
        if entry.state == FINISHED and entry.origin != IMPORTED and value is not None:
            scores.setdefault(_group(entry), {})[entry.id] = value
    return {
        run: (1 + bisect_left(ordered, value), len(ordered))
        for of_group in scores.values()
        for ordered in [sorted(of_group.values())]
        for run, value in of_group.items()
    }


def in_words(technique: str, settings: Mapping[str, Scalar], _: Translator) -> str:
    """Settings by their labels: "Temperature T 8, Seeds 3"."""
    specs = TECHNIQUES[technique].settings.specs() if technique in TECHNIQUES else {}
    return ", ".join(
        f"{_(specs[name].label)} {_(specs[name].written(value))}"
        for name, value in settings.items()
        if name in specs
    )


def shown_settings(entry: Entry, _: Translator) -> str:
    """The settings that differ from the defaults, in words."""
    if entry.technique not in TECHNIQUES:
        return ""
    return in_words(entry.technique, differing(entry.technique, entry.settings), _) or _("all at their defaults")


def shown_validation(entry: Entry, _: Translator) -> str:
    """Every arm's validation errors per 10,000, or loss; the arms that the run is about come first."""
    first = main_arms(entry.technique, entry.settings)
    names = sorted(entry.validation, key=lambda name: name not in first)
    return " · ".join(f"{_(name)} {number(entry.validation[name])}" for name in names)


def shown_state(entry: Entry, _: Translator) -> str:
    return _(IMPORTED) if entry.origin == IMPORTED else _(STATES[entry.state])


def parameters(entry: Entry, language: str = "", *, whole: bool = False) -> dict[str, str]:
    """The address's parameters that open a run on its technique's page, its settings set as they were.

    whole: with those at their defaults too, for a session in which that page may have been left otherwise.
    """
    known = TECHNIQUES.get(entry.technique)
    specs = known.settings.specs() if known and whole else {}
    every = {n: entry.settings[n] for n, s in specs.items() if n in entry.settings and s.default != "auto"}
    asked = every or differing(entry.technique, entry.settings)
    own = {name: written(v) for name, v in asked.items()}
    return {"run": entry.id, **own, **({"lang": language} if language else {})}


def table(
    listed: Sequence[Row], ranked: Mapping[str, tuple[int, int]], _: Translator, language: str
) -> "pd.DataFrame":
    """A row for each run or map, in the reader's words; the column names are the keys of COLUMNS."""
    folds: dict[str, Fold] = {}
    rows = []
    for row in listed:
        if isinstance(row, Fold):
            folds |= {cell.id: row for cell in row.cells}
            rows.append(_of_map(row, ranked, _, language))
        else:
            rows.append(_of_run(row, folds.get(row.id), ranked, _, language))
    import pandas as pd  # here: only the history needs it, and it takes much of a server's memory

    made = pd.DataFrame(rows, columns=list(COLUMNS))
    return made.astype({"rank": "Int64", "seconds": "float64"})


def _of_run(
    e: Entry, whole: Fold | None, ranked: Mapping[str, tuple[int, int]], _: Translator, language: str
) -> dict[str, object]:
    """The row of a run; whole: the map in whose row it is a cell, which says what all cells have in common."""
    where = f"↳ {in_words(e.technique, axes_of(e, whole.plan), _)}" if whole else shown_settings(e, _)
    return {
        "rank": ranked[e.id][0] if e.id in ranked else None,
        "open": f"{e.technique}?{urlencode(parameters(e, language))}",
        "name": called(e),
        "technique": _(title(e.technique)),
        "settings": where,
        "validation": shown_validation(e, _),
        "state": shown_state(e, _),
        "seconds": e.seconds,
        "created": e.created,
        "verdict": _(e.verdict) if e.verdict else _(e.problem) if e.problem else "",
    }


def _of_map(whole: Fold, ranked: Mapping[str, tuple[int, int]], _: Translator, language: str) -> dict[str, object]:
    """The row of a map: what its cells came to."""
    states = [_(STATES[state]) for state in STATES for cell in whole.cells if cell.state == state]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    best = whole.best
    address = map_parameters(whole.plan) | ({"lang": language} if language else {})
    return {
        "rank": min((ranked[cell.id][0] for cell in whole.cells if cell.id in ranked), default=None),
        "open": f"sweep?{urlencode(address, doseq=True)}",
        "name": "",
        "technique": _(title(whole.technique)),
        "settings": in_words_of_map(whole, _),
        "validation": _("best: {what}", what=shown_validation(best, _)) if best else "",
        "state": counted,
        "seconds": sum(cell.seconds or 0 for cell in whole.cells),
        "created": whole.cells[0].created,
        "verdict": "",
    }


def in_words_of_map(whole: Fold, _: Translator) -> str:
    """ "Map of Temperature T × Weight on the teacher α, 36 cells; Seeds 3"."""
    specs = TECHNIQUES[whole.technique].settings.specs()
    axes = " × ".join(_(specs[axis.field].label) for axis in whole.plan.axes)
    said = _("Map of {axes}, {n} cells", axes=axes, n=len(whole.cells))
    held = in_words(whole.technique, differing(whole.technique, whole.plan.settings), _)
    return f"{said}; {held}" if held else said


def called(entry: Entry) -> str:
    """What a person calls a run, and their note: "small student · for Monday's slides"."""
    return " · ".join(filter(None, (entry.name, entry.note)))


COLUMNS = {
    "rank": N_("Rank"),
    "open": N_("Open"),
    "name": N_("Name and note"),
    "technique": N_("Technique"),
    "settings": N_("Differs from the defaults"),
    "validation": N_("Validation errors per 10,000, or loss"),
    "state": N_("State"),
    "seconds": N_("Seconds"),
    "created": N_("When"),
    "verdict": N_("Its own verdict on test data, or what went wrong"),
}


def csv(entries: Sequence[Entry], ranked: Mapping[str, tuple[int, int]]) -> str:
    """The runs as comma-separated values, in English and with every setting; JSON where a cell holds several."""
    rows = [
        {
            "id": e.id,
            "name": _as_text(e.name),
            "note": _as_text(e.note),
            "map": plan.key() if (plan := plan_of(e)) else "",
            "technique": e.technique,
            "data": e.data,
            "state": e.state,
            "origin": e.origin,
            "created": e.created.isoformat(),
            "seconds": e.seconds,
            "rank": ranked.get(e.id, (None, None))[0],
            "ranked_among": ranked.get(e.id, (None, None))[1],
            "validation_score": score(e.technique, e.settings, e.validation),
            "validation": json.dumps(dict(e.validation), ensure_ascii=False),
            "settings": json.dumps(dict(e.settings), ensure_ascii=False),
            "verdict": str(e.verdict) if e.verdict else "",
            "problem": str(e.problem) if e.problem else "",
        }
        for e in entries
    ]
    import pandas as pd

    ints = {"rank": "Int64", "ranked_among": "Int64"}
    return str(pd.DataFrame(rows).astype(ints).to_csv(index=False)) if rows else ""


def _as_text(words: str) -> str:
    """Words that no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@")) else words


def named(wanted: str, there: Collection[str]) -> tuple[list[str], list[str]]:
    """The run ids of an address's list, those that are there and those that are not."""
    ids = list(dict.fromkeys(part for part in wanted.split(",") if part))
    return [run for run in ids if run in there], [run[:30] for run in ids if run not in there]
