"""HTTPS to the OpenID provider: through the guard of outgoing connections, within limits."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from certificates.outgoing import GuardedConnection, is_loopback, target_of
from certificates.sentence import say

PATIENCE = 10.0  # seconds for each step
MOST_BYTES = 512 * 1024  # of an answer
_FAILED = 400


def few_places() -> BoundedSemaphore:
    """For those who wait for another server while they sign in, which nobody has to be to ask it.

    One that is silent must not come to hold every thread of the web server, as then nobody could
    sign in by a local password either.
    """
    return BoundedSemaphore(max(1, int(settings.CCXSEC_WEB_THREADS) // 4))


_places = few_places()


class ProviderError(Exception):
    """The provider can't be reached, or does not answer as it must. Holds no secret."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, in the shape that Authlib knows."""

    status_code: int
    content: bytes

    def json(self) -> Any:
        """Raises ValueError."""
        return json.loads(self.content)

    def raise_for_status(self) -> None:
        """Raises `ProviderError`."""
        if self.status_code >= _FAILED:
            raise ProviderError(
                say("The provider answered with status {status}.", status=self.status_code)
            )


class GuardedSession:
    """What Authlib sends its requests through. Redirects are not followed."""

    def post(
        self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any
    ) -> Reply:
        """Raises `ProviderError`."""
        body = urlencode(data)
        sent = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        url, sent, body = auth.prepare("POST", url, sent, body)
        return ask("POST", url, body, sent)


def ask(method: str, url: str, body: str | None = None, headers: Any = None) -> Reply:
    """One request, if not too many wait for an answer already. Raises `ProviderError`."""
    checked(url)
    if not _places.acquire(blocking=False):
        raise ProviderError(say("Too many sign-ins wait for the provider at this moment."))
    try:
        return _asked(method, url, body, headers)
    finally:
        _places.release()


def _asked(method: str, url: str, body: str | None, headers: Any) -> Reply:
    parts = urlsplit(url)
    client = GuardedConnection(url, timeout=PATIENCE, ca_file=settings.CCXSEC_OIDC_CA_FILE)
    try:
        client.request(
            method, target_of(url), body, {"Accept": "application/json", **(headers or {})}
        )
        response = client.getresponse()
        content = response.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise ProviderError(
            say("{host} gave no answer: {error}", host=parts.hostname, error=error)
        ) from error
    finally:
        client.close()
    if len(content) > MOST_BYTES:
        raise ProviderError(
            say(
                "{host} answers with more than {most} bytes.",
                host=parts.hostname,
                most=MOST_BYTES,
            )
        )
    return Reply(response.status, content)


def checked(url: str) -> str:
    """HTTPS, or this machine itself. Raises `ProviderError`."""
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or (parts.scheme != "https" and not is_here):
        raise ProviderError(say("An address of the provider does not begin with https://."))
    return url
