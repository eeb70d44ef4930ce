"""A webhook: one POST over HTTPS, without redirects, within limits of time."""

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from certificates.outgoing import GuardedConnection, is_loopback, target_of
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.names import host_name
from certificates.x509.visible import visible

PATIENCE = 15.0  # seconds for each step
_LONGEST = 500  # characters of the address
_ANSWER = 300  # characters of what the receiver says
_TAKEN = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """`was_handed`: the request may have arrived. `code` is 0 when no answer came."""

    was_handed: bool
    code: int
    text: str

    @property
    def is_taken(self) -> bool:
        return self.code // 100 == _TAKEN


def without_query(url: str) -> str:
    """An address as everybody may see it: what follows `?` may be a secret."""
    return url.partition("?")[0]


def checked_url(text: str) -> str:
    """An https address; http for this machine alone. Raises `Refused` webhook.url."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(text, say("It can't be read.")) from None
    if visible(url) != url or " " in url or not url.isascii() or len(url) > _LONGEST:
        raise _refused(text, say("It is too long, or has characters that no address has."))
    if not host or parts.username or parts.password or parts.fragment or port == 0:
        raise _refused(text, say("It needs a host, and no user or fragment."))
    if not is_loopback(host) and ":" not in host and not host.replace(".", "").isdigit():
        try:
            host_name(host)
        except Refused:
            raise _refused(text, say("Its host is no host name.")) from None
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise _refused(text, say("It must begin with https://."))
    return url


def _refused(text: str, why: str) -> Refused:
    wrong = say("{text} is no address of a webhook. {why}", text=repr(visible(text)[:80]), why=why)
    return Refused("webhook.url", wrong, say("Write it like https://hooks.example.com/ccxsec."))


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    hand_over: Callable[[], bool] = lambda: True,
    ca_file: str = "",
) -> Answer:
    """Send `body`; a redirect is an answer like any other, and not followed.

    Args:
        hand_over: called once the connection stands, before the request; False ends it there.
    """
    parts = urlsplit(url)
    client = GuardedConnection(url, timeout=PATIENCE, ca_file=ca_file)
    was_handed = False
    try:
        client.connect()
        if not hand_over():
            return Answer(False, 0, say("Another worker has taken over."))
        was_handed = True
        client.request("POST", target_of(url), body, dict(headers))
        response = client.getresponse()
        said = visible(" ".join(response.read(_ANSWER * 4).decode(errors="replace").split()))
        return Answer(
            True, response.status, f"{response.status} {response.reason} {said}"[:_ANSWER]
        )
    except (OSError, http.client.HTTPException) as error:
        text = visible(" ".join(str(error).split())) or type(error).__name__
        return Answer(was_handed, 0, f"{parts.hostname}: {text}"[:_ANSWER])
    finally:
        client.close()
