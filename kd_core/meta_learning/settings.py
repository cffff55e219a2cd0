"""What a meta-learning run may vary, and the names of its arms. No torch here."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from kd_core.messages import N_, Problem
from kd_core.settings import common
from kd_core.settings.base import Job, Settings
from kd_core.settings.fields import field

# The arms of a meta-learning run; "from scratch" is the transfer run's word too.
MAML, FIRST_ORDER = N_("MAML"), N_("MAML, first order")
PRETRAINED, REPTILE = N_("joint pre-training"), N_("Reptile")
ORACLE = N_("oracle (knows amplitude and phase)")
CENTROID_PIXELS = N_("nearest centroid, pixels")
CENTROID_FEATURES = N_("nearest centroid, pre-trained features")
PROBLEMS = {
    "sinusoids": N_("sinusoids"),
    "digits": N_("digits never seen before"),
}
HELD_OUT = 3  # digits that no training task shows
EFFORT = {MAML: 3.0, FIRST_ORDER: 2.0, REPTILE: 3.0, PRETRAINED: 1.0, ORACLE: 1.0}  # of a trial's time, roughly
SIDE_BY_SIDE = 5  # trials of sinusoids whose networks one worker trains as one batch


class MetaSettings(Settings):
    """What a meta-learning run may vary. L_meta = Σ_i L_i(θ − α ∇L_i(θ; support); query)."""

    technique: ClassVar[str] = "meta_learning"
    module: ClassVar[str] = "kd_core.meta_learning.trainer"
    stages: ClassVar[Mapping[str, str]] = {
        "tasks": N_("1 · Draw the tasks"),
        "meta": N_("2 · Learn where to start"),
    }
    shares: ClassVar[Mapping[str, float]] = {"tasks": 1.0}

    problem: Literal["sinusoids", "digits"] = field(
        "sinusoids", choices=PROBLEMS, label=N_("Tasks"),
        help=N_("What the tasks are: curves to fit through a few points (amplitude 0.1 to 5, phase 0 to π), or a "
                "few digits to tell apart (seven are learned on, three held out)."),
    )  # fmt: skip
    shots: int = field(
        10, ge=1, le=500, step=1, log=True, symbol="K", label=N_("Examples K"),
        help=N_("Labelled examples to learn from in each task: points of a curve, or images of each digit."),
    )  # fmt: skip
    inner_lr: float = field(
        0.01, ge=1e-5, le=100, step=0.01, log=True, symbol="α", label=N_("Inner step size α"),
        help=N_("How far one adaptation step goes: θ − α ∇L on the task's own examples."),
    )  # fmt: skip
    inner_steps: int = field(
        1, ge=1, le=10, step=1, label=N_("Inner steps"),
        help=N_("Adaptation steps that the starting point is trained for, and after which arms are compared."),
    )  # fmt: skip
    ways: int = field(
        3, ge=2, le=10, step=1, symbol="N", label=N_("Digits per task N"),
        help=N_("How many digits a task tells apart; without effect on sinusoids."),
    )  # fmt: skip
    first_order: bool = field(
        False, more=common.ARMS, label=N_("First order only"),
        help=N_("Leave second-order MAML out: its first-order shortcut takes its place in the verdict."),
    )  # fmt: skip
    reptile: bool = field(
        False, more=common.ARMS, label=N_("One more arm: Reptile"),
        help=N_("Moves the starting point towards where a few plain gradient steps on each task lead."),
    )  # fmt: skip
    iterations: int = field(
        1500, ge=1, le=100_000, step=100, more=common.TRAINING, log=True, label=N_("Meta-steps"),
        help=N_("How often the starting point is moved, each time for a batch of tasks."),
    )  # fmt: skip
    meta_batch: int = field(
        25, ge=1, le=200, step=1, more=common.TRAINING, log=True, unit=N_("tasks"), label=N_("Tasks per meta-step"),
        help=N_("Tasks whose losses are added up in one meta-step."),
    )  # fmt: skip
    meta_lr: float = field(
        0.001, ge=1e-5, le=0.1, step=0.0005, more=common.TRAINING, log=True, label=N_("Outer learning rate"),
        help=N_("Adam's step size for the starting point, in every arm."),
    )  # fmt: skip
    queries: int = field(
        10, ge=1, le=500, step=1, more=common.TRAINING, log=True, label=N_("Queries"),
        help=N_("Examples per training task (for digits: per digit) on which the adapted network is judged."),
    )  # fmt: skip
    seeds: int = common.seeds(
        N_("How many independent trials; each sets first weights, all tasks and the digits held out.")
    )
    seed: int = common.first_seed()
    precision: Literal["float32", "float64"] = field(
        "float32", more=common.TRIALS, label=N_("Arithmetic"), choices={"float32": "float32", "float64": "float64"},
        help=N_("float64 is slower; second derivatives do well in float32."),
    )  # fmt: skip
    device: Literal["cpu", "auto", "cuda", "mps"] = field(
        "cpu", more=common.TRIALS, label=N_("Device"),
        choices={"cpu": "CPU", "auto": N_("fastest here"), "cuda": "CUDA", "mps": "Apple MPS"},
        help=N_("Networks as small as the sinusoids' train fastest on the CPU."),
    )  # fmt: skip

    @property
    def effort(self) -> float:
        return float(self.seeds * self.iterations * self.meta_batch)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Each start that a trial trains or draws; the centroids come with joint pre-training. None is prepared."""
        digits = self.problem == "digits"
        centroids = (CENTROID_PIXELS, CENTROID_FEATURES) if digits else ()
        wanted = {
            MAML: not self.first_order, FIRST_ORDER: True, REPTILE: self.reptile, PRETRAINED: True,
            ORACLE: not digits, common.SCRATCH: True,
        }  # fmt: skip
        return tuple(
            Job(start, (start, *(centroids if start == PRETRAINED else ())), False, EFFORT.get(start, 0.0),
                trials=1 if digits else SIDE_BY_SIDE)
            for start, is_wanted in wanted.items() if is_wanted
        )  # fmt: skip

    @property
    def idle(self) -> frozenset[str]:
        """Reptile is an arm beside the one that is judged; a curve has no digits."""
        return frozenset({"reptile"} | ({"ways"} if self.problem == "sinusoids" else set()))

    def check(self, data: Any) -> None:
        """Refuse what the digits in `data` cannot give. Raises Problem, which says what to change."""
        if self.problem != "digits":
            return
        if self.ways > HELD_OUT:
            raise Problem(
                N_("A task of {given} digits was asked for, but only {there} digits are held out; choose fewer."),
                given=self.ways,
                there=HELD_OUT,
            )
        wanted = self.shots + self.queries
        there = min(int(split.labels.bincount().min()) for split in (data.train, data.validation, data.test))
        if wanted > there:
            raise Problem(
                N_(
                    "A task needs {shots} examples and {queries} queries of each digit, {wanted} images, but a "
                    "part of {data} has only {there} of one; choose fewer."
                ),
                shots=self.shots,
                queries=self.queries,
                wanted=wanted,
                data=data.name,
                there=there,
            )
