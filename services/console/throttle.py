"""Tries at the door are counted in Redis and in this process; without Redis each process counts for itself. Technical time.

A try is counted when it comes and given back when it was right, so that a burst gets no more looks at a password than one try after
the other. The window of a count begins with its first try and is never prolonged: who knocks at a shut door does not keep it shut.
"""

import hashlib
import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared import log

WINDOW_SECONDS = 300
PER_LOGIN, PER_ADDRESS = 5, 30
_KEPT_AT_MOST = 20_000  # counts of this process: some megabytes, whatever a flood of logins brings

_log = log.get("console")


class SignInThrottle:
    """Five failures for a login or thirty from an address within five minutes close the door until the window ends."""

    def __init__(self, redis: "Redis | None") -> None:
        self._redis = redis
        self._own: dict[str, tuple[int, float]] = {}

    @property
    def kept(self) -> int:
        """How many counts this process keeps."""
        return len(self._own)

    async def admit(self, login: str, address: str) -> bool:
        """Count a try; False when the password may not even be looked at."""
        by_login, by_address = _keys(login, address)
        tries = [max(self._count_here(key, 1), await self._count_in_redis(key, 1)) for key in (by_login, by_address)]
        return tries[0] <= PER_LOGIN and tries[1] <= PER_ADDRESS

    async def give_back(self, login: str, address: str) -> None:
        """The try was no failure; those before it stay counted."""
        for key in _keys(login, address):
            self._count_here(key, -1)
            await self._count_in_redis(key, -1)

    async def succeeded(self, login: str, address: str) -> None:
        """Signed in: the login starts anew, the address is given this try back."""
        await self.give_back(login, address)
        by_login, _ = _keys(login, address)
        self._own.pop(by_login, None)
        if self._redis is not None:
            try:
                await self._redis.delete(by_login)
            except RedisError:
                _log.warning("throttle_without_redis")

    async def _count_in_redis(self, key: str, by: int) -> int:
        """The count after this one; 0 when Redis does not say."""
        if self._redis is None:
            return 0
        try:
            async with self._redis.pipeline(transaction=True) as together:
                together.set(key, 0, ex=WINDOW_SECONDS, nx=True)  # a count never exists without its end
                together.incrby(key, by)
                return int((await together.execute())[1])
        except RedisError:
            _log.warning("throttle_without_redis")
            return 0

    def _count_here(self, key: str, by: int) -> int:
        now = time.monotonic()
        count, ends_at = self._own.get(key, (0, 0.0))
        if ends_at <= now:
            count, ends_at = 0, now + WINDOW_SECONDS
            self._own.pop(key, None)  # written again below: the order is that of the windows' ends
            if len(self._own) >= _KEPT_AT_MOST:
                del self._own[next(iter(self._own))]
        self._own[key] = (count + by, ends_at)
        return count + by


def _keys(login: str, address: str) -> tuple[str, str]:
    """Of one length whatever was typed, and without the login in them."""
    hashed = hashlib.sha256(login.strip().lower().encode(errors="replace")).hexdigest()[:32]
    return f"recours:console:sign-in:login:{hashed}", f"recours:console:sign-in:address:{address}"
