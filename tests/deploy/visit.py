"""A visit to the machine: an account is made, its owner signs in, takes a call, registers a patient; then `recours check`."""

import json
import re
import ssl
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import redis.asyncio as redis

from shared.auth import Principal, TokenIssuer
from shared.http import ServiceClient
from shared.ids import new_id
from shared.testing.fixtures import eventually
from tests.deploy.machine import Machine

_ACCOUNT = ("--name", "Ludivine Hautecroix", "--role", "secretary", "--initials", "LH", "--territory", "bievre")
_PASSWORD = "tisane-violon-ardoise"
_CLIENT = "127.0.0.77"
"""Where the browser is: not where the proxy is."""
_IN_A_QUERY = "mot-cherche-dans-l-adresse"


async def visit(machine: Machine) -> dict[str, Any]:
    """What was seen, for the test to judge."""
    added = machine.run(
        "recours", ["user", "add", "ludivine", *_ACCOUNT],
        typed=f"{_PASSWORD}\n",
    )  # fmt: skip
    seen: dict[str, Any] = {"account": added.stdout + added.stderr}
    async with _browser(machine) as browser:
        seen["refused"] = (await _sign_in(browser, "pas-le-bon")).status_code
        seen["throttled_addresses"] = await _throttled_addresses(machine)
        seen["signed_in"] = (await _sign_in(browser, _PASSWORD)).status_code
        seen["desk"] = (await browser.get("/secretariat", params={"mot": _IN_A_QUERY})).status_code
        call_id = str(new_id())
        await _telephone(machine, call_id, "ringing")
        taken = await browser.post("/secretariat/prendre", data={"next_request_id": str(new_id())})
        seen["taken"] = [taken.status_code, 'id="place"' in taken.text]
        opened = re.search(r'name="request_id"[^>]*value="([^"]+)"', taken.text)
        patient = {
            "request_id": opened[1] if opened else "",
            "birth_said": "04/03/1951",
            "birth_name": "Lantier",
            "first_name": "Odette",
            "new_sex": "F",
            "new_commune": "94021",
        }
        seen["registered"] = (await browser.post("/secretariat/patients", data=patient)).status_code
        found = await browser.post("/secretariat/patients/chercher", data={"birth_said": "04/03/1951"})
        seen["found"] = "LANTIER" in found.text.upper()
        seen["origin_refused"] = (
            await browser.post("/secretariat/patients", data=patient, headers={"origin": "https://ailleurs.example"})
        ).status_code
    await _telephone(machine, call_id, "hung_up")
    seen["check"] = await _check(machine)
    seen["health"] = await _health(machine)
    seen["query_in_proxy_log"] = _IN_A_QUERY in machine.log("proxy").read_text() if machine.log("proxy").exists() else None
    seen["kafka_volume"] = sorted(path.name for path in (machine.root / "var/lib/kafka/data").glob("intake.requests-*"))
    if "prometheus" not in machine.left_out:
        seen["prometheus"] = await _prometheus()
    return seen


def _browser(machine: Machine) -> httpx.AsyncClient:
    """Through the proxy, trusting its own authority; straight to the console, saying who forwards, where there is no proxy."""
    origin = machine.variables["RECOURS_CONSOLE_PUBLIC_URL"]
    if "proxy" in machine.left_out:
        headers = {"origin": origin, "x-forwarded-for": _CLIENT, "x-forwarded-proto": "https"}
        return httpx.AsyncClient(base_url="http://console:8700", headers=headers, trust_env=False, timeout=20)
    authority = machine.root / "data/caddy/pki/authorities/local/root.crt"
    trusted = ssl.create_default_context(cafile=str(authority))
    transport = httpx.AsyncHTTPTransport(verify=trusted, local_address=_CLIENT)
    return httpx.AsyncClient(base_url=origin, headers={"origin": origin}, transport=transport, trust_env=False, timeout=20)


async def _sign_in(browser: httpx.AsyncClient, password: str) -> httpx.Response:
    answer = await browser.post("/connexion", data={"login": "ludivine", "password": password})
    for cookie in list(browser.cookies.jar):
        cookie.secure = False  # the browser of a test without a proxy speaks http behind it
    return answer


async def _throttled_addresses(machine: Machine) -> list[str]:
    server = redis.from_url(machine.containers["console"].environment["RECOURS_REDIS_URL"], decode_responses=True)
    try:
        return [str(key).rpartition(":")[2] for key in await server.keys("*sign-in:address:*")]
    finally:
        await server.aclose()


async def _telephone(machine: Machine, call_id: str, event: str) -> None:
    """The telephone exchange says what happens on the line."""
    issuer = TokenIssuer(machine.variables["RECOURS_TOKEN_PRIVATE_KEY"])
    intake = ServiceClient("http://intake:8701", issuer, "intake")
    exchange = Principal(uuid4(), frozenset({"secretary"}), "bievre", None, "TT")
    said = {"call_id": call_id, "event": event, "phone": "0199004815"}
    try:
        await intake.post("/hooks/telephony", principal=exchange, json=said, idempotency_key=str(uuid4()))
    finally:
        await intake.close()


async def _check(machine: Machine) -> dict[str, Any]:
    """`recours check --json` once nothing is on its way any more; its exit code is in it."""

    def settled() -> dict[str, Any] | None:
        outcome = machine.run("recours", ["check", "--json"])
        try:
            found: dict[str, Any] = json.loads(outcome.stdout)
        except ValueError:
            return {"code": outcome.returncode, "said": outcome.stdout + outcome.stderr}
        on_its_way = found["unpublished_events"] + found["consumer_lag"]
        return None if on_its_way else {**found, "code": outcome.returncode}

    result: dict[str, Any] = await eventually(settled, within=60, every=1)
    return result


async def _health(machine: Machine) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        ports = {name: container.environment.get(f"RECOURS_{name.upper()}_OPS_PORT") for name, container in machine.containers.items()}
        return {name: (await client.get(f"http://{name}:{port}/health")).json() for name, port in ports.items() if port}


async def _prometheus() -> dict[str, Any]:
    """Targets by state and the names of the alerts loaded; waits for the first scrape of all."""
    async with httpx.AsyncClient(base_url="http://prometheus:9090/api/v1", trust_env=False) as client:

        async def scraped() -> list[str] | None:
            targets = (await client.get("/targets")).json()["data"]["activeTargets"]
            states = [target["health"] for target in targets]
            return None if "unknown" in states else states

        states = await eventually(scraped, within=40, every=0.5)
        rules = (await client.get("/rules")).json()["data"]["groups"]
        missing = [name for name in ("recours_outbox_pending", "recours_http_request_seconds_count") if not await _has(client, name)]
        return {"states": states, "rules": [rule["name"] for group in rules for rule in group["rules"]], "missing": missing}


async def _has(client: httpx.AsyncClient, metric: str) -> bool:
    answer = await client.get("/query", params={"query": metric, "time": datetime.now(UTC).timestamp()})
    return bool(answer.json()["data"]["result"])
