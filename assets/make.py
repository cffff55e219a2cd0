"""Rebuild what the first paint shows: `make assets` (more than an hour on two cores).

Each technique's part stands in the file of its name. Written beside this file are: the teacher of all 55,000
labels, the gallery of test digits with its logits, its logits of validation images by label, the Result of
every technique's default settings and that of distillation with all labels, the transfer page's accuracy over
labels, computed by the same queue and workers that the app uses, the two starting points that the meta-learning
page adapts in the browser, the multi-task page's moment of conflict, the map that the page of maps shows first,
what well-known bugs do to a short run, the grids that each page answers from under the hand, size against error
of the summary, and the Result of every preset.
"""

from pathlib import Path

from assets import distillation, durations, grid, grids, maps, meta_learning, multitask, presets, sizes, transfer
from assets.recording import HERE, finished, warm_queue, with_few_networks, without_networks
from kd_core.data.digits import load_mnist
from kd_core.techniques import TECHNIQUES

FEW_NETWORKS = ("transfer",)  # five networks of half a megabyte each
NO_NETWORKS = ("multitask",)  # its mistakes are many, and the page can make none of its images anew


def record(*techniques: str, folder: Path = HERE) -> None:
    """The Result of the default settings, through the queue: of `techniques`, or of all there are."""
    for name in techniques or tuple(TECHNIQUES):
        queue = warm_queue()
        result = finished(queue.submit(TECHNIQUES[name].settings()))
        queue.close()
        if name in FEW_NETWORKS:
            result = with_few_networks(result)
        if name in NO_NETWORKS:
            result = without_networks(result)
        (folder / f"recorded-{name}.json").write_text(result.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    mnist = load_mnist()
    teacher = distillation.make_teacher(mnist)
    distillation.make_gallery(teacher, mnist)
    distillation.make_classes(teacher, mnist)
    record()
    distillation.record_all_labels()
    transfer.record_labels()
    meta_learning.record_sinusoid()
    multitask.record_step()
    transfer.record_lambda()
    maps.record_map()
    distillation.record_bugs()
    grid.record()
    for record_grid in grids.RECORDERS.values():
        record_grid()
    sizes.record()
    presets.record()
    durations.record()
