"""An LDAP directory (RFC 4511): who somebody is, and whether the password is right; by ldap3.

Never in the clear: `ldaps://`, or StartTLS before anything is said, with the server's name proven
by its certificate. A name is looked up by an account of the product's own, and the password is for
the one entry that it leads to. Its groups are read first, so that the password is the last word.
"""

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from ldap3 import NONE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from ccxsec_project.authentication.transport import few_places
from certificates.outgoing import anywhere
from certificates.refusal import Refused
from certificates.sentence import say

CONNECTING, PATIENCE = 5, 10  # seconds, for a connection and for each answer
ALTOGETHER = 30  # seconds, for all answers of a connection
MOST_BYTES = 4 * 1024 * 1024  # of them
MOST_GROUPS = 1_000
PORTS = {"ldap": 389, "ldaps": 636}
SUCCESS, INVALID_CREDENTIALS, SIZE_LIMIT = 0, 49, 4  # RFC 4511, 4.1.9
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"  # of OpenSSL
WRAPPED = re.compile(r"""\((["'])(.*)\1,\)""", re.DOTALL)
# What names an entry for good: RFC 4530, and Active Directory's own.
LASTING = ("entryUUID", "objectGUID")
_places = few_places()
# Of ldap3, and what it raises over an answer that it can't read, such as a referral for a bind.
_FAILURES = (LDAPException, OSError, LookupError, ValueError, TypeError, RecursionError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """An entry of the directory; `groups`: the names (cn) of those it is in."""

    name: str
    dn: str
    subject: str
    groups: tuple[str, ...]


def find(name: str, password: str | None) -> Person | None:
    """Who has this name, and this password; None: nobody.

    Args:
        password: None looks the name up without asking for one.

    Raises:
        Refused: directory.silent, directory.answer; password.answer, which is a failed attempt.
    """
    if password is not None and not password:
        return None  # RFC 4513, 5.1.2: it would be let in, as nobody
    if not _places.acquire(blocking=False):
        raise _silent()
    try:
        with _connected() as connection:
            person = _looked_up(connection, name)
            if person is None or password is None:
                return person
            return person if _is_right(connection, person.dn, password) else None
    except _FAILURES as error:
        _log.warning("The LDAP directory: %s", _innermost(error))
        raise _wrong(type(error).__name__) from None
    finally:
        _places.release()


def _is_right(connection: Any, dn: str, password: str) -> bool:
    """Whether it is the password of this entry.

    Once it is sent, no answer is a failed attempt: one server closes the connection at a wrong
    password, another lets one wait for longer each time.
    """
    try:
        return _is_bound(connection, dn, password)
    except _FAILURES as error:
        _log.warning("The LDAP directory: %s", _innermost(error))
        wrong = say("The directory did not say whether the password is right.")
        raise Refused("password.answer", wrong, _cure()) from None


@contextmanager
def _connected() -> Iterator[Any]:
    """To the first of the servers that answers, signed in with the product's own account."""
    connection = _opened()
    try:
        user, password = settings.CCXSEC_LDAP_BIND_DN, settings.CCXSEC_LDAP_BIND_PASSWORD
        if user and not _is_bound(connection, user, password):
            _log.warning("The LDAP directory does not accept CCXSEC_LDAP_BIND_DN, %r", user)
            raise _wrong(say("it does not accept CCXSEC_LDAP_BIND_DN and its password"))
        yield connection
    finally:
        # Its failure would be taken for one of what was asked before, and the answer be lost.
        with suppress(*_FAILURES):
            connection.unbind()
        _close(connection)


def _opened() -> Any:
    """A connection to one of the servers, over TLS; not signed in."""
    has_answered = False
    for url in settings.CCXSEC_LDAP_URL.split(","):
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        try:
            addresses = anywhere().judged(host, port).addresses
        except (OSError, UnicodeError) as error:
            _log.warning("The LDAP server %s: %s", host, error)
            continue
        for address in addresses:
            try:
                return _opened_at(address, port, host, with_tls=parts.scheme == "ldaps")
            except (OSError, LDAPException) as error:
                said = _innermost(error)
                _log.warning("The LDAP server %s at %s: %s", host, address, said)
                has_answered = has_answered or UNTRUSTED in said
    if has_answered:
        raise _wrong(say("its certificate can't be trusted"))
    raise _silent()


def _innermost(error: Exception) -> str:
    """What was said first: ldap3 puts it into a tuple as text, more than once."""
    said = str(error)
    while found := WRAPPED.fullmatch(said):
        said = found[2].replace("\\'", "'")
    return said


def _opened_at(address: str, port: int, host: str, *, with_tls: bool) -> Any:
    server = Server(
        address,
        port,
        use_ssl=with_tls,
        tls=_NamedTls(host),
        connect_timeout=CONNECTING,
        get_info=NONE,
    )
    connection = Connection(
        server, receive_timeout=PATIENCE, auto_referrals=False, check_names=False
    )
    try:
        connection.open(read_server_info=False)
        if not with_tls:
            connection.socket = _Bounded(connection.socket)
            connection.start_tls(read_server_info=False)
    except (OSError, LDAPException):
        _close(connection)
        raise
    return connection


def _close(connection: Any) -> None:
    """Ldap3 leaves open what did not come about, or was not taken leave of."""
    if connection.socket:
        connection.socket.close()


class _Bounded:
    """A socket that brings so much and for so long, whatever the other side sends.

    The patience of ldap3 begins anew with each octet, and it reads as many entries as there come.
    """

    def __init__(self, plain: Any) -> None:
        self.plain = plain
        self.until, self.left = monotonic() + ALTOGETHER, MOST_BYTES

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def recv(self, most: int) -> bytes:
        """Raises OSError."""
        seconds = self.until - monotonic()
        if seconds <= 0:
            raise TimeoutError("the answers take too long")
        self.plain.settimeout(min(seconds, PATIENCE))
        octets: bytes = self.plain.recv(most)
        self.left -= len(octets)
        if self.left < 0:
            raise OSError("the answers are too long")
        return octets


class _NamedTls(Tls):
    """As ldap3's, for an address that the guard has chosen: OpenSSL checks the name it is of."""

    def __init__(self, host: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.host = host
        file = settings.CCXSEC_LDAP_CA_FILE
        try:
            self.context = ssl.create_default_context(cafile=file or None)
        except OSError as error:  # there is none, it may not be read, or no certificate is in it
            _log.warning("CCXSEC_LDAP_CA_FILE, %s, can't be used: %s", file, error)
            raise _wrong(say("CCXSEC_LDAP_CA_FILE can't be used")) from None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        plain = connection.socket
        if isinstance(plain, _Bounded):  # StartTLS
            plain = plain.plain
        connection.socket = _Bounded(
            self.context.wrap_socket(
                plain, do_handshake_on_connect=do_handshake, server_hostname=self.host
            )
        )


def _is_bound(connection: Any, dn: str, password: str) -> bool:
    # As octets: ldap3 would prepare a text, refuse some, and so tell that the name exists.
    connection.rebind(user=dn, password=password.encode(), read_server_info=False)
    result = connection.result["result"]
    if result not in (SUCCESS, INVALID_CREDENTIALS):
        # Active Directory says so of who is locked or must change the password; OpenLDAP, too.
        _log.warning("The LDAP directory lets %r not in: %s", dn, connection.result["description"])
    return bool(result == SUCCESS)


def _looked_up(connection: Any, name: str) -> Person | None:
    attribute = settings.CCXSEC_LDAP_NAME_ATTRIBUTE
    asked = f"({attribute}={escape_filter_chars(name)})"
    found = _search(connection, settings.CCXSEC_LDAP_BASE, asked, (attribute, *LASTING), most=2)
    if len(found) > 1:
        _log.warning("The LDAP directory has more than one entry with %s", asked)
        raise _wrong(say("it has more than one entry with that name"))
    names = [text for one in found for text in _texts(one, attribute)]
    # The directory takes more for the same than the limits on guessing do, such as other spaces.
    known_as = next((text for text in names if text.casefold() == name.casefold()), None)
    if known_as is None:
        return None
    entry = found[0]
    dn = str(entry["dn"])
    # At once: an entry may be called {name}, and would be that of another with its own.
    known = {"{dn}": escape_filter_chars(dn), "{name}": escape_filter_chars(known_as)}
    of_person = re.sub("{dn}|{name}", lambda part: known[part[0]], settings.CCXSEC_LDAP_MEMBERS)
    base = settings.CCXSEC_LDAP_GROUP_BASE or settings.CCXSEC_LDAP_BASE
    groups = _search(connection, base, of_person, ("cn",), most=MOST_GROUPS)
    held = tuple(text for group in groups for text in _texts(group, "cn"))
    return Person(known_as, dn, _subject(entry), held)


def _search(
    connection: Any, base: str, wanted: str, attributes: tuple[str, ...], *, most: int
) -> list[dict[str, Any]]:
    connection.search(base, wanted, attributes=list(attributes), size_limit=most)
    if connection.result["result"] not in (SUCCESS, SIZE_LIMIT):
        said = connection.result["description"]
        _log.warning("The LDAP directory, asked for what is below %r: %s", base, said)
        raise _wrong(said)
    return [one for one in connection.response or () if one["type"] == "searchResEntry"]


def _values(entry: dict[str, Any], attribute: str) -> list[bytes]:
    """Of an attribute, whose name the server may write in other letters."""
    values = {name.lower(): value for name, value in entry["raw_attributes"].items()}
    return list(values.get(attribute.lower(), ()))


def _texts(entry: dict[str, Any], attribute: str) -> list[str]:
    return [value.decode(errors="replace") for value in _values(entry, attribute)]


def _subject(entry: dict[str, Any]) -> str:
    """What stays when the entry is renamed or moved, where the server tells it; else its DN."""
    for identifier in _texts(entry, "entryUUID"):
        return identifier
    for octets in _values(entry, "objectGUID"):
        return octets.hex()
    return str(entry["dn"]).lower()


def _silent() -> Refused:
    wrong = say("The directory gives no answer.")
    return Refused("directory.silent", wrong, _cure())


def _wrong(said: object) -> Refused:
    wrong = say("The directory can't be asked: {said}.", said=said)
    cure = say("Ask an administrator, who can sign in without it: the log says more.")
    return Refused("directory.answer", wrong, cure)


def _cure() -> str:
    return say("Try again in a moment; a local administrator can sign in. The log says more.")
