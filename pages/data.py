"""Your data: images of your own, to distil and to transfer on."""

from app.own_data import page
from app.shell.frame import opening
from kd_core.messages import N_

_ = opening(
    N_("Your data"),
    N_("Bring **images of your own**, and ask of them what the lab asks of digits: does a teacher help a small "
       "network, and how sure is that?"),
)  # fmt: skip

page.added(_)
page.listed(_)
page.add_one(_)
page.forms(_)
