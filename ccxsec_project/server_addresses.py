"""Where other servers are, as the settings name them. Their packages are loaded only for use."""

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


def checked_ldap_url(text: str) -> str:
    """Servers of a directory, with commas between them. Raises `Refused` directory.url."""
    cure = "Write ldaps://host, or ldap://host (which starts TLS as well), with a port if need be."
    for url in text.split(",") if text else ():
        try:
            parts = urlsplit(url.strip())
            is_one = parts.scheme in ("ldap", "ldaps") and parts.hostname and parts.port != 0
        except ValueError:
            is_one = False
        if not is_one or parts.path.strip("/") or parts.query or parts.username:
            raise Refused("directory.url", "It is no address of an LDAP server.", cure)
    return text
