"""OpenSSL's verdict on one path that is handed to it complete (pyOpenSSL's X509Store).

It is a second opinion: it is asked when nothing is wrong by our own checks, and both must agree.
OpenSSL finds the next certificate of the path by its own comparison of names and by the key
identifiers, which RFC 5280, 4.2.1.1 means as a hint. Where it can't see a link that is there, both
sides of that link are judged by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from OpenSSL.crypto import (
    FILETYPE_ASN1,
    X509,
    Error,
    X509Store,
    X509StoreContext,
    X509StoreContextError,
    X509StoreFlags,
    load_certificate,
)

from certificates.x509.paths.certificate import PathCertificate

_FLAGS = X509StoreFlags.PARTIAL_CHAIN
# openssl/x509_vfy.h: no issuer found, self-signed, or another certificate of that name taken for
# the issuer: each signature was verified before OpenSSL is asked.
BAD_SIGNATURE = 7
_NO_LINK = {2, 18, 19, 20, 21, BAD_SIGNATURE}
PERMITTED_OR_EXCLUDED = {47, 48}


@dataclass(frozen=True, slots=True)
class Objection:
    """OpenSSL's error number, its words, and which certificate of the path it is about."""

    code: int
    words: str
    certificate: PathCertificate


class Unreadable(Exception):  # noqa: N818 - the caller tells it as a finding
    """OpenSSL can't read this certificate."""

    def __init__(self, certificate: PathCertificate) -> None:
        super().__init__(certificate)
        self.certificate = certificate


def objection(path: Sequence[PathCertificate], at: datetime) -> Objection | None:
    """What OpenSSL has against the path; None: nothing.

    Args:
        path: the leaf first, the anchor last.

    Raises:
        Unreadable: OpenSSL can't read one of them.
    """
    loaded = [_load(certificate) for certificate in path]
    try:
        return _judge(path, loaded, at)
    except Error as error:
        raise Unreadable(path[-1]) from error


def _load(certificate: PathCertificate) -> X509:
    try:
        return load_certificate(FILETYPE_ASN1, certificate.der)
    except (Error, ValueError) as error:
        raise Unreadable(certificate) from error


def _judge(
    path: Sequence[PathCertificate], loaded: Sequence[X509], at: datetime
) -> Objection | None:
    error = _verify(loaded, at)
    if error is None:
        return None
    code, depth, words = error
    if code not in _NO_LINK or not depth + 1 < len(path):
        return Objection(code, words, path[min(depth, len(path) - 1)])
    below = _judge(path[: depth + 1], loaded[: depth + 1], at)
    return below or _judge(path[depth + 1 :], loaded[depth + 1 :], at)


def _verify(loaded: Sequence[X509], at: datetime) -> tuple[int, int, str] | None:
    """OpenSSL's error, at which depth, and its words."""
    store = X509Store()
    store.set_time(at.astimezone(UTC))
    store.set_flags(_FLAGS)
    try:
        store.add_cert(loaded[-1])
        X509StoreContext(store, loaded[0], loaded[1:-1]).verify_certificate()
    except X509StoreContextError as error:
        code, depth, words = error.errors
        return code, depth, words
    return None
