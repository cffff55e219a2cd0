"""What else can be taught than softened answers, and the controls that tell why these work.

Each method and each control is one function of tensors with its paper. N batch, C classes. The logit
method itself, the subject of the page, is `kd_core.distillation.distillation_loss`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from kd_core.data.stored import Images
from kd_core.distillation.divergence import allowed_temperature, divergence, floored
from kd_core.nn import arguments
from kd_core.nn.conv_pool import ConvPool
from kd_core.nn.evaluation import EVALUATION_BATCH, predict
from kd_core.nn.networks import initialise
from kd_core.nn.training import LossFn

# Further methods


def decoupled_parts(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float | Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The two parts of each sample's KL(p || q) at temperature T, and the teacher's p of the label: three [N].

        KL(p || q) = TCKD + (1 - p_t) NCKD

    TCKD: KL between the two-class distributions (label, everything else). NCKD: KL among the classes
    that are not the label, each renormalised to 1. Logits are [N, C], C at least 2, labels integers [N]. Computed
    in float64 (`divergence`), returned in the logits' type, for half precision in float32. No gradient reaches
    teacher_logits. Raises Problem unless 1e-100 <= T <= 1e100, ValueError for other shapes and labels, TypeError
    for labels that are no integers.
    Zhao et al. 2022, "Decoupled Knowledge Distillation", arXiv 2203.08679, eq. 5-7.
    """
    temperature = allowed_temperature(temperature)
    arguments.batch(student_logits, teacher_logits, labels)
    if student_logits.shape[1] < 2:
        raise ValueError(f"logits are {list(student_logits.shape)}; at least 2 classes are expected")
    of_label = F.one_hot(arguments.classes(labels, student_logits.shape[1]), student_logits.shape[1]).bool()
    student, teacher = arguments.full(student_logits), arguments.full(teacher_logits.detach())

    def split(logits: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of (label, rest), [N, 2], and those of the rest's own classes, [N, C - 1]."""
        among = arguments.wide(logits)
        rest = among[~of_label].view(len(among), -1)
        total = temperature * (floored(rest, temperature) / temperature).logsumexp(-1)
        return torch.stack([among[of_label], total], dim=1), rest

    (p_two, p_rest), (q_two, q_rest) = split(teacher), split(student)
    of_teacher = F.softmax(floored(p_two, temperature) / temperature, dim=-1)[:, 0]
    parts = divergence(q_two, p_two, temperature), divergence(q_rest, p_rest, temperature), of_teacher
    kept = torch.promote_types(student.dtype, teacher.dtype)
    return parts[0].to(kept), parts[1].to(kept), parts[2].to(kept)


def decoupled_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float | Tensor,
    beta: float | Tensor,
) -> Tensor:
    """T² (TCKD + beta NCKD), averaged over the batch: a scalar.

    The logit method weighs NCKD by 1 - p_t, which is small just where the teacher is sure; here the
    weight is free. The paper also weighs TCKD, by 1 in its experiments. Takes and raises what `decoupled_parts`
    does; beta is a number. Zhao et al. 2022, arXiv 2203.08679.
    """
    temperature, beta = allowed_temperature(temperature), arguments.scalar("beta", beta)
    tckd, nckd, _ = decoupled_parts(student_logits, teacher_logits, labels, temperature)
    loss = temperature * temperature * (arguments.wide(tckd) + beta * arguments.wide(nckd)).mean()
    return loss.to(tckd.dtype)


