"""The pages for phones, beside Streamlit: a room's page, what it shows now, and a guess.

GET  /c/CODE         the page, some 8 kB; with it a browser gets the visitor's cookie, by which it is one device
GET  /c/CODE/state   JSON, the same for all; 304 with no body where the phone has it already
POST /c/CODE/guess   JSON {"question": …, "choice": …}; 204, or one sentence {"problem": …}
"""

import hashlib
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.i18n.text import LANGUAGES, Translate
from app.rooms.address import base
from app.rooms.phone import page, sorry
from app.rooms.rate import Rate
from app.runs.server import store
from app.runs.visitor import COOKIE, VALUE
from kd_core.messages import N_, Message, Problem, message
from kd_core.runs.rooms import NoRoom, Rooms
from kd_core.runs.talks import NoTalk

LARGEST = 1_000  # bytes of a guess; a browser's has some 60
PER_DEVICE = Rate(per_second=5, burst=20)
PER_ADDRESS = Rate(per_second=300, burst=900)  # a whole room may share one address
Answers = Callable[[Request], Awaitable[Response]]
Kind = TypeVar("Kind", bound=BaseModel)


class Sent(BaseModel):
    """A guess as a phone sends it. No NUL: PostgreSQL keeps none in a text."""

    question: str = Field(max_length=80, pattern=r"^[^\x00]+$")
    choice: str = Field(max_length=80, pattern=r"^[^\x00]+$")


@cache
def rooms() -> Rooms:
    """The server's rooms."""
    return Rooms(store())


def room_routes() -> list[Route]:
    """The routes of this file, under the lab's path."""
    at = f"{base()}/c/{{code}}"
    return [
        Route(at, _page),
        Route(f"{at}/state", limited(_state)),
        Route(f"{at}/guess", limited(_guess), methods=["POST"]),
    ]


async def _page(request: Request) -> Response:
    """The phone's page, or one that says why there is none."""
    language, code = language_of(request), code_of(request)
    if not _within_limits(request):
        return sorry(code, language, message(TOO_MANY), 429)
    device = device_of(request)
    try:
        await run_in_threadpool(rooms().state, code)
        guesses = await run_in_threadpool(rooms().guesses, code, device) if device else {}
    except NoRoom as problem:
        return sorry(code, language, problem.message, 404)
    except Problem as problem:
        return sorry(code, language, problem.message, 503)
    return page(code, language, guesses)


async def _state(request: Request) -> Response:
    """What the room shows now."""
    state = await run_in_threadpool(rooms().state, code_of(request))
    tag = f'"{state.version}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    shown = {name: value for name, value in vars(state).items() if name != "version"}
    return JSONResponse(shown, headers=headers)


async def _guess(request: Request) -> Response:
    """Take a guess. For a form of another site the browser would keep back the cookie, too."""
    device = device_of(request)
    if not device:
        raise Problem(
            N_("This browser keeps no cookies of this page, so it cannot guess; allow them and load it again.")
        )
    given = await sent_as(Sent, request)
    if given is None:
        raise Problem(N_("This is no guess: it must be JSON with a question and a choice."))
    await run_in_threadpool(rooms().guess, code_of(request), given.question, given.choice, device)
    return Response(status_code=204)


async def sent_as(kind: type[Kind], request: Request) -> Kind | None:
    """What was sent, if it is JSON of this kind and short. A form of another site cannot send JSON."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return None
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    try:
        return kind.model_validate_json(body)
    except ValidationError:
        return None


TOO_MANY = N_("Too many requests: wait a second.")


def limited(answer: Answers) -> Answers:
    """Answer within the limits; what cannot be done is one sentence."""

    @wraps(answer)
    async def within(request: Request) -> Response:
        if not _within_limits(request):
            return _problem(request, message(TOO_MANY), 429)
        try:
            return await answer(request)
        except (NoRoom, NoTalk) as problem:
            return _problem(request, problem.message, 404)
        except Problem as problem:
            return _problem(request, problem.message, 409)

    return within


def _problem(request: Request, said: Message, status: int) -> Response:
    headers = {"cache-control": "no-store"} | ({"retry-after": "1"} if status == 429 else {})
    return JSONResponse({"problem": Translate(language_of(request))(said)}, status, headers)


def _within_limits(request: Request) -> bool:
    """Whether this device and this address have asked no more than they may."""
    device = device_of(request)
    from_there = PER_ADDRESS.allows(request.client.host if request.client else "")
    return from_there and (device is None or PER_DEVICE.allows(device))


def code_of(request: Request) -> str:
    """The room's code in the address, as a room has it."""
    return str(request.path_params["code"]).strip().upper()[:20]


def device_of(request: Request) -> str | None:
    """A name of this browser in this room alone, from the visitor's cookie; None without one."""
    cookie = request.cookies.get(COOKIE, "")
    if not VALUE.fullmatch(cookie):
        return None
    return hashlib.sha256(f"{code_of(request)} {cookie}".encode()).hexdigest()


def language_of(request: Request) -> str:
    """The language that the address names, else the one that the browser likes best among ours."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    liked: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES:
            liked.append((float(weight) if weight.replace(".", "", 1).isdecimal() else 1.0, language))
    return max(liked, key=lambda entry: entry[0])[1] if liked else next(iter(LANGUAGES))
