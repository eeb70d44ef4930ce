"""Certificates loaded into the library: as they are, or the readable parts of a broken one.

The library refuses some certificates as a whole for one part that is not written as DER demands,
though other software reads them. Then those parts that it does read are put into a certificate
of our own making, which is never shown, stored or verified: only read.
"""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from certificates.sentence import say
from certificates.x509 import der
from certificates.x509.fields import Extension, Fields, certificate_fields, extension_entries
from certificates.x509.simple_values import UTC_TIME, time_of, time_of_older_form

# What the lazily decoded parts of a certificate raise: a KeyError for an unknown TLS feature,
# overflows for numbers and dates of any size; none of the last three is a ValueError.
DECODING_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
# What loading raises; `InvalidVersion` is no ValueError.
LOADING_ERRORS = (ValueError, x509.InvalidVersion)
_VERSION_3 = bytes.fromhex("a003020102")
_NOBODY = der.encode(der.SEQUENCE, b"")
_ED25519 = der.encode(der.SEQUENCE, bytes.fromhex("06032b6570"))
_KEY = der.encode(der.SEQUENCE, _ED25519 + der.encode(der.BIT_STRING, bytes(33)))
_MOMENT = der.encode(UTC_TIME, b"700101000000Z")
_SIGNATURE = der.encode(der.BIT_STRING, b"\0")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A certificate in the library, and what was left out of it.

    `unreadable` has the reason for each part that is broken, by its name in RFC 5280; the parts of
    that name in `certificate` are empty or made up. `corrected` has those that are only written
    in another form, with their true value in `certificate`.
    """

    certificate: x509.Certificate
    unreadable: dict[str, str] = field(default_factory=dict)
    corrected: dict[str, str] = field(default_factory=dict)

    def extension_values(self) -> dict[str, Any]:
        """What the library makes of the extensions it knows, dotted; none if it fails at one."""
        try:
            with quietly:
                extensions = self.certificate.extensions
        except DECODING_ERRORS:
            return {}
        return {
            extension.oid.dotted_string: extension.value
            for extension in extensions
            if type(extension.value) is not x509.UnrecognizedExtension
        }


class _Quietly:
    """Without the library's warnings about odd numbers and long names: we tell the operator.

    Both are a `UserWarning`, which an application may have made an error. Filters are those of
    the whole process, and are put back in the order in which they were taken: one thread at a
    time. Within itself it costs next to nothing.
    """

    def __init__(self) -> None:
        self._lock, self._depth = RLock(), 0
        self._filters: warnings.catch_warnings[None] = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1
        if self._depth == 1:
            self._filters = warnings.catch_warnings()
            self._filters.__enter__()
            warnings.simplefilter("ignore", UserWarning)

    def __exit__(self, *_: object) -> None:
        if self._depth == 1:
            self._filters.__exit__(None, None, None)
        self._depth -= 1
        self._lock.release()


quietly = _Quietly()


def load(data: bytes) -> x509.Certificate:
    """`load_der_x509_certificate`, quietly. Raises one of `LOADING_ERRORS`."""
    with quietly:
        return x509.load_der_x509_certificate(data)


def load_what_is_readable(data: bytes) -> Loaded:
    """The certificate as it is or, if the library refuses it, with its readable parts.

    Raises:
        ValueError: `data` is not built like a certificate of version 1, 2 or 3.
    """
    try:
        return Loaded(load(data))
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error
    except ValueError as error:
        fields = certificate_fields(data)
        if not 1 <= fields.version_number <= 3:  # noqa: PLR2004 - versions of X.509
            raise ValueError(f"{fields.version_number - 1} is not a valid X509 version") from error
        return _mended(fields, str(error))


def carried_extension(identifier: bytes, value: bytes) -> Any:
    """One extension decoded by itself; `identifier` is its object identifier in DER.

    Raises one of `DECODING_ERRORS`.
    """
    entry = der.encode(der.SEQUENCE, identifier + der.encode(der.OCTET_STRING, value))
    with quietly:
        return load(_carrier(extensions=entry)).extensions[0].value


def readable_extensions(data: bytes) -> x509.Extensions:
    """Those that the library decodes, each by itself, where it does not decode all of them.

    Raises:
        DerError: `data` is not built like a certificate.
    """
    found = []
    for entry in extension_entries(certificate_fields(data).extensions):
        with suppress(*DECODING_ERRORS):
            value = carried_extension(entry.identifier.raw, entry.value)
            found.append(x509.Extension(x509.ObjectIdentifier(entry.oid), entry.critical, value))
    return x509.Extensions(found)


def _carrier(
    *,
    serial: bytes = b"\x02\x01\x01",
    algorithm: bytes = _ED25519,
    issuer: bytes = _NOBODY,
    validity: bytes = _MOMENT * 2,
    subject: bytes = _NOBODY,
    public_key: bytes = _KEY,
    extensions: bytes = b"",
    signature: bytes = _SIGNATURE,
) -> bytes:
    """As small as RFC 5280, 4.1 lets a certificate be; the library does not check its signature."""
    entries = der.encode(0xA3, der.encode(der.SEQUENCE, extensions)) if extensions else b""
    times = der.encode(der.SEQUENCE, validity)
    parts = (_VERSION_3, serial, algorithm, issuer, times, subject, public_key, entries)
    signed = der.encode(der.SEQUENCE, b"".join(parts))
    return der.encode(der.SEQUENCE, signed + algorithm + signature)


def _mended(fields: Fields, why: str) -> Loaded:
    unreadable: dict[str, str] = {}
    corrected: dict[str, str] = {}
    parts: dict[str, bytes] = {}
    for argument, element in (
        ("serial", fields.serial_number),
        ("algorithm", fields.outer_algorithm),
        ("issuer", fields.issuer),
        ("subject", fields.subject),
        ("public_key", fields.public_key),
        ("signature", fields.signature),
    ):
        reason = _why_not_loaded({argument: element.raw})
        if reason:
            unreadable[argument.replace("_", " ")] = reason
        else:
            parts[argument] = element.raw
    parts["validity"] = b"".join(_times(fields.validity, unreadable, corrected))
    parts["extensions"] = b"".join(_extensions(fields, unreadable))
    if not unreadable and not corrected:
        corrected["certificate"] = why
    return Loaded(load(_carrier(**parts)), unreadable, corrected)


def _why_not_loaded(parts: dict[str, bytes]) -> str:
    try:
        load(_carrier(**parts))
    except LOADING_ERRORS as error:
        return str(error)
    return ""


def _times(
    validity: der.Element, unreadable: dict[str, str], corrected: dict[str, str]
) -> Iterator[bytes]:
    moments = list(validity.children())
    if len(moments) != 2:  # noqa: PLR2004 - not before and not after
        unreadable |= dict.fromkeys(("not before", "not after"), say("not made of two times"))
        yield _MOMENT * 2
        return
    for name, moment in zip(("not before", "not after"), moments, strict=True):
        try:
            time_of(moment.tag, moment.content)
            yield moment.raw
        except ValueError as error:
            try:
                at = time_of_older_form(moment.content)
                yield der.encode(UTC_TIME, f"{at:%y%m%d%H%M%S}Z".encode())
                corrected[name] = str(error)
            except ValueError:
                unreadable[name] = str(error)
                yield _MOMENT


def _extensions(fields: Fields, unreadable: dict[str, str]) -> Iterator[bytes]:
    try:
        entries = list(extension_entries(fields.extensions))
    except der.DerError as error:
        unreadable["extensions"] = str(error)
        return
    for entry in entries:
        yield der.encode(der.SEQUENCE, b"".join(_entry(entry)))


def _entry(entry: Extension) -> Iterator[bytes]:
    yield entry.identifier.raw
    if entry.critical:
        yield b"\x01\x01\xff"
    yield entry.octets.raw
