"""A small OpenID provider on loopback: discovery, a page that asks who one is, tokens signed by RS256, keys.

The code flow of OpenID Connect Core 1.0, section 3.1, as far as a client needs it, with PKCE (RFC 7636).
"""

import base64
import hashlib
import json
import secrets
import time
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

PEOPLE = {
    "4711": "Ada *Lovelace*",
    "4712": "Ben [x](http://evil.example)",
}  # what a page must show as it is written
CLIENT, SECRET = "lab", "a secret between lab and provider"


class _Provider(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        from joserfc.jwk import RSAKey

        super().__init__(("127.0.0.1", 0), _Answer)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}, private=True)
        self.codes: dict[str, tuple[str, dict[str, str]]] = {}  # code -> who, and what was asked


class _Answer(BaseHTTPRequestHandler):
    server: _Provider

    def do_GET(self) -> None:
        path, asked = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        issuer = self.server.issuer
        if path == "/.well-known/openid-configuration":
            self._json({
                "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token", "jwks_uri": f"{issuer}/keys",
                "end_session_endpoint": f"{issuer}/end",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
            })  # fmt: skip
        elif path == "/keys":
            self._json({"keys": [self.server.key.as_dict(private=False)]})
        elif path == "/authorize":
            assert asked["client_id"] == CLIENT
            links = "".join(f'<p><a href="/chosen?{escape(urlencode({**asked, "who": who}))}">{escape(name)}</a>'
                            for who, name in {**PEOPLE, "": "Nobody"}.items())  # fmt: skip
            self._send(200, f"<h1>Who are you?</h1>{links}".encode(), "text/html; charset=utf-8")
        elif path == "/chosen":
            code, who = secrets.token_urlsafe(), asked.get("who", "")
            self.server.codes[code] = who, asked
            answer = {"code": code} if who else {"error": "access_denied", "error_description": "They said no."}
            self._to(asked["redirect_uri"] + "?" + urlencode({**answer, "state": asked["state"]}))
        elif path == "/end":
            self._to(asked["post_logout_redirect_uri"])
        else:
            self._send(404, b"", "text/plain")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        who, asked = self.server.codes.pop(form["code"][0])
        said = base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"][0].encode()).digest())
        is_right = (
            challenge.decode().rstrip("=") == asked["code_challenge"]
            and said.partition(":")[2].replace("+", " ").replace("%20", " ") == SECRET
            and form["redirect_uri"][0] == asked["redirect_uri"]
        )
        if not is_right:
            self._send(400, b'{"error": "invalid_grant"}', "application/json")
            return
        from joserfc import jwt

        now = int(time.time())
        claims = {"iss": self.server.issuer, "sub": who, "aud": CLIENT, "iat": now, "exp": now + 300,
                  "nonce": asked["nonce"], "name": PEOPLE[who]}  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.server.key)
        self._json({"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "id_token": token})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), "application/json")

    def _to(self, address: str) -> None:
        self._send(302, b"", "text/plain", location=address)

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given: object) -> None:
        """Nothing: the tests' output is their own."""


@contextmanager
def provider():
    """The address of a provider that is there as long as the block lasts."""
    server = _Provider()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
