"""Prototypes: read an honest verdict on the mean of a few images."""

from kd_core.prototypes.settings import PrototypeSettings

from app.controls.widgets import controls
from app.lessons.player import lesson
from app.results.bundled import recorded
from app.results.page import show
from app.runs.panel import data_notices, watch
from app.shell.frame import opening
from app.techniques import lesson as steps_of
from kd_core.messages import N_

_ = opening(N_("Prototypes"), N_("The mean of a few images stands for its class."), PrototypeSettings)
lesson(steps_of("prototypes"), PrototypeSettings, _)
settings = controls(PrototypeSettings, _)
data_notices(_)
finished = watch(settings, _)
show(finished or recorded("prototypes"), settings, finished is None, _)
