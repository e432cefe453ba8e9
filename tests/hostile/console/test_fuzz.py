"""Random requests over all routes of the console with every role: whatever comes, an answer and never a fault."""

import asyncio
import os
import random
import string
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest

from recours.stack.stack import TemporaryStack
from shared.testing.fixtures import Running
from tests.e2e.people import People
from tests.hostile.console.routes import UNSAFE
from tests.hostile.console.scene import FIELDS, PAYLOADS, Scene, make_scene, payload, signed_in_as
from tests.hostile.console.test_who_may_what import ROLES, account, allowed, routes
from tests.unit.console.conftest import signed_in

# Every field that a page of the console sends, the desk's hidden ones included.
NAMES = (
    "login", "password", "code", "suite", "call_id", "request_id", "next_request_id", "step", "reason", "q_fever", "since",
    "patient_id", "can_move", "alone", "camera", "confined", "who_opens", "slot_id", "hold_id", "vus", "place", "access",
    "callback_number", "age_value", "age_unit", "sex", "words", "breathing", "consciousness", "chest_or_collapse", "confirmed_not_now",
    "baby_unwell", "caller_role", "with_patient_now", "aller", "motif", "birth_said", "name_said", "phone_said", "patient",
    "birth_name", "first_name", "new_sex", "new_phone", "new_address", "new_commune", "new_mt", "promised", "outcome", "contact_rule",
    "mt_help", "reached", "creneau", "repeated", "arm_label", "file_no", "decision", "urgency", "modes", "triage", "would_be_mt",
    "acts", "demande", "appel", "tenu", "tous", "jour", "dossier", "rdv", "avis", "reference", "call",
)  # fmt: skip
USUAL = (
    "yes", "no", "unknown", "0", "1", "2", "3", "4", "5", "Q06", "Q03", "94021", "F", "M", "patient", "other", "years", "months",
    "none", "12/03/1985", "12031985", "14:35", "23:59", "handed_15", "own_doctor", "information", "advice_pending", "waiting_slot",
    "same_day", "planned", "surgery", "visit", "seen", "missed", "appointment", "advice_only", "fifteen", "sms_ok", "0199004811",
    "Chevilly-Larue", "K7M-4QX-2",
)  # fmt: skip
STRANGE = (
    "", " ", "\x00", "²", "-1", "1e9", "9" * 30, "9" * 5000, "NaN", "٣", "99/99/9999", "999999999/1/1", "é" * 300, "\ufeff", "\U0001f600",
    "[]", "{}", "null", "../..", "%s%n", "' OR 1=1 --", "\r\nx: y", "x" * 3000, "0" * 400, "0-0-0",
)  # fmt: skip


class Fuzzer:
    """Requests drawn from one seed; ids come from the scenes half of the time, so that forms go deep."""

    def __init__(self, seed: int, ids: Sequence[str]) -> None:
        self.random = random.Random(seed)
        self.ids = ids

    def value(self) -> str:
        return self.random.choice(
            (
                lambda: self.random.choice(self.ids),
                lambda: self.random.choice(USUAL),
                lambda: self.random.choice(STRANGE),
                lambda: payload(self.random.choice(list(PAYLOADS)), self.random.choice(FIELDS)),
                lambda: str(uuid4()),
                lambda: "".join(self.random.choices(string.printable, k=self.random.randrange(40))),
            )
        )()

    def fields(self) -> dict[str, str]:
        given = {name: self.value() for name in self.random.sample(NAMES, self.random.randrange(12))}
        for name in ("request_id", "next_request_id", "call_id", "patient_id", "demande", "dossier"):
            if self.random.random() < 0.4:
                given[name] = self.random.choice(self.ids)
        return given

    def path(self, template: str) -> str:
        for hole in ("{request_id}", "{appointment_id}", "{subject_id}", "{which}", "{name}", "{kind}", "{decision}"):
            template = template.replace(
                hole, quote(self.value() or "x", safe="") if self.random.random() < 0.5 else self.random.choice(self.ids)
            )
        return template

    def request(self, browser: httpx.AsyncClient, method: str, template: str) -> httpx.Request:
        headers = {"hx-request": "true"} if self.random.random() < 0.5 else {}
        if self.random.random() < 0.2:
            headers["idempotency-key"] = self.random.choice(("x" * 5000, "same", str(uuid4())))
        path = self.path(template)
        if method in UNSAFE:
            return browser.build_request(method, path, data=self.fields(), headers=headers)
        return browser.build_request(method, path, params=self.fields(), headers=headers)


