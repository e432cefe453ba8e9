"""All addresses of a platform fuzzed, two processes at a time; then the logs are read."""

import asyncio
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.auth import TokenIssuer
from tests.hostile.services.fuzzing import CANARY, CANARY_PHONE, Tally, fuzz
from tests.hostile.services.platform import Platform, Target

# About in proportion to the operations and fields of each; an operator's address has few and no bodies.
_SHARES = {"intake": 44, "scheduling": 26, "regulation": 13, "pilotage": 6, "orientation": 4, "teleconsult": 3}
_OPS_SHARE = 4 / len(_SHARES)
_PROCESSES = 2


@dataclass
class Campaign:
    """What came out."""

    seed: int
    seconds: float
    tallies: list[Tally]
    leaked_lines: int
    """Lines of the logs with words that only hostile bodies contain."""
    fault_lines: Counter[str]
    """Lines of the logs that say a fault of ours, by event and place."""

    @property
    def cases(self) -> int:
        return sum(tally.cases for tally in self.tallies)

    @property
    def server_errors(self) -> int:
        return sum(tally.server_errors for tally in self.tallies)

    @property
    def clean(self) -> bool:
        return all(tally.clean for tally in self.tallies) and not self.leaked_lines and not self.fault_lines

    def summary(self) -> dict[str, Any]:
        """The figures, for a note."""
        return {
            "cases": self.cases, "seed": self.seed, "seconds": round(self.seconds, 1), "server_errors": self.server_errors,
            "unanswered": sum(tally.unanswered for tally in self.tallies),
            "broken_checks": sum(tally.broken.total() for tally in self.tallies),
            "personal_data_in_logs": self.leaked_lines, "faults_in_logs": dict(self.fault_lines),
            "services": {
                tally.target: {
                    "cases": tally.cases, "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
                    "phases": dict(tally.phases), "server_errors": tally.server_errors, "broken": dict(tally.broken),
                    "operations": len(tally.reached),
                    "never_carried_out": sorted(name for name, done in tally.reached.items() if not done), "trouble": tally.trouble,
                }
                for tally in self.tallies
            },
        }  # fmt: skip

    def report(self) -> str:
        """For a person: one line an address, then one example of each broken check."""
        lines = [f"{self.cases} cases in {self.seconds:.0f} s, seed {self.seed}: {self.server_errors} server errors"]
        for tally in self.tallies:
            statuses = "  ".join(f"{status}: {count}" for status, count in sorted(tally.statuses.items()))
            lines.append(f"{tally.target:<16}{tally.cases:>7} cases  {tally.server_errors} server errors   {statuses}")
            never = [name for name, done in tally.reached.items() if not done]
            lines += [f"    never carried out: {', '.join(sorted(never))}"] if never else []
        lines += [f"fault in the logs, {count} times: {place}" for place, count in self.fault_lines.most_common()]
        lines += [f"{self.leaked_lines} lines of the logs name a person"] if self.leaked_lines else []
        for tally in self.tallies:
            lines += [f"{tally.target}: not tested: {trouble}" for trouble in tally.trouble]
            lines += [f"{tally.target}: {count} times {name}\n{tally.examples[name]}" for name, count in tally.broken.most_common()]
        return "\n".join(lines)


async def campaign(platform: Platform, *, cases: int, seed: int, only: Sequence[str] = ()) -> Campaign:
    """At least `cases` in all: what small addresses cannot use goes to the largest."""
    issuer = TokenIssuer(platform.stack.access.token_private_key)
    callers = platform.callers()
    targets = [target for target in platform.targets() if not only or target.name in only]
    whole = sum(map(_share, targets))
    loop, began = asyncio.get_running_loop(), time.monotonic()
    with ProcessPoolExecutor(_PROCESSES, multiprocessing.get_context("spawn")) as pool:

        def start(target: Target, wanted: int, seed: int) -> "asyncio.Future[Tally]":
            return asyncio.ensure_future(
                loop.run_in_executor(pool, _fuzz, target, issuer.private_key_b64, callers, platform.known, wanted, seed)
            )

        order = sorted(targets, key=_share, reverse=True)
        tallies = list(await asyncio.gather(*(start(one, max(1, round(cases * _share(one) / whole)), seed) for one in order)))
        missing = cases - sum(tally.cases for tally in tallies)
        if missing > 0:
            tallies.append(await start(order[0], missing, seed + 1000))
    leaked, faults = read_logs(platform.log_files())
    return Campaign(seed, time.monotonic() - began, tallies, leaked, faults)


def _share(target: Target) -> float:
    return _SHARES[target.name] if target.service is not None else _OPS_SHARE


def _fuzz(target: Target, key: str, callers: Any, known: Any, cases: int, seed: int) -> Tally:
    """In a process of its own: hooks and checks of Schemathesis are global."""
    return fuzz(target, TokenIssuer(key), callers, known, cases=cases, seed=seed)


def read_logs(paths: Sequence[Path]) -> tuple[int, Counter[str]]:
    """How many lines name the person whom only hostile bodies know, and the faults that were logged."""
    leaked, faults = 0, Counter[str]()
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            leaked += CANARY.casefold() in line.casefold() or CANARY_PHONE in line
            try:
                written = json.loads(line)
            except ValueError:
                continue
            if isinstance(written, dict) and written.get("level") == "error":
                frames = written.get("frames") or ["?"]
                faults[f"{path.stem} {written.get('event')} {written.get('error')} at {frames[-1]}"] += 1
    return leaked, faults