def unchecked_decoupled_loss(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float, beta: float
) -> Tensor:
    """`decoupled_loss` for training steps: the usual formula in the logits' own arithmetic, without a check."""
    log_p = F.log_softmax(teacher_logits.detach() / temperature, dim=-1)
    log_q = F.log_softmax(student_logits / temperature, dim=-1)
    of_label = F.one_hot(labels, log_p.shape[-1]).bool()

    def split(log_r: Tensor) -> tuple[Tensor, Tensor]:
        """log [label, rest] as [N, 2], and the rest's own distribution [N, C - 1]."""
        rest = log_r[~of_label].view(len(log_r), -1)
        total = rest.logsumexp(-1, keepdim=True)
        return torch.cat([log_r[of_label].unsqueeze(1), total], dim=1), rest - total

    (p_two, p_rest), (q_two, q_rest) = split(log_p), split(log_q)
    tckd = F.kl_div(q_two, p_two, reduction="none", log_target=True).sum(-1)
    nckd = F.kl_div(q_rest, p_rest, reduction="none", log_target=True).sum(-1)
    return temperature * temperature * (tckd + beta * nckd).mean()


def attention_map(features: Tensor) -> Tensor:
    """Where a layer looks: sum over channels of features², flattened and of length 1; [N, C, H, W] -> [N, H W].

    Half precision gives float32. Features of almost 0 (a sum of squares below 1e-12) give a shorter map, 0 gives 0.
    Raises ValueError for other shapes. Zagoruyko, Komodakis 2017, "Paying More Attention to Attention",
    arXiv 1612.03928, section 3.1 (p = 2).
    """
    arguments.shape("features", features, ("N", "C", "H", "W"))
    return F.normalize(arguments.full(features).pow(2).sum(1).flatten(1), dim=1)


def attention_loss(student_map: Tensor, teacher_map: Tensor) -> Tensor:
    """Mean over the batch of ||Q_S - Q_T||² for maps [N, H W] of length 1: a scalar from 0 to 4.

    The paper's own code takes the mean over positions and a weight near 1000. No gradient reaches teacher_map.
    Raises ValueError for shapes that differ: maps of other sizes have to be resized first.
    Zagoruyko, Komodakis 2017.
    """
    arguments.shape("student_map", student_map, ("N", "H W"))
    arguments.alike("student_map", student_map, "teacher_map", teacher_map)
    return (arguments.full(student_map) - arguments.full(teacher_map.detach())).pow(2).sum(1).mean()


def hint_loss(guided: Tensor, hint: Tensor) -> Tensor:
    """Mean over batch and units of (guided - hint)², both [N, D]: a scalar.

    hint: what the teacher's hidden layer gives; guided: the student's, through a linear regressor that is
    trained along. No gradient reaches hint. Raises ValueError for shapes that differ. Romero et al. 2015,
    "FitNets", arXiv 1412.6550, eq. 3 (there a stage before distillation, here a term beside it).
    """
    arguments.shape("guided", guided, ("N", "D"))
    arguments.alike("guided", guided, "hint", hint)
    return F.mse_loss(arguments.full(guided), arguments.full(hint.detach()))


# Controls: the same loss at the same T, with something else in the place of the teacher's logits


def smoothed_logits(
    labels: Tensor, off_label: float | Tensor, temperature: float | Tensor, classes: int = 10
) -> Tensor:
    """Logits [N, C] whose softmax at T is label smoothing: 1 - off_label on the label, the rest spread evenly.

    With off_label the teacher's mean 1 - p_t this is as soft as the teacher on average, and knows nothing
    of what looks like what. torch's label_smoothing is off_label C / (C - 1): it spreads over all classes.
    float32, differentiable in off_label and T; no probability is below 1e-12, so all logits are finite. Raises
    Problem unless 1e-100 <= T <= 1e100, ValueError unless 0 <= off_label <= 1 and C is at least 2, and for labels
    that are not 0 to C - 1.
    Szegedy et al. 2016, arXiv 1512.00567; as a control: Yuan et al. 2020, arXiv 1909.11723.
    """
    temperature, off_label = allowed_temperature(temperature), arguments.scalar("off_label", off_label)
    arguments.at_least("classes", classes, 2)
    if not 0 <= arguments.value(off_label) <= 1:
        raise ValueError(
            f"off_label = {arguments.value(off_label)} was given; a probability from 0 to 1 is expected"
        )
    arguments.shape("labels", labels, ("N",))
    of_label = F.one_hot(arguments.classes(labels, classes), classes).bool()
    target = torch.where(of_label, 1 - off_label, off_label / (classes - 1)).float()
    return (temperature * target.clamp_min(1e-12).log()).float()


