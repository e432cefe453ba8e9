"""How far each service says it has come, asked on its operations address."""

from collections.abc import Mapping, Sequence

import httpx

from recours.operations.settings import setting
from shared.settling import SettledReport


async def look(settings: Mapping[str, str], services: Sequence[str]) -> list[SettledReport]:
    """One report a service; raises MissingSetting, or OSError naming who does not answer."""
    reports = []
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        for service in services:
            prefix = f"RECOURS_{service.upper()}_OPS"
            url = f"http://{setting(settings, f'{prefix}_HOST')}:{setting(settings, f'{prefix}_PORT')}/internal/settled"
            try:
                answer = await client.get(url)
                answer.raise_for_status()
            except httpx.HTTPError as away:
                raise ConnectionError(f"{service} does not answer") from away
            reports.append(SettledReport.model_validate_json(answer.content))
    return reports
