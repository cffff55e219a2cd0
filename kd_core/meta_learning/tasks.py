"""Tasks to learn from a few examples, and the network that learns them: sinusoids, and digits never seen before.

A task has a support (the few examples to adapt on) and a query (to judge the adapted network by). Both problems
are `Episodes`. Finn et al. 2017, arXiv 1703.03400, section 5.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import skip_init  # torch's own initialisation would draw from the global generator

from kd_core.data.digits import Digits, Split
from kd_core.meta_learning.settings import HELD_OUT, MetaSettings
from kd_core.nn import arguments
from kd_core.nn.networks import initialise
from kd_core.nn.seeding import seeded

TASKS = {"validation": 25, "test": 100}  # how many there are of each
AMPLITUDES, PHASES, RANGE = (0.1, 5.0), (0.0, math.pi), 5.0  # of the paper; x in [-RANGE, RANGE]
GRID = 100  # evenly spaced x that judge an adapted network, end to end
CHANNELS = 16  # of the digits' network

Batch = tuple[Tensor, Tensor]
Parameters = Mapping[str, Tensor]


@dataclass(frozen=True)
class Tasks:
    """Tasks side by side; every tensor has a leading task dimension.

    support, query: (inputs, targets). told: what a task hides, amplitude and phase [tasks, 2], or the digit
    behind each of its labels [tasks, ways]. images: for digits, the indices of support and query [tasks, …] in the
    split that they were drawn from.
    """

    support: Batch
    query: Batch
    told: Tensor
    images: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.told)

    def split(self, size: int) -> Iterator["Tasks"]:
        """Batches of `size` tasks; what each task's images are is not kept."""
        parts = [part.split(size) for part in (*self.support, *self.query, self.told)]
        for inputs, targets, asked, answers, told in zip(*parts, strict=True):
            yield Tasks((inputs, targets), (asked, answers), told)


def joined(some: Sequence[Tasks]) -> Tasks:
    """The tasks of several trials of a `batched` problem, trial by trial; one trial's as they are."""
    if len(some) == 1:
        return some[0]

    def of_all(batches: Iterable[Batch]) -> Batch:
        inputs, targets = zip(*batches, strict=True)
        return torch.cat(inputs), torch.cat(targets)

    support, query = of_all(one.support for one in some), of_all(one.query for one in some)
    return Tasks(support, query, torch.cat([one.told for one in some]))


