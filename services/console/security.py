"""What every answer of the console carries, and the refusal of requests that foreign pages make."""

from urllib.parse import urlsplit

from python_multipart.multipart import parse_options_header
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
    """ASGI middleware: security headers on all answers; nothing for a page that is not ours.

    A foreign Origin is refused whatever the method, live streams included. An unsafe method needs our Origin, or the browser's word
    that it is same-origin. A safe one may come from anywhere as a link that is followed, never as a part of another page.
    """

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

        if not self._ours(scope["method"], Headers(scope=scope)):
            await PlainTextResponse("Requête refusée : elle ne vient pas de nos pages.", 403)(scope, receive, send_guarded)
            return
        if not _in_our_charset(Headers(scope=scope).get("content-type", "")):
            await PlainTextResponse("Formulaire illisible : il n’est pas en UTF-8.", 415)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _ours(self, method: str, headers: Headers) -> bool:
        origins, site = headers.getlist("origin"), headers.get("sec-fetch-site")
        if origins:
            return all(self._is_our_name(origin, headers.get("host")) for origin in origins)
        if method in _SAFE:
            return site not in ("cross-site", "same-site") or headers.get("sec-fetch-mode") == "navigate"
        return site == "same-origin"

    def _is_our_name(self, origin: str, host: str | None) -> bool:
        return origin == self._origin or (self._trust_host and bool(host) and origin in (f"http://{host}", f"https://{host}"))


def _in_our_charset(content_type: str) -> bool:
    """A multipart form may name a charset of its own, and Python's decoders know some that make half characters or raise."""
    kind, parameters = parse_options_header(content_type)
    return not kind.startswith(b"multipart/") or parameters.get(b"charset", b"utf-8").lower() == b"utf-8"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
