"""What processes of several machines share for a while, in Redis; nothing that must not be lost.

Values are JSON. Django's own choice, pickles, would let whoever writes to Redis run code here.
"""

import json
import logging
import re
from typing import Any
from urllib.parse import urlsplit

from django.core.cache.backends.redis import RedisCache
from redis import RedisError

from certificates.refusal import Refused

logger = logging.getLogger(__name__)
LIMITS = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}  # seconds


class JsonSerializer:
    """As Django's own one, but for what it makes of a value."""

    def dumps(self, value: Any) -> bytes | int:
        if type(value) is int:  # Redis itself counts with these
            return value
        return json.dumps(value, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class ForgetfulCache(RedisCache):
    """A Redis that can't be reached has forgotten everything: no page fails for that."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError as error:
            return _forgotten(error, default)

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        try:
            super().set(key, value, *args, **kwargs)
        except RedisError as error:
            _forgotten(error, None)

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().add(key, value, *args, **kwargs))
        except RedisError as error:
            return bool(_forgotten(error, False))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Raises `ValueError`, as for any key that is not there."""
        try:
            return int(super().incr(key, delta, version))
        except RedisError as error:
            _forgotten(error, None)
            raise ValueError("it is forgotten") from None

    def delete(self, key: Any, version: int | None = None) -> bool:
        try:
            return bool(super().delete(key, version))
        except RedisError as error:
            return bool(_forgotten(error, False))


def _forgotten(error: RedisError, answer: Any) -> Any:
    logger.warning("the cache in Redis can't be reached: %s", error)
    return answer


def checked_redis_url(text: str) -> str:
    """Raises `Refused` redis.url; the text may hold a password and is not shown."""
    if not text:
        return text
    cure = (
        "Write redis://host:6379/0, rediss://host:6379/0 (docs/deployment.md) or unix:///path?db=0."
    )
    try:
        parts = urlsplit(text)
        is_one = bool(parts.scheme == "unix" and parts.path) or bool(
            parts.scheme in ("redis", "rediss")
            and parts.hostname
            and re.fullmatch("(/[0-9]{0,4})?", parts.path)
            and parts.port != 0
        )
    except ValueError:
        is_one = False
    if not is_one:
        raise Refused("redis.url", "It is no address of a Redis server.", cure)
    return text
