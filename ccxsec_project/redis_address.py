"""Where Redis is, as the settings name it. Its package is loaded only where it is used."""

import re
from urllib.parse import urlsplit

from certificates.refusal import Refused

LIMITS = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}  # seconds


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
