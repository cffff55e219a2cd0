"""`app`: serve the lab by Streamlit, which runs in a process of its own; nothing of it is imported here."""

import argparse
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from kd_core.paths import NO_HOME, part

BECOMES = os.name == "posix"  # whether a process can become another program
LOOPBACK, EVERYWHERE = ("127.0.0.1", "localhost", "::1"), ("0.0.0.0", "::")


def offer_app(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument("--host", metavar="ADDRESS", help="where to listen; default: 127.0.0.1, this computer "
                        "alone; 0.0.0.0 is every network of it, and whoever reaches it can start runs")  # fmt: skip
    parser.add_argument("--port", type=int, help="the port; default: PORT in the environment, else the first free "
                        "one from 8501")  # fmt: skip
    parser.add_argument("options", nargs="*", metavar="-- OPTION", help="further options of `streamlit run`")


def serve(options: argparse.Namespace) -> int:
    """Serve until it is stopped: this process becomes the server, or, on Windows, waits for it; its exit status."""
    port = options.port or os.environ.get("PORT")
    chosen = ["--server.port", str(port)] if port else []
    if options.host:
        chosen += ["--server.address", options.host]
        if options.host not in LOOPBACK:  # it serves others: no browser is opened here
            chosen += ["--server.headless", "true", "--browser.serverAddress", _seen_from_outside(options.host)]
    script = str(part("streamlit_app.py"))
    command = [sys.executable, "-m", "streamlit", "run", script, *chosen, *options.options]
    try:
        Path.home()
    except RuntimeError:  # Streamlit does not start then; the lab goes on, and says what is not kept
        os.environ["HOME"] = NO_HOME
    if BECOMES:  # so who stops this process, as a service or a container is stopped, stops the server
        os.execv(sys.executable, command)
    server = subprocess.Popen(command)
    try:
        return server.wait()
    except KeyboardInterrupt:  # which the terminal has told the server too
        return server.wait()


def _seen_from_outside(host: str) -> str:
    """What others call this computer: without it, Streamlit would ask a host on the internet. Nothing is sent."""
    if host in EVERYWHERE:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # an address for examples (RFC 5737): only the way out is looked up
            return str(probe.getsockname()[0])
        return socket.gethostname()
    return host
