"""Maps: a Plan's cells through the queue, each a run of its own, judged on validation.

    sweeps = Sweeps(queue)
    sweep = sweeps.start(plan, owner)    # goes on from what is known of an equal plan
    sweep.view()                         # its cells so far
    sweep.stop()                         # and sweeps.start(plan, owner) goes on later

Every map is an Optuna study (`study`): a grid's cells are written into it as they come, a search asks its
sampler (TPE) for the next cell and has its pruner (the median rule) end hopeless ones. A cell is a run like any
other: it is in the history, its trials are kept, and what was run before costs nothing.
"""

import logging
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from kd_core.data import own
from kd_core.data.chosen import MNIST
from kd_core.messages import N_, Message, Problem, message
from kd_core.results.comparability import ends, main_arms, of_losses
from kd_core.results.schema import Result
from kd_core.runs.entry import OF_MAP
from kd_core.runs.handle import Handle, View
from kd_core.runs.queue import Queue
from kd_core.settings.base import Settings
from kd_core.sweeps import study as studies
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.study import PREFIX, Cell, MapView

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

LOOK_SECONDS = 0.05  # between two looks at the runs under way
AHEAD = 1  # runs that wait while the workers are busy, so that none has to wait for the next

_log = logging.getLogger(__name__)


def measures(result: Result, plan: Plan) -> dict[int, float]:
    """Seed -> what a cell of the plan is judged by: validation errors per 10,000, or the loss, of its main arms."""
    found = ends(result, main_arms(result.technique, result.settings, plan.varied))
    return found if of_losses(result) else {seed: 100 * percent for seed, percent in found.items()}


class Sweep:
    """One map that is carried out, in a thread of its own; made by `Sweeps.start`."""

    def __init__(self, queue: Queue, study: "Study", plan: Plan, owner: str) -> None:
        self.id, self.plan, self.owner = study.study_name.removeprefix(PREFIX), plan, owner
        self._queue, self._study = queue, study
        self._changed = threading.Condition()
        self._view = studies.recalled(study, plan)
        self._begun, self._before = time.monotonic(), self._view.seconds
        self._cells = list(self._view.cells)
        self._problem: Message | None = None
        self._stopped = False
        self._state: Literal["running", "finished", "stopped"] = "running"
        self._thread = threading.Thread(target=self._work, name="map", daemon=True)
        self._thread.start()

    @property
    def under_way(self) -> bool:
        """Whether it is being carried out."""
        return self._state == "running"

    def stop(self) -> None:
        """Stop it: cells that are finished stay, and it can go on later. Safe to repeat."""
        self._stopped = True

    def wait(self, timeout: float | None = None) -> MapView:
        """The view once it is over, or after `timeout` seconds."""
        self._thread.join(timeout)
        return self.view()

    def view(self) -> MapView:
        """How it goes, at this moment."""
        with self._changed:
            spent = self._view.seconds if not self.under_way else self._before + time.monotonic() - self._begun
            now = dict(state=self._state, cells=tuple(self._cells), seconds=spent, problem=self._problem)
            return self._view.model_copy(update=now)

    # In its own thread

    def _work(self) -> None:
        steps = _Search(self) if self.plan.trials else _Grid(self)
        under_way: dict[int, Handle] = {}
        looked = False
        try:
            while not self._stopped:
                if self._queue.warm and not looked:
                    looked = True
                    self._take_stored(steps)
                room = self._queue.lanes + AHEAD
                while len(under_way) < room and (place := steps.next()) is not None:
                    handle = self._submit(place)
                    if handle is not None:
                        under_way[place] = handle
                if not under_way:
                    break
                for place, handle in list(under_way.items()):
                    if handle.under_way and steps.is_hopeless(place, handle):
                        handle.stop()
                    if not handle.under_way:
                        del under_way[place]
                        self._end(place, steps, handle.view())
                    elif handle.state == "running" and self._cells[place].state == "waiting":
                        self._put(place, state="running")
                time.sleep(LOOK_SECONDS)
        except Exception as error:  # the database's, or Optuna's
            _log.error("%s: %s", type(error).__name__, error)
            self._problem = message(
                "The map broke off ({why}); what is finished is kept. Start it again, and it goes on from there.",
                why=f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}",
            )
        for place, handle in under_way.items():
            handle.stop()
            self._put(place, state="waiting", run=None)
        self._close()

    def _take_stored(self, steps: "_Grid | _Search") -> None:
        """Fill all cells whose runs are in the store, with one look; each is then written down as any other."""
        places = steps.open()
        found = self._queue.stored([self._settings(place) for place in places])
        known = {place: one for place, one in zip(places, found, strict=True) if one is not None}
        for place, (run, result) in known.items():
            self._put(place, state="finished", run=run, measures=measures(result, self.plan), seconds=0.0)
        for place in known:
            steps.told(place)

    def _submit(self, place: int) -> Handle | None:
        """The cell's run in the queue; None, with the map stopped, where the queue does not take it."""
        try:
            owner, plan = OF_MAP + self.owner, self.plan.model_dump()
            handle = self._queue.submit(self._settings(place), owner, plan=plan)
        except Problem as problem:
            self._problem, self._stopped = problem.message, True
            return None
        self._put(place, run=handle.id)
        return handle

    def _settings(self, place: int) -> Settings:
        return self.plan.settings_at(self._cells[place].at)

    def _end(self, place: int, steps: "_Grid | _Search", view: View) -> None:
        """A cell's run is over, one way or another."""
        if view.state == "stopped" and not steps.was_pruned(place):  # by somebody on that run's own page
            self._put(place, state="failed", run=view.id, problem=message("Its run was stopped on its own page."))
        elif view.state == "stopped":
            self._put(place, state="pruned", run=view.id)
        elif view.result is None:
            self._put(place, state="failed", run=view.id, problem=view.problem)
        else:
            seconds = 0.0 if view.stored else view.seconds_elapsed
            self._put(
                place, state="finished", run=view.id, measures=measures(view.result, self.plan), seconds=seconds
            )
        steps.told(place)

    def _put(self, place: int, **changes: Any) -> None:
        with self._changed:
            self._cells[place] = self._cells[place].model_copy(update=changes)

    def _close(self) -> None:
        open_cells = any(cell.state in ("waiting", "running") for cell in self._cells)
        with self._changed:
            spent = self._before + time.monotonic() - self._begun
            self._view = self._view.model_copy(update={"seconds": spent})
            self._state = "stopped" if self._stopped or self._problem or open_cells else "finished"
        try:
            self._study.set_user_attr("seconds", self._view.seconds)
            self._study.set_user_attr("state", self._state)
        except Exception as error:
            _log.error("%s: %s", type(error).__name__, error)


