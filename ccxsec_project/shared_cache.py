"""What processes of several machines share for a while, in Redis; nothing that must not be lost.

Values are JSON. Django's own choice, pickles, would let whoever writes to Redis run code here.
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from certificates.refusal import Refused

LIMITS = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}  # seconds


class JsonSerializer:
    """As Django's own one, but for what it makes of a value."""

    def dumps(self, value: Any) -> bytes | int:
        if type(value) is int:  # Redis itself counts with these
            return value
        return json.dumps(value, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


def checked_redis_url(text: str) -> str:
    """Raises `Refused` redis.url; the text may hold a password and is not shown."""
    if not text:
        return text
    cure = "Write redis://host:6379/0, rediss://user:password@host:6379/0 or unix:///path?db=0."
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
