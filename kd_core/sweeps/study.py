"""Maps as they are kept: every map an Optuna study, beside the runs in the same database.

A grid's cells are written into its study as they come to an end; a search's are trials that its sampler asked for.
What a study keeps of a cell beside its place and mean is in the trial's attributes. `Cell` and `MapView` are how
everybody else sees them, without Optuna, which is imported with the first map: no other page waits for it.
"""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from kd_core.messages import N_, Message, Problem, Scalar, message
from kd_core.sweeps.plan import Plan
from kd_core.techniques import TECHNIQUES

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

PREFIX = "map-"
START_UP = 5  # finished cells before a search prunes
WARM_UP = 25  # percent of a run before which it is not pruned

CellState = Literal["waiting", "running", "finished", "pruned", "failed"]


class Cell(BaseModel):
    """One cell: where the axes are, its run, and how it went.

    measures: seed -> validation errors per 10,000 (or loss) of the arm that the technique asks about, after the
    last epoch; of several tasks the mean. seconds: that its run took; 0 for one that was in the store.
    """

    model_config = ConfigDict(frozen=True)

    at: dict[str, Scalar]
    state: CellState = "waiting"
    run: str | None = None
    measures: dict[int, float] = {}
    problem: Message | None = None
    seconds: float = 0.0

    @property
    def mean(self) -> float | None:
        """Mean over the seeds."""
        return fmean(self.measures.values()) if self.measures else None


class MapView(BaseModel):
    """One moment of a map. state: "interrupted" for one that no server carries out at present.

    losses: whether its measures are losses, not errors. problem: why it ended early.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    plan: Plan
    state: Literal["running", "finished", "stopped", "interrupted"]
    cells: tuple[Cell, ...]
    created: datetime
    losses: bool
    seconds: float
    problem: Message | None = None

    @property
    def done(self) -> int:
        """How many cells nothing more will happen to."""
        return sum(cell.state in ("finished", "pruned", "failed") for cell in self.cells)

    @property
    def finished(self) -> tuple[Cell, ...]:
        """The cells that have something to be compared by."""
        return tuple(cell for cell in self.cells if cell.state == "finished" and cell.measures)

    def centre(self, cell: Cell) -> float:
        """What a cell's measures come to: their mean; of losses, which are compared by factors, the geometric."""
        values = list(cell.measures.values())
        return geometric_mean(values) if self.losses and min(values) > 0 else fmean(values)

    @property
    def best(self) -> Cell | None:
        """The finished cell of the least `centre`."""
        return min(self.finished, key=self.centre, default=None)

    def experiment(self, cell: Cell) -> str:
        """The same for cells that differ only in settings that have no effect there: one experiment."""
        return self.plan.settings_at(cell.at).experiment


KEPT_NOWHERE = N_("Maps are not kept at present, and end with the lab: {why}")


def opened(url: str | None) -> "tuple[BaseStorage, Message | None]":
    """Where maps are kept: that database (default: the store's); where it can't be used memory alone, and why."""
    from optuna.storages import InMemoryStorage, RDBStorage

    from kd_core.runs.store import Store, default_url

    try:
        url = url or default_url()
    except Problem as problem:
        return InMemoryStorage(), message(KEPT_NOWHERE, why=problem.message)
    store = Store(url)  # brings the database up to date: its older tables stood in Optuna's way
    store.history(1)
    try:
        if store.problem is not None:
            raise Problem("{why}", why=store.problem)
        with quiet():
            return RDBStorage(url), None
    except Exception as error:
        said = error.message if isinstance(error, Problem) else str(error).splitlines()[0][:160]
        return InMemoryStorage(), message(KEPT_NOWHERE, why=said)
    finally:
        store.close()