class Episodes(ABC):
    """A problem: what tasks it has, which network learns them, and what it learns when they are not told apart.

    seed: sets its validation and test tasks. batched: whether several networks are computed as one batch, for
    little more than the time of one; at_once: how many batches of training tasks are drawn in one go.
    """

    classifies: bool
    batched = False
    at_once = 1  # of digits they are images, and fill the memory

    def __init__(self, settings: MetaSettings, seed: int) -> None:
        self._settings, self._seed = settings, seed
        self._net = self.network(seeded(seed, "shape"))

    @abstractmethod
    def network(self, generator: torch.Generator) -> nn.Sequential:
        """The network that adapts, its weights drawn from `generator`."""

    def answer(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What the network with `parameters` answers to the inputs of one task: y [N, 1], or logits [N, ways]."""
        return functional_call(self._net, dict(parameters), (inputs,))

    def answers(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """The same of several tasks side by side, each with parameters of its own: both have a task dimension."""
        if len(inputs) == 1:  # one network's convolutions as they are, not as the groups that `vmap` makes
            return self.answer({name: value[0] for name, value in parameters.items()}, inputs[0]).unsqueeze(0)
        return vmap(self.answer)(dict(parameters), inputs)

    def loss(self, parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of the network with `parameters` on one task, a scalar."""
        return self.criterion(self.answer(parameters, inputs), targets)

    @abstractmethod
    def criterion(self, answers: Tensor, targets: Tensor) -> Tensor:
        """The loss of answers, of one task or (then the mean) of several side by side, a scalar."""

    def losses(self, answers: Tensor, targets: Tensor, trials: int) -> Tensor:
        """[trials]: the loss of each, the mean over its tasks. How many others there are changes no bit of it."""
        each = zip(answers.unflatten(0, (trials, -1)), targets.unflatten(0, (trials, -1)), strict=True)
        return torch.stack([self.criterion(*one) for one in each])

    @abstractmethod
    def judge(self, answers: Tensor, targets: Tensor) -> Tensor:
        """[tasks]: each task's mean squared error, or the share of its queries that are answered wrongly."""

    def joint_network(self, generator: torch.Generator) -> nn.Sequential:
        """The network that is pre-trained jointly."""
        return self.network(generator)

    @abstractmethod
    def pooled(self, tasks: Tasks) -> Batch:
        """All examples of all tasks as one batch, for joint pre-training."""

    def start_from(self, joint: Parameters) -> dict[str, Tensor]:
        """Where a new task starts from jointly pre-trained parameters."""
        return dict(joint)

    @abstractmethod
    def draw(self, tasks: int, generator: torch.Generator) -> Tasks:
        """Training tasks."""

    def stream(self, generator: torch.Generator) -> Iterator[Tasks]:
        """Batches of training tasks without end: what every arm of a trial is shown."""
        size = self._settings.meta_batch
        while True:
            yield from self.draw(size * self.at_once, generator).split(size)

    @abstractmethod
    def fixed(self, part: str) -> Tasks:
        """The tasks of "validation" or "test", the same for every arm of the trial."""


def problem_of(settings: MetaSettings, data: Digits, seed: int) -> Episodes:
    """The problem that `settings` names; `seed` sets its validation and test tasks, and the digits held out."""
    return NewDigits(settings, data, seed) if settings.problem == "digits" else Sinusoids(settings, seed)


def _place(batch: Batch, settings: MetaSettings) -> Batch:
    """Inputs in the arithmetic and both on the device of `settings`; targets keep their kind if they are labels."""
    inputs, targets = batch
    targets = targets.to(_precision(settings)) if targets.is_floating_point() else targets
    return inputs.to(settings.device, _precision(settings)), targets.to(settings.device)


def _precise(network: nn.Sequential, settings: MetaSettings) -> nn.Sequential:
    return network.to(settings.device, _precision(settings))


def _precision(settings: MetaSettings) -> torch.dtype:
    return torch.float64 if settings.precision == "float64" else torch.float32


# Sinusoids


class Sinusoids(Episodes):
    """y = A sin(x - phase), A in [0.1, 5], phase in [0, pi], x uniform in [-5, 5]: Finn et al. 2017, section 5.1.

    A training task has K support and `queries` query points. Validation and test tasks are judged on 100 evenly
    spaced x, the whole curve. told: whether the network gets amplitude and phase too, beside x (the oracle).
    """

    classifies = False
    batched = True
    at_once = 50  # drawing costs the same calls whether for 25 tasks or for 1,250

    def __init__(self, settings: MetaSettings, seed: int, told: bool = False) -> None:
        self._told = told
        super().__init__(settings, seed)

    def network(self, generator: torch.Generator) -> nn.Sequential:
        """Two layers of 40 with ReLU, from [N, 1] (oracle [N, 3]) to [N, 1]."""
        net = nn.Sequential(
            skip_init(nn.Linear, 3 if self._told else 1, 40),
            nn.ReLU(),
            skip_init(nn.Linear, 40, 40),
            nn.ReLU(),
            skip_init(nn.Linear, 40, 1),
        )
        initialise(net, generator)
        return _precise(net, self._settings)

    def answers(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """y [tasks, N, 1] at inputs [tasks, N, 1] by batched matrix products, a third of the time of `vmap`.

        A product of one column or row is one of elements: a batch of such matrices is slow.
        """
        (first, b1), (second, b2), (last, b3) = (
            (parameters[f"{layer}.weight"], parameters[f"{layer}.bias"].unsqueeze(1)) for layer in (0, 2, 4)
        )
        x = inputs
        x = (torch.baddbmm(b1, x, first.mT) if self._told else x * first.mT + b1).relu()
        x = torch.baddbmm(b2, x, second.mT).relu()
        return (x * last).sum(2, keepdim=True) + b3

    def criterion(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error."""
        return F.mse_loss(answers, targets)

    def losses(self, answers: Tensor, targets: Tensor, trials: int) -> Tensor:
        """[trials]: each trial's mean squared error, of all trials at once."""
        return (answers - targets).square().view(trials, -1).mean(1)

    def judge(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Each task's mean squared error."""
        return (answers - targets).pow(2).mean((1, 2))

    def pooled(self, tasks: Tasks) -> Batch:
        """Every point of every curve, as if they were all of one."""
        x, y = (torch.cat([s, q], dim=1).flatten(0, 1) for s, q in zip(tasks.support, tasks.query, strict=True))
        return x, y

    def draw(self, tasks: int, generator: torch.Generator) -> Tasks:
        """Tasks with K random support and `queries` random query points."""
        hidden = _hidden(tasks, generator)
        count = self._settings.shots + self._settings.queries
        x = _points(tasks, count, generator)
        return self._tasks(hidden, x[:, : self._settings.shots], x[:, self._settings.shots :])

    def fixed(self, part: str) -> Tasks:
        """The tasks of "validation" or "test"; the same for every arm of the trial."""
        generator = seeded(self._seed, f"{part} tasks")
        hidden = _hidden(TASKS[part], generator)
        support = _points(TASKS[part], self._settings.shots, generator)
        query = torch.linspace(-RANGE, RANGE, GRID).view(1, -1, 1).expand(TASKS[part], -1, -1)
        return self._tasks(hidden, support, query)

    def _tasks(self, hidden: Tensor, support: Tensor, query: Tensor) -> Tasks:
        def batch(x: Tensor) -> Batch:
            amplitude, phase = hidden[:, 0, None, None], hidden[:, 1, None, None]
            y = amplitude * torch.sin(x - phase)
            if self._told:
                x = torch.cat([x, hidden.unsqueeze(1).expand(-1, x.shape[1], -1)], dim=2)
            return _place((x, y), self._settings)

        return Tasks(batch(support), batch(query), hidden)


def _hidden(tasks: int, generator: torch.Generator) -> Tensor:
    """Amplitude and phase [tasks, 2], uniform."""
    low, high = torch.tensor([AMPLITUDES, PHASES]).T
    return low + (high - low) * torch.rand(tasks, 2, generator=generator)


def _points(tasks: int, count: int, generator: torch.Generator) -> Tensor:
    return RANGE * (2 * torch.rand(tasks, count, 1, generator=generator) - 1)


# Digits


def held_out(seed: int) -> tuple[int, ...]:
    """The three digits that the trial of `seed` holds out: a fixed shuffled list of all 120 triples, in turn."""
    triples = torch.combinations(torch.arange(10), HELD_OUT)
    order = torch.randperm(len(triples), generator=seeded(0, "held-out triples"))
    return tuple(triples[order[seed % len(triples)]].tolist())


class NewDigits(Episodes):
    """N-way K-shot digits: seven to train and validate on (training and validation images), three to test on.

    A task tells N digits apart, labelled 0 to N - 1 in a random order, from K images of each; `queries` more of
    each judge it.
    """

    classifies = True

    def __init__(self, settings: MetaSettings, data: Digits, seed: int) -> None:
        self._data = data
        self.held_out = held_out(seed)
        self.learned = tuple(digit for digit in range(10) if digit not in self.held_out)
        self._pools = {
            "train": _by_digit(data.train, self.learned),
            "validation": _by_digit(data.validation, self.learned),
            "test": _by_digit(data.test, self.held_out),
        }
        super().__init__(settings, seed)

    def network(self, generator: torch.Generator, outputs: int = 0) -> nn.Sequential:
        """Mean of 2x2 pixels, two 3x3 convolutions of stride 2 (14 -> 7 -> 4), a linear layer to N or `outputs`.

        Small on purpose: hundreds of meta-steps while one watches, and tasks side by side are what is fast then.
        """
        net = nn.Sequential(
            nn.AvgPool2d(2), _conv(1), nn.ReLU(), _conv(CHANNELS), nn.ReLU(), nn.Flatten(),
            skip_init(nn.Linear, 16 * CHANNELS, outputs or self._settings.ways),
        )  # fmt: skip
        initialise(net, generator)
        return _precise(net, self._settings)

    def criterion(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of logits [..., N] and labels [...]."""
        return F.cross_entropy(answers.flatten(0, -2), targets.flatten())

    def judge(self, answers: Tensor, targets: Tensor) -> Tensor:
        """Each task's share of queries whose largest logit [tasks, Q, N] is not that of its label [tasks, Q]."""
        return (answers.argmax(2) != targets).to(answers).mean(1)

    def joint_network(self, generator: torch.Generator) -> nn.Sequential:
        """The same network with an output for each of the seven digits; all layers but the last are equal."""
        return self.network(generator, len(self.learned))

    def pooled(self, tasks: Tasks) -> Batch:
        """All images of all tasks, labelled with their digit's place among the seven."""
        place = torch.full((10,), -1)
        place[list(self.learned)] = torch.arange(len(self.learned))
        true = place[tasks.told].to(tasks.query[1].device)
        labels = [true.gather(1, label).flatten() for _, label in (tasks.support, tasks.query)]
        images = [image.flatten(0, 1) for image, _ in (tasks.support, tasks.query)]
        return torch.cat(images), torch.cat(labels)

    def start_from(self, joint: Parameters) -> dict[str, Tensor]:
        """The pre-trained layers under a new last one of zeros: a stronger rival than random weights."""
        start = dict(joint)
        for name in list(start)[-2:]:
            old = start[name]
            start[name] = old.new_zeros(self._settings.ways, *old.shape[1:])
        return start

    def features(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What the last layer is given: inputs [tasks, N, 1, 28, 28] -> [tasks, N, D]."""
        body = dict(list(parameters.items())[:-2])
        seen = functional_call(self._net[:-1], body, (inputs.flatten(0, 1),))
        return seen.view(*inputs.shape[:2], -1)

    def draw(self, tasks: int, generator: torch.Generator) -> Tasks:
        """Tasks of the seven digits' training images."""
        return self._draw("train", self.learned, tasks, generator)

    def fixed(self, part: str) -> Tasks:
        """The tasks of "validation", of the seven digits, or "test", of the three held out."""
        digits = self.held_out if part == "test" else self.learned
        return self._draw(part, digits, TASKS[part], seeded(self._seed, f"{part} tasks"))

    def _draw(self, part: str, digits: tuple[int, ...], tasks: int, generator: torch.Generator) -> Tasks:
        ways, shots = self._settings.ways, self._settings.shots
        each = shots + self._settings.queries
        split = getattr(self._data, part)
        chosen = torch.rand(tasks, len(digits), generator=generator).argsort(1)[:, :ways]
        told = torch.tensor(digits)[chosen]
        rows = torch.stack(
            [
                pool[torch.randperm(len(pool), generator=generator)[:each]]
                for pool in (self._pools[part][digit] for digit in told.flatten().tolist())
            ]
        ).view(tasks, ways, each)
        labels = torch.arange(ways).view(1, ways, 1).expand(tasks, ways, each)

        def batch(take: slice) -> Batch:
            at = rows[:, :, take]
            return _place(
                (
                    split.stored[at.flatten()].view(tasks, -1, *split.stored.shape[1:]),
                    labels[:, :, take].flatten(1),
                ),
                self._settings,
            )

        images = rows[:, :, :shots].flatten(1), rows[:, :, shots:].flatten(1)
        return Tasks(batch(slice(0, shots)), batch(slice(shots, each)), told, images)


def _by_digit(split: Split, digits: tuple[int, ...]) -> dict[int, Tensor]:
    """Digit -> the indices of its images."""
    return {digit: (split.labels == digit).nonzero().flatten() for digit in digits}


def centroid_logits(support: Batch, query: Tensor, ways: int) -> Tensor:
    """Minus the squared distance of queries [tasks, Q, D] to each class's mean of support [tasks, S, D].

    [tasks, Q, N]; the nearest centroid's is the largest. Labels are integers [tasks, S] from 0 to ways - 1, each
    there at least once in every task. Half precision gives float32. Raises ValueError for other shapes and labels
    and for classes without an example, TypeError for labels that are no integers. Mensink et al. 2013,
    "Distance-Based Image Classification: Generalizing to New Classes at Near-Zero Cost".
    """
    inputs, labels = support
    arguments.shape("support", inputs, ("tasks", "S", "D"))
    arguments.shape("labels", labels, inputs.shape[:2])
    arguments.shape("query", query, (inputs.shape[0], "Q", inputs.shape[2]))
    ways = arguments.at_least("ways", ways, 1)
    inputs, query = arguments.full(inputs), arguments.full(query)
    weights = F.one_hot(arguments.classes(labels, ways), ways).to(inputs)
    if bool((weights.sum(1) == 0).any()):
        task, missing = (weights.sum(1) == 0).nonzero()[0].tolist()
        raise ValueError(f"task {task} has no example of class {missing}; one of each of {ways} is expected")
    centroids = torch.einsum("tsn,tsd->tnd", weights, inputs) / weights.sum(1).unsqueeze(2)
    return -(query.unsqueeze(2) - centroids.unsqueeze(1)).pow(2).sum(3)


def _conv(inputs: int) -> nn.Conv2d:
    return skip_init(nn.Conv2d, inputs, CHANNELS, 3, stride=2, padding=1)
