"""The techniques of the lab."""

from kd_core.distillation.settings import DistillationSettings
from kd_core.meta_learning.settings import MetaSettings
from kd_core.multitask.settings import MultitaskSettings
from kd_core.settings.base import Settings
from kd_core.transfer.settings import TransferSettings

TECHNIQUES: dict[str, type[Settings]] = {
    "distillation": DistillationSettings,
    "transfer": TransferSettings,
    "multitask": MultitaskSettings,
    "meta_learning": MetaSettings,
}
