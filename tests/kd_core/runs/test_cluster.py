"""The workers' process: it says where it is, and never outlives whoever started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from test_queue import until

from kd_core.runs import cluster

HERE = str(Path(__file__).parent)
ROOT = str(Path(__file__).parents[3])

# A server with a run under way; it prints a line once the workers are busy.
SERVER = """
import time
from kd_core.runs.queue import Queue
from toy_technique import ToySettings
queue = Queue(modules=("toy_technique",))
handle = queue.submit(ToySettings(steps=5000))
while not any(stage == "student" or loss for (stage, *_), loss in handle.view().losses.items()):
    time.sleep(0.01)
print("busy", flush=True)
{then}
"""


@pytest.mark.parametrize(("memory", "workers"), [(1e9, 1), (2e9, 1), (2.2e9, 2), (64e9, 8)])
def test_there_are_as_many_workers_as_the_memory_holds(monkeypatch, memory, workers):
    monkeypatch.delenv("KD_WORKERS", raising=False)
    monkeypatch.setattr("dask.system.CPU_COUNT", 8)
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", int(memory))
    assert cluster._workers() == workers
    monkeypatch.setenv("KD_WORKERS", "3")
    assert cluster._workers() == 3  # whoever says so knows


def start(*command, workers=1):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((ROOT, HERE)), "KD_WORKERS": str(workers)}
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        text=True,
    )


def family(process):
    """The process's workers and helpers, once its first line says that they are there."""
    line = process.stdout.readline().strip()
    return line, psutil.Process(process.pid).children(recursive=True)


def assert_gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


def cluster_ends(process, workers):
    """It ends, tells nothing on the terminal, and leaves nothing behind."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (out, err) == ("", "")
    assert_gone(workers)


def test_it_prints_one_address_and_ends_when_its_input_closes():
    process = start("-m", "kd_core.runs.cluster", workers=2)
    address, workers = family(process)
    assert address.startswith("tcp://127.0.0.1:")
    assert len(workers) >= 2
    everyone = [psutil.Process(process.pid), *workers]
    listening = [c.laddr.ip for one in everyone for c in one.net_connections() if c.status == "LISTEN"]
    assert set(listening) == {"127.0.0.1"}
    if Path("/proc/self/maps").exists():
        assert "libtorch" not in Path(f"/proc/{process.pid}/maps").read_text()
    cluster_ends(process, workers)


@pytest.mark.proof
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM")
def test_it_ends_on_sigterm():
    process = start("-m", "kd_core.runs.cluster")
    _, workers = family(process)
    process.send_signal(signal.SIGTERM)
    cluster_ends(process, workers)


def test_its_workers_end_when_it_is_killed():
    process = start("-m", "kd_core.runs.cluster")
    _, workers = family(process)
    process.kill()
    assert_gone(workers)
    process.communicate()


@pytest.mark.proof
def test_it_ends_when_its_parent_dies_while_it_starts():
    process = start("-m", "kd_core.runs.cluster")
    workers = until(psutil.Process(process.pid).children)
    process.stdin.close()
    process.stdin = None
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert_gone(workers)


# Python's own answer to SIGTERM is to end at once, as on SIGKILL; the others leave the closing to `atexit`.
@pytest.mark.proof
@pytest.mark.parametrize("way", ["SIGKILL", "SIGTERM", "end", "exception"])
def test_nothing_is_left_of_a_server_however_it_ends(way):
    then = {"end": "", "exception": "raise SystemExit(3)"}.get(way, "time.sleep(60)")
    process = start("-c", SERVER.format(then=then))
    line, children = family(process)
    assert line == "busy"
    assert len(children) >= 3
    if way.startswith("SIG"):
        process.send_signal(getattr(signal, way))
    _, err = process.communicate(timeout=60)
    assert_gone(children)
    assert err == ""
