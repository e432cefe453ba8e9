"""A GP's page as his browser runs it, without the browser: signed in, the live stream open, panels refetched as live.js does."""

import asyncio
import contextlib
import json
import re
import time
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from recours.stack.errors import StackError

_PANEL = re.compile(r'data-live="([^"]+)" data-live-every="(\d+)" hx-get="([^"]+)"')
_LINE = re.compile(r'id="rdv-([0-9a-f-]{36})"')


class Panel:
    """One panel: a refetch at a time, what is asked meanwhile is asked once more afterwards, and its own rhythm without hints."""

    def __init__(self, names: str, every_seconds: float, address: str) -> None:
        self.names = frozenset(names.split())
        self.every_seconds = every_seconds
        self.address = address
        self.asked = asyncio.Event()


class GpPage:
    """`/medecin` of one doctor. `shown`: of each appointment, when the refetch that brought it began and ended, machine's clock."""

    def __init__(self, console_url: str, login: str, password: str) -> None:
        self._login, self._password = login, password
        self._http = httpx.AsyncClient(base_url=console_url, timeout=20, trust_env=False, headers={"origin": console_url})
        self._tasks: list[asyncio.Task[None]] = []
        self._panels: list[Panel] = []
        self._listening = asyncio.Event()
        self.shown: dict[UUID, tuple[float, float]] = {}
        self.refetches = 0
        self.failures = 0

    async def __aenter__(self) -> Self:
        answer = await self._http.post("/connexion", data={"login": self._login, "password": self._password})
        if answer.status_code != 303:
            raise StackError(f"{self._login} was not let in: {answer.status_code}")
        page = (await self._http.get("/medecin")).text
        self._panels = [Panel(names, float(every), address) for names, every, address in _PANEL.findall(page)]
        self._tasks = [asyncio.create_task(self._keep(panel)) for panel in self._panels]
        self._tasks.append(asyncio.create_task(self._listen()))
        await asyncio.wait_for(self._listening.wait(), 10)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    async def _listen(self) -> None:
        """The stream, opened again when it ends; the first beat means that the server listens for us."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                async with self._http.stream("GET", "/live", timeout=httpx.Timeout(20, read=None)) as stream:
                    name = ""
                    async for line in stream.aiter_lines():
                        if line.startswith("event: "):
                            name = line[7:]
                        elif line.startswith("data: "):
                            self._hear(name, line[6:])
            self._listening.clear()
            await asyncio.sleep(2)

    def _hear(self, name: str, data: str) -> None:
        if name == "beat" and not self._listening.is_set():
            self._listening.set()
            for panel in self._panels:
                panel.asked.set()
        elif name == "hint":
            about = json.loads(data)["panel"]
            for panel in self._panels:
                if about in panel.names:
                    panel.asked.set()

    async def _keep(self, panel: Panel) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(panel.asked.wait(), panel.every_seconds)
            panel.asked.clear()
            began = time.time()
            try:
                answer = await self._http.get(panel.address)
            except httpx.HTTPError:
                self.failures += 1
                continue
            ended = time.time()
            self.refetches += 1
            self.failures += answer.status_code != 200
            for found in _LINE.findall(answer.text):
                self.shown.setdefault(UUID(found), (began, ended))
