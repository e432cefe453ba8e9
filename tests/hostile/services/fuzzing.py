"""Schemathesis against one address: boundary values of every field, then random cases, valid and invalid, until the number asked for."""

import os
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from uuid import UUID

import httpx
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import CheckContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.run import PhaseName
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext
from schemathesis.openapi.checks import AllowHeaderMismatch, UnsupportedMethodResponse
from schemathesis.schemas import BaseSchema

from shared.auth import Principal, TokenIssuer
from tests.hostile.services.platform import Known, Target

CANARY = "Zwartenbroeck"
CANARY_PHONE = "0639981234"
"""Somebody whom only hostile bodies name: found in a log, they came from there."""

_PERSONAL = frozenset(
    {"birth_name", "first_name", "used_name", "mt_name", "place", "address", "access", "words", "since", "who_opens", "arm_label", "name"}
)
# Words that rules understand, where the type alone allows any: else nearly all cases end at the first of them.
_UNDERSTOOD = {
    "outcome": ("pharmacy", "own_doctor", "information", "seen", "no_show"), "cause": ("by_patient", "by_practitioner"),
    "note_code": ("not_reached",), "commune": ("94021", "94016"), "due_at": ("2026-11-24T10:00:00Z", "2026-11-24T15:30:00+01:00"),
    "on": ("2026-11-24", "2026-11-25"), "from_on": ("2026-11-24",), "to_on": ("2026-11-26", "2026-12-01"),
    "valid_from": ("2026-11-24", "2026-01-01"), "valid_to": ("2027-01-01",), "birth_date": ("1986-05-14", "2026-11-20", "1931-02-28"),
    "starts_at": ("2026-11-30T08:00:00Z", "2026-12-01T08:00:00+01:00"), "ends_at": ("2026-12-02T12:00:00Z", "2026-12-02T18:00:00+01:00"),
    "dialled_at": ("2026-11-24T07:55:00Z",), "from": ("08:00:00", "09:30:00"),
    "to": ("12:00:00", "19:00:00"), "purpose": ("call", "regulation"),
}  # fmt: skip
_CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method",
    "allow_header_conformance", "errors_are_problems",
)  # fmt: skip
_ONE_OPERATION = (PhaseName.COVERAGE, PhaseName.FUZZING)
_MOST_ROUNDS = 60
_MOST_KNOWN = 60
_STATEFUL_EXAMPLES = 8


@dataclass
class Tally:
    """What one address answered."""

    target: str
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    """Checks that failed, `check: operation`."""
    examples: dict[str, str] = field(default_factory=dict)
    """One case of each broken check, as a curl command and what was wrong."""
    reached: dict[str, int] = field(default_factory=dict)
    """How many cases of each operation were carried out (2xx): 0 means that no case came behind its refusals."""
    unanswered: int = 0
    trouble: list[str] = field(default_factory=list)
    """What kept Schemathesis from testing an operation."""

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def clean(self) -> bool:
        return not (self.server_errors or self.broken or self.unanswered or self.trouble)


