"""Names compared as RFC 5280, 7.1 says, by a digest that equal names share: an index finds it."""

from functools import lru_cache
from hashlib import sha256

from certificates.x509.der import DerError, Element, only_element
from certificates.x509.name_comparison import folded

_VERSION = 0xA0


@lru_cache(maxsize=64)  # the certificates of one path, asked for again and again
def name_digests(certificate: bytes) -> tuple[str, str]:
    """Digests of subject and issuer of a certificate in DER, hexadecimal; "" where it is broken."""
    try:
        issuer, subject = _names(certificate)
        return name_digest(subject.raw), name_digest(issuer.raw)
    except (DerError, StopIteration):
        return "", ""


def name_digest(name: bytes) -> str:
    """SHA-256 of a Name in DER as it is compared, hexadecimal; of its octets if it is broken."""
    try:
        canonical = repr(folded(name)).encode()
    except ValueError:  # a DerError is one
        canonical = name
    return sha256(canonical).hexdigest()


def _names(certificate: bytes) -> tuple[Element, Element]:
    fields = next(only_element(certificate).children()).children()
    first = next(fields)
    if first.tag == _VERSION:
        next(fields)  # serial number
    next(fields)  # signature algorithm
    issuer = next(fields)
    next(fields)  # validity
    return issuer, next(fields)
