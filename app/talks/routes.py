"""The place of a talk, for the projector's window and the speaker's: small requests beside Streamlit.

GET  /talk/KEY   JSON: where the talk is, and for how long it has gone on
POST /talk/KEY   JSON {"technique": …, "at": …, "revealed": […]}, or {"clock": true} to start the clock anew, or
                 both; it answers as GET does

Whoever has the key may turn the talk. It cannot be guessed, and is shown in the speaker's view alone.
"""

from dataclasses import asdict
from functools import cache

from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.rooms.address import base
from app.rooms.routes import limited, sent_as
from app.runs.server import store
from kd_core.messages import N_, Problem
from kd_core.runs.talks import Talks
from kd_core.techniques import NAMES

MOST_STEPS = 50


class Sent(BaseModel):
    """What a window sends."""

    technique: str = ""
    at: int = Field(0, ge=0, le=MOST_STEPS)
    revealed: list[int] = Field([], max_length=MOST_STEPS)
    clock: bool = False


@cache
def talks() -> Talks:
    """The server's talks."""
    return Talks(store())


def path_of(key: str) -> str:
    """Where the place of a talk is asked for."""
    return f"{base()}/talk/{key}"


def talk_routes() -> list[Route]:
    """The route of this file, under the lab's path."""
    return [Route(path_of("{code}"), limited(_place), methods=["GET", "POST"])]


async def _place(request: Request) -> Response:
    key = str(request.path_params["code"])[:40]
    if request.method == "POST":
        sent = await sent_as(Sent, request)
        if sent is None:
            raise Problem(N_("This is no place of a talk: it must be JSON with a technique and a step."))
        technique = sent.technique if sent.technique in NAMES else ""
        found = await run_in_threadpool(talks().turn, key, technique, sent.at, sent.revealed, clock=sent.clock)
    else:
        found = await run_in_threadpool(talks().place, key)
    return JSONResponse(asdict(found), headers={"cache-control": "no-store"})
