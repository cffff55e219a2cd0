"""Prototypes: read an honest verdict on the mean of a few images."""

from kd_core.prototypes.settings import PrototypeSettings

from app.controls.widgets import controls
from app.lessons.player import lesson
from app.results.page import show, verdict
from app.runs.panel import watch
from app.runs.server import data_notices
from app.shell.frame import opening
from app.techniques import lesson as steps_of
from kd_core.messages import N_

_ = opening(N_("Prototypes"), N_("The mean of a few images stands for its class."), PrototypeSettings)
lesson(steps_of("prototypes"), PrototypeSettings, _)
settings = controls(PrototypeSettings, _)
data_notices(_)
finished = watch(settings, _)
result, is_recorded = verdict(finished, settings, _)
show(result, is_recorded, _)
