"""Websocket sessions with a real server without a browser: cheap enough for hundreds, and able to say anything."""

import time
from contextlib import ExitStack, suppress

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class Visitor:
    """A websocket that speaks Streamlit's protocol, which has no public client, or says anything else."""

    def __init__(self, lab) -> None:
        self._address = lab.address.replace("http", "ws") + "/_stcore/stream"
        self._open = ExitStack()
        self.ids: dict[str, str] = {}  # name of a client-side part -> its id

    def __enter__(self) -> "Visitor":
        self.socket = self._open.enter_context(connect(self._address, subprotocols=["streamlit"], max_size=None))
        return self

    def __exit__(self, *_raised: object) -> None:
        self._open.close()

    def send(self, content: bytes | str) -> None:
        with suppress(ConnectionClosed):
            self.socket.send(content)

    def ask(self, page: str, query: str = "", states=()) -> list[str]:
        """Have the page drawn; returns what it shows of errors. It must come to its end in time."""
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = page, query
        for name, value in states:
            widget = asked.rerun_script.widget_states.widgets.add()
            widget.id, widget.json_value = name, value
        self.socket.send(asked.SerializeToString())
        return self.shown()

    def shown(self) -> list[str]:
        wrong, until = [], time.monotonic() + 30  # of a busy machine; the server's own time is measured apart
        while True:
            message = ForwardMsg.FromString(self.socket.recv(until - time.monotonic()))
            if message.WhichOneof("type") == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "exception":
                    wrong.append(element.exception.type + ": " + element.exception.message)
                elif element.WhichOneof("type") == "bidi_component":
                    self.ids[element.bidi_component.component_name.rpartition(".")[2]] = element.bidi_component.id
            elif message.WhichOneof("type") == "session_event":
                assert not message.session_event.script_compilation_exception.message
            elif (
                message.WhichOneof("type") == "script_finished"
                and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                return wrong


def costs(lab) -> tuple[float, float]:
    """Seconds of the processor that the server has taken, and its MB."""
    process = psutil.Process(lab.process.pid)
    times = process.cpu_times()
    return times.user + times.system, process.memory_info().rss / 1e6
