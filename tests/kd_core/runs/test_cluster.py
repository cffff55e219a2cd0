"""The workers' process: it says where it is, and never outlives whoever started it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
from distributed.security import Security
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


@pytest.mark.parametrize(("memory", "workers"), [(5e8, 1), (1e9, 1), (1.2e9, 2), (64e9, 8)])
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


def answer(port, context=None):
    """The first bytes said there to somebody who asks for a page, over TLS with a context; b"" for none."""
    with suppress(OSError), ExitStack() as opened:  # ssl.SSLError is one
        speaking = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        if context:
            speaking = opened.enter_context(context.wrap_socket(speaking, server_hostname="dask-internal"))
        speaking.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return speaking.recv(4)
    return b""


def context_of(keys):
    """What a client of these keys would use."""
    certificate = keys["certificate"]
    own = {"tls_ca_file": certificate, "tls_client_cert": certificate, "tls_client_key": keys["key"]}
    return Security(require_encryption=True, **own).get_connection_args("client")["ssl_context"]


def test_it_prints_where_it_is_and_speaks_to_nobody_without_its_keys_and_ends_when_its_input_closes():
    process = start("-m", "kd_core.runs.cluster", workers=2)
    line, workers = family(process)
    told = json.loads(line)
    assert told["address"].startswith("tls://127.0.0.1:")
    assert len(workers) >= 2
    everyone = [psutil.Process(process.pid), *workers]
    listening = [c.laddr for one in everyone for c in one.net_connections() if c.status == "LISTEN"]
    assert {where.ip for where in listening} == {"127.0.0.1"}
    mine, other = context_of(told), Security.temporary()  # a stranger makes keys as well as we do
    others = other.get_connection_args("client")["ssl_context"]
    others.check_hostname, others.verify_mode = False, ssl.CERT_NONE
    assert answer(int(told["address"].rpartition(":")[2]), mine)  # its greeting
    plainly = {where.port: answer(where.port)[:1] for where in listening}  # scheduler, workers, nannies
    assert {*plainly.values()} <= {b"", b"\x15", b"H"}  # nothing, an alert of TLS, or the empty page of HTTP
    guarded = [port for port, said in plainly.items() if said != b"H"]
    assert len(guarded) == 5
    assert [answer(port, others) for port in guarded] == [b""] * 5
    for one in everyone:  # what others may read of a process
        assert "PRIVATE" not in " ".join([*one.cmdline(), *one.environ().values()])
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