class _Grid:
    """Which cell of a grid is next: the missing ones in order. A finished one is written down at once."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._next = 0

    def next(self) -> int | None:
        places = self.open()
        self._next = places[0] + 1 if places else self._next
        return places[0] if places else None

    def open(self) -> list[int]:
        """The cells that were not begun and are not finished."""
        cells = self._sweep._cells
        return [place for place in range(self._next, len(cells)) if cells[place].state != "finished"]

    def is_hopeless(self, place: int, handle: Handle) -> bool:
        """Never: a map with holes is no map."""
        return False

    def was_pruned(self, place: int) -> bool:
        return False

    def told(self, place: int) -> None:
        from optuna.trial import TrialState, create_trial

        cell, plan = self._sweep._cells[place], self._sweep.plan
        done = cell.state == "finished"
        self._sweep._study.add_trial(create_trial(
            state=TrialState.COMPLETE if done else TrialState.FAIL, value=_value(cell) if done else None,
            params=dict(cell.at), distributions=studies.distributions(plan), user_attrs=studies.attributes(cell),
        ))  # fmt: skip


class _Search:
    """Which cell a search tries next, as its sampler has learned from those before, and which it gives up."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._asked: dict[int, Any] = {}
        self._pruned: set[int] = set()

    def next(self) -> int | None:
        sweep = self._sweep
        if len(sweep._cells) >= sweep.plan.trials:
            return None
        trial = sweep._study.ask(studies.distributions(sweep.plan))
        at = {
            axis.field: studies.typed(sweep.plan, axis.field, trial.params[axis.field]) for axis in sweep.plan.axes
        }
        with sweep._changed:
            sweep._cells.append(Cell(at=at))
            place = len(sweep._cells) - 1
        self._asked[place] = trial
        return place

    def open(self) -> list[int]:
        """Nothing: which cell is next is not known before it is asked for."""
        return []

    def is_hopeless(self, place: int, handle: Handle) -> bool:
        """Whether its first trial is, at the same share of its epochs, behind the median of the cells before."""
        trial = self._asked[place]
        known = trial.user_attrs.get("looked", -1)
        for percent, errors in _first_curve(self._sweep.plan, self._sweep._settings(place), handle.view()):
            if percent > known:
                trial.report(errors, percent)
                trial.set_user_attr("looked", known := percent)
                if trial.should_prune():
                    self._pruned.add(place)
                    return True
        return False

    def was_pruned(self, place: int) -> bool:
        return place in self._pruned

    def told(self, place: int) -> None:
        from optuna.trial import TrialState

        trial, cell = self._asked.pop(place), self._sweep._cells[place]
        for name, value in studies.attributes(cell).items():
            trial.set_user_attr(name, value)
        states = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
        state = states.get(cell.state, TrialState.FAIL)
        self._sweep._study.tell(trial, _value(cell) if cell.state == "finished" else None, state=state)


