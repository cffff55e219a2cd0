"""The field's words in a sentence each, for the pages that use them: read on hover, focus or a tap."""

from collections.abc import Sequence
from html import escape

from app.figures.arms import Translator
from kd_core.messages import N_

TERMS = {
    "logit": (
        N_("logit"),
        N_(
            "A network's raw output for one class, before the softmax: any number, and only "
            "differences between classes matter."
        ),
    ),
    "softmax": (
        N_("softmax"),
        N_("Turns logits into probabilities: exp(z) of each class over the sum of all."),
    ),
    "temperature": (
        N_("temperature T"),
        N_(
            "Divides the logits before the softmax: above 1 the probabilities move closer "
            "together, and their order stays."
        ),
    ),
    "soft_target": (
        N_("soft target"),
        N_(
            "The probabilities that a teacher gives to all classes at temperature T, learned from"
            " in place of one hard label."
        ),
    ),
    "dark_knowledge": (
        N_("dark knowledge"),
        N_("What a teacher's probabilities of the wrong classes say: which classes look alike to it (Hinton)."),
    ),
    "kl": (
        N_("KL divergence"),
        N_("How far one distribution is from another: Σ p log(p / q), 0 only if they are the same."),
    ),
    "cross_entropy": (
        N_("cross-entropy"),
        N_(
            "The usual loss with labels: minus the logarithm of the probability that the network "
            "gives to the right class."
        ),
    ),
    "entropy": (
        N_("entropy"),
        N_(
            "How undecided a distribution is, in bits: 0 for a certain answer, log₂ 10 = 3.3 for ten classes alike."
        ),
    ),
    "alpha": (
        N_("teacher weight α"),
        N_(
            "The teacher's share of the distillation loss; 1 − α is the labels' share. In some "
            "libraries it is the other way round."
        ),
    ),
    "source": (
        N_("source task"),
        N_("What the network was trained on before, and whose weights are carried over to the new, target task."),
    ),
    "fine_tuning": (
        N_("fine-tuning"),
        N_("Training goes on from the old weights, and all of them may change."),
    ),
    "extraction": (
        N_("feature extraction"),
        N_("The old layers stay frozen; only a new last layer is trained on what they give."),
    ),
    "l2_sp": (
        N_("L2-SP, λ"),
        N_(
            "A penalty that pulls the weights back: λ times their squared distance from the old ones "
            "(Li et al. 2018)."
        ),
    ),
    "negative": (
        N_("negative transfer"),
        N_("Old weights that make the new task worse than starting from scratch."),
    ),
    "body": (
        N_("shared body"),
        N_("The layers that all tasks use; each task has a small head of its own after it."),
    ),
    "task_weight": (
        N_("task weight αᵢ"),
        N_("How much the loss of task i counts in the sum that is minimised."),
    ),
    "conflict": (
        N_("gradient conflict"),
        N_(
            "Two tasks whose gradients have a negative cosine: a step along one raises the loss "
            "of the other, to first order."
        ),
    ),
    "pcgrad": (
        N_("PCGrad"),
        N_("Takes out of each task's gradient the part that points against another task's (Yu et al. 2020)."),
    ),
    "uncertainty": (
        N_("uncertainty weighting"),
        N_("Learns each task's weight as the inverse of its noise (Kendall, Gal, Cipolla 2018)."),
    ),
    "support": (
        N_("support set"),
        N_("The few examples of a new task that a network adapts to."),
    ),
    "query": (
        N_("query set"),
        N_("Other examples of the same task, on which the adapted network is judged."),
    ),
    "inner_step": (
        N_("inner step"),
        N_("One step of gradient descent on the support set, of size α: the adaptation."),
    ),
    "maml": (
        N_("MAML"),
        N_(
            "Learns a starting point from which a few inner steps do well on the query set; its "
            "gradient passes through those steps (Finn et al. 2017)."
        ),
    ),
    "first_order": (
        N_("first-order MAML"),
        N_("MAML without the second derivatives: cheaper, and often nearly as good."),
    ),
    "pre_training": (
        N_("joint pre-training"),
        N_("One network trained on all tasks at once, then adapted: the baseline that MAML has to beat."),
    ),
    "trial": (
        N_("trial"),
        N_(
            "All networks of a run at one seed: the same images, first weights and order of "
            "batches, so that their errors can be subtracted."
        ),
    ),
    "interval": (
        N_("95 % interval"),
        N_(
            "Made in this way again and again, such intervals hold the true mean in 95 of 100 "
            "cases; one that holds 0 shows no difference."
        ),
    ),
}
COMMON = ("trial", "interval")
STYLE = """<style>
.words {position: relative; font-size: .9rem; line-height: 1.9}
.words .term {border-bottom: 1px dotted currentColor; cursor: help; margin-right: .7em; white-space: nowrap}
.words .tip {position: absolute; left: 0; right: 0; bottom: 100%; padding: .5rem .75rem; border-radius: 8px;
 background: #1B2430; color: #fff; line-height: 1.4; white-space: normal; visibility: hidden; z-index: 9}
.words .term:hover .tip, .words .term:focus .tip {visibility: visible}
</style>"""


def glossary(names: Sequence[str], _: Translator) -> str:
    """The terms of these names and those that all pages use, as HTML; each shows its sentence.

    Raises KeyError for a name that is not in `TERMS`.
    """
    terms = [TERMS[name] for name in (*names, *COMMON)]
    shown = "".join(
        f'<span class="term" tabindex="0">{escape(_(term))}<span class="tip" role="tooltip">{escape(_(sentence))}'
        "</span></span> "
        for term, sentence in terms
    )
    heading = _("Terms")
    return f'{STYLE}<div class="words"><b>{escape(heading)}</b>&ensp;{shown}</div>'
