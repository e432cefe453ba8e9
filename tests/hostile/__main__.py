"""`python -m tests.hostile --cases 50000 --seed 7 --json`: hostile HTTP against every service of a stack of its own."""

import argparse
import asyncio
import json
import sys
from typing import Any

from tests.hostile.services.campaign import Campaign, campaign
from tests.hostile.services.platform import platform_at_work


def main() -> int:
    """0 when no server failed, no answer differed from the OpenAPI, and no log names a person."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000, help="in all, over all services")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", action="append", default=[], help="an address, such as `intake` or `intake ops`; may be repeated")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = asyncio.run(_run(arguments))
    if arguments.json:
        print(json.dumps(result.summary(), indent=2))
    else:
        print(result.report())
    return 0 if result.clean else 1


async def _run(arguments: Any) -> Campaign:
    async with platform_at_work() as platform:
        return await campaign(platform, cases=arguments.cases, seed=arguments.seed, only=arguments.only)


if __name__ == "__main__":
    sys.exit(main())