def _value(cell: Cell) -> float:
    assert cell.mean is not None
    return cell.mean


def _first_curve(plan: Plan, settings: Settings, view: View) -> list[tuple[int, float]]:
    """(percent of its epochs, validation errors in percent) of the first seed's main arm, as far as it got.

    Nothing for techniques that look at losses, and for several tasks: those are not pruned.
    """
    arms = main_arms(settings.technique, settings.model_dump(), plan.varied)
    last, first = list(settings.stages)[-1], settings.trial_seeds[0]
    series = (last, arms[0], first)
    if len(arms) != 1 or series not in view.curves:
        return []
    epochs = view.epochs[series]
    return [(round(100 * epoch / epochs), 100 * errors / images) for epoch, errors, images in view.curves[series]]


class Sweeps:
    """The maps of one server: those under way, and those that its database knows.

    url: the database, by default the store's; problem: why maps are not kept at present, None while all is well.
    """

    def __init__(self, queue: Queue, url: str | None = None) -> None:
        self._queue, self._url = queue, url
        self._lock = threading.Lock()
        self._storage: BaseStorage | None = None
        self._under_way: dict[str, Sweep] = {}
        self.problem: Message | None = None

    def start(self, plan: Plan, owner: str = "") -> Sweep:
        """Carry a plan out, going on from what is known of an equal one. Raises Problem.

        One map at a time is taken of an owner; "" is nobody in particular, and not counted.
        """
        plan.check()
        first = plan.settings_at({axis.field: axis.values[0] for axis in plan.axes})
        self._queue.limits.check_size(first)
        if first.dataset_name != MNIST:
            own.check_usable(first.dataset_name, owner)
        storage = self._opened()
        with self._lock:
            key = plan.key()
            name = PREFIX + key
            running = self._under_way.get(key)
            if running is not None and running.under_way:
                return running
            if owner and any(s.owner == owner and s.under_way for s in self._under_way.values()):
                raise Problem(N_("You have a map under way; stop it, or wait until it is finished."))
            with studies.quiet():
                study = studies.study_of(storage, name, plan)
            sweep = self._under_way[key] = Sweep(self._queue, study, plan, owner)
            return sweep

    def of(self, owner: str) -> Sweep | None:
        """The owner's map that is under way, or None."""
        with self._lock:
            return next((s for s in self._under_way.values() if s.owner == owner and s.under_way), None)

    def find(self, map_id: str) -> Sweep | None:
        """The map of this id, if this server carries it out or has done so."""
        with self._lock:
            return self._under_way.get(map_id)

    def view(self, map_id: str) -> MapView | None:
        """A map as it stands, also one of an earlier server; None if it is not known."""
        sweep = self.find(map_id)
        if sweep is not None:
            return sweep.view()
        study = self.study(map_id)
        plan = study and studies.plan_of(study)
        return studies.recalled(study, plan) if study and plan else None

    def study(self, map_id: str) -> "Study | None":
        """Optuna's own view of a map, for its figures; None if it is not known."""
        import optuna

        storage = self._opened()
        with studies.quiet():
            try:
                return optuna.load_study(study_name=PREFIX + map_id, storage=storage)
            except KeyError:
                return None

    def known(self, limit: int = 30) -> list[tuple[str, Plan, datetime]]:
        """The newest maps there are: id, plan, when they were started."""
        import optuna

        with studies.quiet():
            names = [n for n in optuna.get_all_study_names(self._opened()) if n.startswith(PREFIX)]
            each = [optuna.load_study(study_name=name, storage=self._opened()) for name in names]
        found = [(s.study_name.removeprefix(PREFIX), studies.plan_of(s), studies.created(s)) for s in each]
        listed = [(name, plan, when) for name, plan, when in found if plan is not None]
        return sorted(listed, key=lambda one: one[2], reverse=True)[:limit]

    def close(self) -> None:
        """Stop every map; what is finished is kept."""
        with self._lock:
            sweeps = list(self._under_way.values())
        for sweep in sweeps:
            sweep.stop()
        for sweep in sweeps:
            sweep.wait(5)

    def _opened(self) -> "BaseStorage":
        with self._lock:
            if self._storage is None:
                self._storage, self.problem = studies.opened(self._url)
            return self._storage
