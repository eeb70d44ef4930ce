"""What processes of several machines share for a while, in Redis; nothing that must not be lost.

Values are JSON. Django's own choice, pickles, would let whoever writes to Redis run code here.
"""

import json
import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis import RedisError

logger = logging.getLogger(__name__)


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
