"""Workers of several machines: each loads its own data, one has none, one dies, one is silent for a while.

The machines are processes of `dask worker`, as docs/deployment.md starts them, each with a data folder of its own.
"""

import os
import signal
import sqlite3
import time

import pytest
from distributed import Client
from test_queue import until

from benchmarks import scale
from kd_core.distillation import Settings, run
from kd_core.paths import mnist_folder
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.runs.tasks import TOPIC

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGKILL nor SIGSTOP"),
]
SETTINGS = Settings(student="mlp30", train_size=500, epochs=60, seeds=8)  # a trial takes about two seconds
SILENT_SECONDS = 10
# For a machine without data that cannot fetch them either.
OFFLINE = {
    "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9",
    "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "",
}  # fmt: skip


def machine(folder, files=()):
    """The environment of a worker whose data folder has these files of MNIST."""
    raw = mnist_folder(folder)
    raw.mkdir(parents=True)
    for file in files:
        (raw / file.name).symlink_to(file)
    return {**OFFLINE, "KD_DATA_DIR": str(folder)}


@pytest.fixture(scope="module")
def cluster(mnist, tmp_path_factory):
    """Four workers that have MNIST and then one that has not: (address, their processes)."""
    folder = tmp_path_factory.mktemp("machines")
    files = [file for file in mnist_folder().iterdir() if "ubyte" in file.name]
    machines = [*(machine(folder / str(place), files) for place in range(4)), machine(folder / "empty")]
    with scale.cluster(5, apart=machines) as (address, (_, *workers)):
        yield address, workers


def test_one_dies_one_is_silent_one_has_no_data_and_the_numbers_are_those_of_one_process(cluster, mnist, tmp_path):
    address, (*others, dies, silent, empty) = cluster
    database = tmp_path / "lab.db"
    queue = Queue(env={"KD_SCHEDULER": address}, modules=(SETTINGS.module,), store=Store(f"sqlite:///{database}"))
    with Client(address, set_as_default=False) as client:
        until(lambda: len(queue._loaded) == 5)  # all have loaded what they have
        assert queue.data.name == "MNIST"
        (notice,) = map(str, queue.data.notices)
        assert "has UCI digits, not MNIST: it is given nothing. This is NOT MNIST" in notice
        handle = queue.submit(SETTINGS)
        until(lambda: handle.view().trials_done >= 1)  # each has a task by now
        dies.send_signal(signal.SIGKILL)
        silent.send_signal(signal.SIGSTOP)
        time.sleep(SILENT_SECONDS)
        silent.send_signal(signal.SIGCONT)
        view = handle.wait(180)
        said = [news for _, news in client.get_events(TOPIC)]
    queue.close()
    assert (view.state, str(view.problem)) == ("finished", "None")
    assert any("A worker process died" in str(notice) for notice in view.notices)
    began = {news["pid"] for news in said if news["kind"] == "started"}
    assert began == {worker.pid for worker in (*others, dies, silent)}
    assert empty.poll() is None

    *_, alone = run(SETTINGS, mnist)
    assert view.result.without_timings() == alone.without_timings()
    with sqlite3.connect(database) as kept:
        assert kept.execute("select count(*), count(distinct seed) from finished_trials").fetchone() == (8, 8)
        assert kept.execute("select state from runs").fetchall() == [("finished",)]