def shuffled_logits(teacher_logits: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """The teacher's logits [N, C] with those of the wrong classes permuted, anew for each sample.

    How sure the teacher is of each sample stays; which wrong class is how likely is lost. Gradients flow through.
    Raises ValueError for other shapes and for labels that are not 0 to C - 1.
    Furlanello et al. 2018, "Born-Again Neural Networks", arXiv 1805.04770 (there DKPP).
    """
    arguments.batch(teacher_logits, teacher_logits, labels)
    labels = arguments.classes(labels, teacher_logits.shape[1])
    wrong = ~F.one_hot(labels, teacher_logits.shape[1]).bool()
    others = teacher_logits[wrong].view(len(labels), -1)
    order = torch.rand(others.shape, generator=generator).argsort(1).to(others.device)
    shuffled = teacher_logits.clone()
    shuffled[wrong] = others.gather(1, order).flatten()
    return shuffled


# What a network's inner layers give


class Tap:
    """Keeps what the inner layers of a network gave in its last forward pass.

    After model(images): `maps` is [N, positions], the attention maps of every pooled stage side by side;
    `hidden` is [N, D], what goes into the last layer. Gradients flow through both.
    """

    def __init__(self, model: nn.Sequential) -> None:
        self._stages: dict[int, Tensor] = {}
        self.hidden = torch.empty(0)
        for place, layer in enumerate(model):
            if place + 2 == len(model):
                layer.register_forward_hook(self._keep_hidden)
            elif type(layer) is ConvPool:
                layer.register_forward_hook(lambda _m, _in, out, place=place: self._stages.update({place: out}))

    def _keep_hidden(self, _module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.hidden = output.float()

    @property
    def maps(self) -> Tensor:
        """The attention maps of the last forward pass; empty for networks without pooling."""
        stages = [attention_map(self._stages[place]) for place in sorted(self._stages)]
        return torch.cat(stages, dim=1) if stages else torch.empty(0)


def inner(model: nn.Sequential, images: Images, method: str) -> Tensor:
    """What `method` ("attention" or "hints") compares of the teacher: float32 [N, D] for images [N, 1, 28, 28].

    Raises ValueError for another method.
    """
    _known(method)
    tap, rows = Tap(model), []
    for part in images.split(EVALUATION_BATCH):
        predict(model, part)
        rows.append((tap.maps if method == "attention" else tap.hidden).cpu())
    return torch.cat(rows)


def beside(
    method: str, plain: LossFn, teacher_inner: Tensor, beta: float, model: nn.Sequential, generator: torch.Generator
) -> tuple[LossFn, list[nn.Parameter]]:
    """`plain` plus beta times what `method` ("attention" or "hints") adds, and what it trains along.

    teacher_inner: `inner` of the teacher for the training images, in their order; model: the student.
    Raises ValueError for another method.
    """
    _known(method)
    tap = Tap(model)
    if method == "attention":
        return (
            lambda logits, batch: plain(logits, batch) + beta * attention_loss(tap.maps, teacher_inner[batch]),
            [],
        )
    last = model[-1]
    assert isinstance(last, nn.Linear)
    regressor = skip_init(nn.Linear, last.in_features, teacher_inner.shape[1])
    initialise(regressor, generator)
    regressor.to(last.weight.device)
    return (
        lambda logits, batch: plain(logits, batch) + beta * hint_loss(regressor(tap.hidden), teacher_inner[batch]),
        list(regressor.parameters()),
    )


def _known(method: str) -> None:
    if method not in ("attention", "hints"):
        raise ValueError(f'method {method!r} was given; "attention" and "hints" look into a teacher')
