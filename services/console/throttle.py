"""Failed sign-ins are counted in Redis; without Redis each process counts for itself. Technical time."""

import time
from collections import defaultdict

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared import log

_WINDOW_SECONDS = 300
_PER_LOGIN, _PER_ADDRESS = 5, 30

_log = log.get("console")


class SignInThrottle:
    """Five failures for a login or thirty from an address within five minutes close the door until the window ends."""

    def __init__(self, redis: "Redis | None") -> None:
        self._redis = redis
        self._own: dict[str, list[float]] = defaultdict(list)

    async def closed(self, login: str, address: str) -> bool:
        """Whether a further try is refused before the password is even looked at."""
        counts = [await self._count(key) for key in _keys(login, address)]
        return counts[0] >= _PER_LOGIN or counts[1] >= _PER_ADDRESS

    async def failed(self, login: str, address: str) -> None:
        for key in _keys(login, address):
            await self._add(key)

    async def succeeded(self, login: str) -> None:
        key = _keys(login, "")[0]
        self._own.pop(key, None)
        if self._redis is not None:
            try:
                await self._redis.delete(key)
            except RedisError:
                _log.warning("throttle_without_redis")

    async def _count(self, key: str) -> int:
        if self._redis is not None:
            try:
                return int(await self._redis.get(key) or 0)
            except RedisError:
                _log.warning("throttle_without_redis")
        return len(self._recent(key))

    async def _add(self, key: str) -> None:
        self._recent(key).append(time.monotonic())
        if self._redis is not None:
            try:
                if await self._redis.incr(key) == 1:
                    await self._redis.expire(key, _WINDOW_SECONDS)
            except RedisError:
                _log.warning("throttle_without_redis")

    def _recent(self, key: str) -> list[float]:
        since = time.monotonic() - _WINDOW_SECONDS
        kept = self._own[key] = [at for at in self._own[key] if at > since]
        return kept


def _keys(login: str, address: str) -> tuple[str, str]:
    return f"recours:console:sign-in:login:{login.strip().lower()}", f"recours:console:sign-in:address:{address}"