@contextmanager
def quiet() -> Iterator[None]:
    """Without what Optuna says on standard error."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def study_of(storage: "BaseStorage", name: str, plan: Plan) -> "Study":
    """The plan's study, made or found again. Its seed is fixed: a search repeats as far as its timing does."""
    import optuna
    from optuna.trial import TrialState

    study = optuna.create_study(
        study_name=name, storage=storage, load_if_exists=True, direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=0, constant_liar=True, n_startup_trials=max(5, plan.trials // 4)),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=START_UP, n_warmup_steps=WARM_UP),
    )  # fmt: skip
    if "plan" not in study.user_attrs:
        study.set_user_attr("plan", plan.model_dump())
        study.set_user_attr("created", datetime.now(UTC).isoformat())
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):  # of a server that ended
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def plan_of(study: "Study") -> Plan | None:
    """The plan of a study; None for one of a lab that had other settings."""
    try:
        plan = Plan.model_validate(study.user_attrs["plan"])
        plan.check()
    except (KeyError, ValueError):  # pydantic's and Problem are ValueErrors
        return None
    return plan


def created(study: "Study") -> datetime:
    return datetime.fromisoformat(study.user_attrs.get("created", "1970-01-01T00:00:00+00:00"))


def recalled(study: "Study", plan: Plan) -> MapView:
    """A map as its study knows it. Of a grid, every cell is there; of a search, those that came to an end."""
    told = [cell for trial in study.get_trials(deepcopy=False) if (cell := _cell(plan, trial)) is not None]
    cells = told
    if not plan.trials:
        found = {_key(cell.at): cell for cell in sorted(told, key=lambda cell: cell.state == "finished")}
        cells = [found.get(_key(at), Cell(at=at)) for at in plan.grid()]
    known = TECHNIQUES[plan.technique].settings
    losses = known.parse(plan.settings).model_dump().get("problem") == "sinusoids"
    finished = all(c.state != "waiting" for c in cells) and len(cells) >= plan.trials
    return MapView(
        id=study.study_name.removeprefix(PREFIX), plan=plan, state="finished" if finished else "interrupted",
        cells=tuple(cells), created=created(study), losses=losses,
        seconds=float(study.user_attrs.get("seconds", 0.0)),
    )  # fmt: skip


def _cell(plan: Plan, trial: "FrozenTrial") -> Cell | None:
    """The cell that a study's trial was; None for one that was cut off."""
    told = trial.user_attrs
    if "state" not in told or set(trial.params) != {axis.field for axis in plan.axes}:
        return None
    problem = Message.model_validate(told["problem"]) if told.get("problem") else None
    return Cell(
        at={axis.field: typed(plan, axis.field, trial.params[axis.field]) for axis in plan.axes},
        state=told["state"], run=told["run"], problem=problem, seconds=told.get("seconds", 0.0),
        measures={int(seed): value for seed, value in told["measures"].items()},
    )  # fmt: skip


def attributes(cell: Cell) -> dict[str, Any]:
    """What a study keeps of a cell beside its place and mean."""
    return dict(
        state=cell.state, run=cell.run, measures={str(seed): value for seed, value in cell.measures.items()},
        problem=cell.problem.model_dump() if cell.problem else None, seconds=cell.seconds,
    )  # fmt: skip


def _key(at: Mapping[str, Scalar]) -> str:
    return json.dumps(dict(at), sort_keys=True)


def typed(plan: Plan, name: str, value: Any) -> Scalar:
    """An axis's value as the setting has it: Optuna may hand a float that was rounded, or an int as a float."""
    spec = TECHNIQUES[plan.technique].settings.specs()[name]
    return value if spec.choices or spec.kind is bool else spec.kind(value)


def distributions(plan: Plan) -> dict[str, Any]:
    """Of a grid the very values; of a search whatever lies between the least and the largest of each axis."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    specs = TECHNIQUES[plan.technique].settings.specs()
    for axis in plan.axes:
        spec, values = specs[axis.field], axis.values
        if spec.choices or spec.kind is bool:
            found[axis.field] = CategoricalDistribution(values)
            continue
        low, high = min(values), max(values)
        by_factors = spec.log and float(low) > 0
        if spec.kind is int:
            found[axis.field] = IntDistribution(int(low), int(high), log=by_factors)
        else:
            found[axis.field] = FloatDistribution(float(low), float(high), log=by_factors)
    return found