def fuzz(target: Target, issuer: TokenIssuer, callers: Sequence[Principal], known: Known, *, cases: int, seed: int) -> Tally:
    """At least `cases` requests; an address with few routes and no field runs out of new ones before.

    The same seed makes the same cases, save for the ids, which each stack makes anew.
    """
    os.environ["NO_PROXY"] = "127.0.0.1"
    document = httpx.get(f"{target.url}/openapi.json", trust_env=False).raise_for_status().json()
    tally = Tally(target.name)
    operations = sum(len(path) for path in document["paths"].values())
    for round_ in range(_MOST_ROUNDS):
        before = tally.cases
        phases = ["coverage", "stateful"] if round_ == 0 else ["fuzzing"]
        examples = _STATEFUL_EXAMPLES if round_ == 0 else max(2, -(-(cases - tally.cases) // operations))
        schema = _schema(document, target, seed=seed + round_, phases=phases, examples=examples)
        _hook(schema, target, issuer, callers, known)
        # A short run has no time for every boundary: half of it is for random cases on all operations.
        _run(schema, tally, limit=cases // 2 if round_ == 0 else cases)
        if tally.cases >= cases or (round_ > 1 and tally.cases - before < operations):
            break
    return tally


def _schema(document: dict[str, Any], target: Target, *, seed: int, phases: list[str], examples: int) -> BaseSchema:
    config = SchemathesisConfig(seed=seed)
    project = config.projects.default
    project.update(base_url=target.url, continue_on_failure=True, request_timeout=30)
    project.generation.update(max_examples=examples, database="none", no_shrink=True)
    project.phases.update(phases=phases)
    project.checks.update(included_check_names=list(_CHECKS))
    schema: BaseSchema = schemathesis.openapi.from_dict(document, config=config)
    return schema


def _hook(schema: BaseSchema, target: Target, issuer: TokenIssuer, callers: Sequence[Principal], known: Known) -> None:
    """Real tokens, and ids that exist in place of about two thirds of the well-formed ones."""

    @schema.hook
    def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
        """GET or PUT /patients/search is the file of a patient called « search »: refused by its id, not by its method."""
        return not (case.operation.path == "/patients/search" and isinstance(failure, UnsupportedMethodResponse | AllowHeaderMismatch))

    @schema.hook
    def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
        valid = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
        for container in (case.path_parameters, case.query):
            for name, value in list((container or {}).items()):
                container[name] = _existing(name, value, known, valid)
        if valid:
            _open_the_door(case)
        if isinstance(case.body, dict):
            case.body = _deeper(case.body, known, valid)
            told = case.body.get("qualified")
            if valid and isinstance(told, dict) and "request_id" in (case.path_parameters or {}):
                case.path_parameters["request_id"] = told.get("request_id", case.path_parameters["request_id"])
        return case

    @schema.hook
    def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
        if response.status_code in (200, 201) and "json" in response.headers.get("content-type", [""])[0]:
            _learn(response.json(), known)

    if target.service is None:
        return
    audience, turn = target.service, cycle(callers)

    @schema.auth(refresh_interval=None)
    class Token:
        def get(self, case: Case[Any], context: Any) -> str:
            return issuer.issue(next(turn), audience)

        def set(self, case: Case[Any], data: str, context: Any) -> None:
            case.headers["Authorization"] = f"Bearer {data}"


def _learn(answer: Any, known: Known) -> None:
    """Remember the newest things that were made, since what is closed or cancelled takes no further step."""
    for name, value in answer.items() if isinstance(answer, dict) else ():
        ids = known.ids.get(name)
        if ids is not None and isinstance(value, str) and value not in ids:
            ids.append(value)
            if len(ids) > _MOST_KNOWN:
                ids.pop(0)


def _open_the_door(case: Case[Any]) -> None:
    """Valid headers and cursors are those that we wrote: most random ones only say that they are not."""
    for container, names in ((case.headers, ("Idempotency-Key", "If-Match")), (case.query, ("after", "min_version"))):
        for name in names:
            said = (container or {}).get(name)
            if isinstance(said, str) and _draw(said) % 3:
                del container[name]


def _deeper(body: dict[str, Any], known: Known, valid: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name == "qualified" and valid and isinstance(value, dict) and known.qualified:
            found[name] = _requalified(value, known)
        elif isinstance(value, dict):
            found[name] = _deeper(value, known, valid)
        elif isinstance(value, list):
            found[name] = [_deeper(item, known, valid) if isinstance(item, dict) else _existing(name, item, known, valid) for item in value]
        else:
            found[name] = _existing(name, value, known, valid)
    if "request_id" in found and isinstance(found.get("qualified"), dict) and valid:
        found["request_id"] = found["qualified"].get("request_id", found["request_id"])
    return found


def _requalified(value: dict[str, Any], known: Known) -> dict[str, Any]:
    """A qualification that intake really wrote, with some of the generated fields."""
    draw = _draw(str(value))
    real = known.qualified[draw % len(known.qualified)]
    told = {**real, **{name: said for place, (name, said) in enumerate(value.items()) if name in real and (draw >> place) % 4 == 0}}
    told["territory_id"] = real["territory_id"]
    told["request_id"] = value.get("request_id", real["request_id"]) if draw % 2 else real["request_id"]  # half are new to scheduling
    return told


def _existing(name: str, value: Any, known: Known, valid: bool) -> Any:
    """An id that exists for a well-formed one, now and then the canary for a person's words; what is malformed stays as it is."""
    if not isinstance(value, str):
        return value
    draw = _draw(value)
    if valid and name in _PERSONAL and draw % 4 == 0:
        return CANARY
    if valid and name in ("phone", "callback_number") and draw % 4 == 0:
        return CANARY_PHONE
    words = _UNDERSTOOD.get(name)
    if words and valid and draw % 3:
        return words[draw % len(words)]
    ids = known.ids.get(name)
    if ids and draw % 3 and (_is_uuid(value) or (valid and name == "reference")):
        return ids[draw % len(ids)]
    return value


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _draw(value: str) -> int:
    """A number that depends on the generated value only: the same case is the same again."""
    return zlib.crc32(value.encode("utf-8", "surrogatepass"))


@schemathesis.check
def errors_are_problems(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Every error is a problem document with a code of ours; a 422 names its fields."""
    if response.status_code < 400 or case.operation.path == "/health":
        return
    media_type = response.headers.get("content-type", [""])[0]
    assert media_type == "application/problem+json", f"an error of type {media_type}"
    document = response.json()
    assert str(document.get("type", "")).startswith("urn:recours:"), "a problem without a code of ours"
    assert document["status"] == response.status_code, "a problem with another status"
    if response.status_code == 422 and document["type"] != "urn:recours:key_reused":
        assert document.get("errors") and all(set(error) == {"field", "message"} for error in document["errors"]), "422 without its fields"


def _run(schema: BaseSchema, tally: Tally, *, limit: int) -> None:
    stream = from_schema(schema).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            _count(event, tally)
            if tally.cases >= limit:
                stream.stop()
        elif isinstance(event, events.NonFatalError):
            tally.trouble.append(f"{event.label}: {event.info.title}: {str(event.value)[:300]}")
        elif isinstance(event, events.FatalError):
            raise event.exception


def _count(event: events.ScenarioFinished, tally: Tally) -> None:
    recorder = event.recorder
    for interaction in recorder.interactions.values():
        tally.cases += 1
        tally.phases[event.phase.value] += 1
        if interaction.response is None:
            tally.unanswered += 1
        else:
            tally.statuses[interaction.response.status_code] += 1
            if event.phase in _ONE_OPERATION:
                done = interaction.response.status_code in range(200, 300)
                tally.reached[recorder.label] = tally.reached.get(recorder.label, 0) + done
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                name = f"{check.name}: {recorder.label}"
                tally.broken[name] += 1
                tally.examples.setdefault(name, f"{check.failure_info.failure.message}\n{check.failure_info.code_sample}"[:1500])