def ids_of(scene: Scene) -> list[str]:
    known = [
        scene.booked["appointment_id"],
        scene.booked["request_id"],
        scene.handed["request_id"],
        scene.asked["request_id"],
        scene.promised,
    ]
    return [str(one) for one in (*known, scene.booked.get("slot_id") or uuid4())]


async def fuzz(browsers: Sequence[httpx.AsyncClient], ids: Sequence[str], *, seed: int, requests: int, away: bool = False) -> Counter[int]:
    """The statuses answered, by number; every browser at once, as on a busy morning. `away`: no service answers, which is said by a 503."""
    fuzzer, statuses, faults = Fuzzer(seed, ids), Counter[int](), list[str]()
    # Signing in: test_throttle.py. A shut door and an ended session would hide the rest.
    walked = [one for one in routes() if one not in (("GET", "/live"), ("POST", "/deconnexion"), ("POST", "/connexion"))]

    async def one_after_the_other(browser: httpx.AsyncClient, role: str) -> None:
        own = [one for one in walked if role in (allowed(one[1]) or ())]
        for _ in range(requests // len(browsers)):
            method, template = fuzzer.random.choice(own if fuzzer.random.random() < 0.9 else walked)
            sent = fuzzer.request(browser, method, template)
            answer = await browser.send(sent)
            statuses[answer.status_code] += 1
            if answer.status_code >= 500 and not (away and answer.status_code == 503):
                faults.append(f"{answer.status_code} {method} {sent.url.path} {sent.content[:300]!r} {sent.url.query[:300]!r}")

    await asyncio.gather(*(one_after_the_other(browser, role) for browser, role in zip(browsers, ROLES, strict=True)))
    assert not faults, f"seed {seed}: {len(faults)} faults\n" + "\n".join(faults[:10])
    return statuses


@asynccontextmanager
async def everybody(stack: TemporaryStack) -> AsyncIterator[list[httpx.AsyncClient]]:
    """One browser a role, signed in; the doctor is one of the pool."""
    doctor = next(UUID(one.practitioner_id) for one in stack.accounts if one.practitioner_id)
    async with AsyncExitStack() as opened:
        logins = [await account(stack, f"fuzz-{role}", [role], doctor=doctor if role in ("gp", "duty_doctor") else None) for role in ROLES]
        yield [await opened.enter_async_context(signed_in_as(stack, login)) for login in logins]


def seed_of(usual: int) -> int:
    return int(os.environ.get("RECOURS_FUZZ_SEED", usual))


async def test_random_requests_meet_no_fault_while_every_service_is_away(console: Running) -> None:
    async with AsyncExitStack() as opened:
        browsers = [
            await opened.enter_async_context(signed_in(console, f"fuzz-{role}", role, practitioner=role in ("gp", "duty_doctor")))
            for role in ROLES
        ]
        statuses = await fuzz(browsers, [str(uuid4()) for _ in range(4)], seed=seed_of(20261124), requests=450, away=True)
    assert {200, 403, 404, 422, 503} <= set(statuses), f"the requests go nowhere: {statuses}"


async def test_some_hundred_random_requests_meet_no_fault(stack: TemporaryStack, people: People) -> None:
    scene = await make_scene(people, "element")
    async with everybody(stack) as browsers:
        statuses = await fuzz(browsers, ids_of(scene), seed=seed_of(20261125), requests=450)
    assert {200, 403, 404, 422} <= set(statuses), f"the requests go nowhere: {statuses}"


@pytest.mark.proof
async def test_thousands_of_random_requests_meet_no_fault(stack: TemporaryStack, people: People) -> None:
    scenes = [await make_scene(people, family) for family in ("element", "long", "direction")]
    seed, started = seed_of(random.randrange(1 << 32)), time.perf_counter()
    async with everybody(stack) as browsers:
        statuses = await fuzz(browsers, [one for scene in scenes for one in ids_of(scene)], seed=seed, requests=4050)
    print(f"seed {seed}: {statuses.total()} requests in {time.perf_counter() - started:.0f} s, {dict(sorted(statuses.items()))}")
