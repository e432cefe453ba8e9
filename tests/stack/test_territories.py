"""Another territory sees nothing: every route of every service, with a token of elsewhere and ids that exist here."""

from typing import Any
from uuid import uuid4

import httpx

from recours.stack.ports import SERVICES
from recours.stack.stack import TemporaryStack
from shared.auth import Principal, TokenIssuer
from tests.e2e.people import People
from tests.stack.test_slice import book, proposals, qualified

EVERY_ROLE = frozenset({"secretary", "gp", "duty_doctor", "regulator", "arm", "osnp", "coordinator", "ops", "admin", "telephony", "system"})


async def things_of_bievre(people: People) -> dict[str, str]:
    """Ids by the name a route gives them."""
    call_id = await people.a_call()
    request = await qualified(people, call_id)
    appointment = await book(people, request, (await proposals(people, request))[0])
    handed = await people.ask("secretary", "intake", "POST", f"/requests/{request['request_id']}/handover", {"channel": "voice"})
    await people.ask("secretary", "regulation", "PUT", f"/cases/{request['request_id']}", handed["case"])
    return {
        "call_id": call_id, "request_id": request["request_id"], "patient_id": request["qualified"]["patient_id"],
        "appointment_id": appointment["appointment_id"], "session_id": appointment["appointment_id"],
        "practitioner_id": appointment["practitioner_id"], "subject_id": request["request_id"], "hold_id": appointment["appointment_id"],
        "search_id": request["request_id"], "kind": "callback", "reference": handed["reference"], "ref": handed["reference"],
    }  # fmt: skip


async def test_no_route_shows_or_changes_anything_of_another_territory(people: People, stack: TemporaryStack) -> None:
    ids = await things_of_bievre(people)
    issuer = TokenIssuer(stack.access.token_private_key)
    foreigner = Principal(uuid4(), EVERY_ROLE, "ailleurs", None, "XX")
    walked = 0
    for service in SERVICES:
        if service == "console":
            continue
        headers = {"Authorization": f"Bearer {issuer.issue(foreigner, service)}"}
        async with httpx.AsyncClient(base_url=stack.access.url(service), headers=headers, trust_env=False) as client:
            for path, operations in (await client.get("/openapi.json")).json()["paths"].items():
                for method in operations:
                    answer = await client.request(method, path.format(**ids), json={} if method in ("post", "put") else None)
                    walked += 1
                    assert answer.status_code < 500, f"{service} {method} {path}: {answer.status_code}"
                    if "{" in path and method == "get":
                        assert answer.status_code in (404, 422) or not _mentions(answer.json(), ids), f"{service} {method} {path}"
                    if "{" in path and method != "get":
                        assert answer.status_code in (403, 404, 409, 422), f"{service} {method} {path}: {answer.status_code}"
                    assert "{" in path or not _mentions(answer.json(), ids), f"{service} {method} {path} shows what is not its own"
    assert walked > 40


def _mentions(body: Any, ids: dict[str, str]) -> bool:
    return any(value in str(body) for name, value in ids.items() if name not in ("kind", "reference", "ref"))
