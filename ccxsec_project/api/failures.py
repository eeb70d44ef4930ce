"""Wrong tokens are refused, cheaply; who sends many is told so with 429.

No token and no user is locked: nobody can guess 256 bits, and a lock would let a stranger keep an
administrator's scripts out. What is limited is noise: beyond the limit nothing is logged and no
password is compared. A right token goes through all the same.
"""

import hashlib
import logging

from django.core.cache import cache
from django.http import HttpRequest

from certificates.access import client_address
from certificates.refusal import Refused
from certificates.x509.visible import visible

LIMIT = 30  # failures from one address
WINDOW = 60  # seconds

logger = logging.getLogger(__name__)


class Unauthenticated(Refused):
    """401: nobody was found to ask."""


class TooManyFailures(Refused):
    """429: this address has failed too often lately."""


def refused_sign_in(request: HttpRequest, code: str, sentence: str, cure: str) -> Refused:
    """The refusal to raise, after it was counted.

    A request without any Authorization header is no guess, and is not counted.
    """
    refused = Unauthenticated(code, sentence, cure)
    if not request.headers.get("Authorization"):
        return refused
    address, key = client_address(request), _key(request)
    cache.add(key, 0, WINDOW)
    try:
        failures = cache.incr(key)
    except ValueError:  # it has expired between the two
        failures = 1
    if failures > LIMIT:
        return _too_many()
    logger.warning("API, %s: %s", visible(address), visible(sentence))
    return refused


def refuse_if_many(request: HttpRequest) -> None:
    """Raises `TooManyFailures`."""
    if cache.get(_key(request), 0) > LIMIT:
        raise _too_many()


def _too_many() -> TooManyFailures:
    wrong = f"More than {LIMIT} requests of this address were refused within {WINDOW} seconds."
    return TooManyFailures("api.failures", wrong, "Mend the token, and wait a minute.")


def _key(request: HttpRequest) -> str:
    """Some caches take no blanks or colons in a key."""
    return "api-failures-" + hashlib.sha256(client_address(request).encode()).hexdigest()[:32]
