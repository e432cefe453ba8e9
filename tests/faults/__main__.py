"""`python -m tests.faults --broker embedded|apache|three --faults 200 --seed 3 --json`: the kill matrix, reproduced."""

import argparse
import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path

from shared.testing import apache_kafka
from tests.faults.proof import prove

_DEADLINE_SECONDS = 2_400.0


def main() -> int:
    """Exit code 0 when everything promised was kept, 1 when not, 2 when this machine cannot run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Full days with processes killed in the middle.")
    parser.add_argument("--broker", choices=("embedded", "apache", "three"), default="embedded")
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--deadline", type=float, default=_DEADLINE_SECONDS, help="seconds after which it stops and fails")
    parser.add_argument("--keep-logs", type=Path, default=None, help="folder for the logs of every process")
    parser.add_argument("--json", action="store_true", help="one object on the standard output, instead of a table")
    asked = parser.parse_args()
    reason = apache_kafka.why_not() if asked.broker != "embedded" else None
    if reason is not None:
        print(f"Apache Kafka cannot run here: {reason}", file=sys.stderr)
        return 2
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says of killed brokers is no news here
    began = time.monotonic()

    def say(sentence: str) -> None:
        print(f"{time.monotonic() - began:7.1f} {sentence}", file=sys.stderr, flush=True)

    async def whole() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # also then nothing is left behind
        proof = await prove(
            asked.broker, faults=asked.faults, seed=asked.seed, say=say, deadline_seconds=asked.deadline, keep_logs=asked.keep_logs
        )
        print(json.dumps(proof.body(), indent=1, default=str) if asked.json else proof.table())
        return 1 if proof.failures else 0

    return asyncio.run(whole())


if __name__ == "__main__":
    sys.exit(main())
