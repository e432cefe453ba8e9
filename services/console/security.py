"""What every answer of the console carries, and the refusal of unsafe requests that do not come from our own pages."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class BrowserGuard:
    """ASGI middleware: security headers on all answers; an unsafe method needs our Origin, or the browser's word that it is same-origin."""

    def __init__(self, app: ASGIApp, *, public_url: str, trust_host: bool) -> None:
        """`trust_host`: the embedded stack is reached under several names, so the Host header may also say who we are."""
        self._app = app
        self._origin = _origin(public_url)
        self._trust_host = trust_host
        self._https = public_url.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if self._https:
                    headers["strict-transport-security"] = "max-age=31536000"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if scope["method"] not in _SAFE and not self._ours(Headers(scope=scope)):
            await PlainTextResponse("Requête refusée : elle ne vient pas de nos pages.", 403)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _ours(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is not None:
            if origin == self._origin:
                return True
            return self._trust_host and urlsplit(origin).netloc == headers.get("host")
        return headers.get("sec-fetch-site") == "same-origin"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
