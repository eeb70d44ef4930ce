"""Certificates out of a PKCS#12 (RFC 7292) of a foreign system; its private keys stay closed.

The file is read here and not by a library, as that would decrypt the keys, too, and run whatever
number of rounds the file asks for. A bag that holds a key is passed over as it is: it is not even
decrypted, so no key is ever in memory.
"""

from collections.abc import Iterator

from bulk.exchange import limits
from bulk.exchange.ber import as_der
from bulk.exchange.pkcs12_passwords import LONGEST_PASSPHRASE, Opener
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509 import der
from certificates.x509.der import DerError, Element, dotted, only_element
from certificates.x509.uploads.foreign_der import Kind, kind_of

_DATA, _ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
_CERTIFICATE_BAG, _NESTED_BAG = "1.2.840.113549.1.12.10.1.3", "1.2.840.113549.1.12.10.1.6"
_X509 = "1.2.840.113549.1.9.22.1"
_IN_PIECES = 0xA0  # [0] IMPLICIT OCTET STRING, constructed
_ANEW = say("Export it again from the system that it comes from, as PKCS#12 with a pass phrase.")
_AGAIN = say("Type it again; if it is right, the file was damaged: fetch it again.")


def certificates_of_pkcs12(data: bytes, passphrase: str) -> list[bytes]:
    """The certificates in DER, in the order of the file, each once. No key is opened.

    Args:
        data: the whole file, in DER or BER.
        passphrase: that of its integrity; "" for a file without any.

    Raises:
        Refused: pkcs12.size, pkcs12.form, pkcs12.passphrase, pkcs12.work, pkcs12.empty.
    """
    if len(data) > limits.PKCS12:
        wrong = say(
            "The PKCS#12 has {size} bytes; {most} are allowed.",
            size=f"{len(data):,}",
            most=f"{limits.PKCS12:,}",
        )
        raise Refused("pkcs12.size", wrong, say("Export fewer certificates into one file."))
    if len(passphrase) > LONGEST_PASSPHRASE:
        wrong = say(
            "The pass phrase has more than {most} characters.",
            most=f"{LONGEST_PASSPHRASE:,}",
        )
        raise Refused("pkcs12.passphrase", wrong, say("Type the pass phrase of the file."))
    try:
        found = list(dict.fromkeys(_certificates(data, Opener(passphrase))))
    except (ValueError, IndexError):  # a DerError is a ValueError
        # Not the reason: it could repeat what was decrypted.
        wrong = say(
            "The file ({size} bytes) is no PKCS#12, or it is damaged.", size=f"{len(data):,}"
        )
        raise Refused("pkcs12.form", wrong, _ANEW) from None
    if not found:
        wrong = say("The PKCS#12 holds no certificate.")
        raise Refused("pkcs12.empty", wrong, say("Export the certificates along with it."))
    return found


def _certificates(data: bytes, opener: Opener) -> Iterator[bytes]:
    version, outer, *mac = only_element(as_der(data)).expect(der.SEQUENCE).children()
    version.expect(der.INTEGER)
    content = _content(outer)
    if dotted(content[0]) != _DATA:
        wrong = say("The PKCS#12 is protected by a signature, not by a pass phrase.")
        raise Refused("pkcs12.form", wrong, _ANEW)
    safe = content[1].expect(der.OCTET_STRING).content
    if mac and not opener.is_right(mac[0], safe):
        raise Refused(
            "pkcs12.passphrase", say("The pass phrase does not open the PKCS#12."), _AGAIN
        )
    for part in only_element(as_der(safe)).expect(der.SEQUENCE).children():
        yield from _of_safe(part, opener, is_proven=bool(mac))


def _content(info: Element) -> tuple[Element, Element]:
    """ContentInfo: what kind it is, and what is in it."""
    kind, explicit = info.expect(der.SEQUENCE).children()
    (inner,) = explicit.children()
    return kind, inner


def _of_safe(part: Element, opener: Opener, *, is_proven: bool) -> Iterator[bytes]:
    kind, inner = _content(part)
    if dotted(kind) == _DATA:
        yield from _of_bags(only_element(as_der(inner.expect(der.OCTET_STRING).content)))
    elif dotted(kind) == _ENCRYPTED:
        yield from _of_bags(_opened(inner, opener, is_proven=is_proven))
    # Anything else is enveloped for a key that nobody has here.


def _opened(encrypted: Element, opener: Opener, *, is_proven: bool) -> Element:
    """EncryptedData (RFC 5652, 8), decrypted."""
    _, info = list(encrypted.children())[:2]
    _, algorithm, content = info.children()
    data = content.content
    if content.tag == _IN_PIECES:
        data = b"".join(piece.expect(der.OCTET_STRING).content for piece in content.children())
    try:
        return only_element(as_der(opener.decrypted(algorithm, data)))
    except ValueError:
        if is_proven:
            raise
        # Without a code over the file a wrong pass phrase shows only here.
        wrong = say("The pass phrase does not open the certificates in the PKCS#12.")
        raise Refused("pkcs12.passphrase", wrong, _AGAIN) from None


def _of_bags(bags: Element) -> Iterator[bytes]:
    for bag in bags.expect(der.SEQUENCE).children():
        kind, explicit, *_ = bag.expect(der.SEQUENCE).children()
        name = dotted(kind)
        if name == _NESTED_BAG:
            (inner,) = explicit.children()
            yield from _of_bags(inner)
        elif name == _CERTIFICATE_BAG:
            (inner,) = explicit.children()
            yield from _of_certificate_bag(inner)


def _of_certificate_bag(bag: Element) -> Iterator[bytes]:
    kind, explicit = bag.expect(der.SEQUENCE).children()
    if dotted(kind) != _X509:
        return  # SDSI: nobody has seen one
    (inner,) = explicit.children()
    certificate = inner.expect(der.OCTET_STRING).content
    if kind_of(certificate) is not Kind.CERTIFICATE:
        raise DerError(inner.start, "something else in the place of a certificate")
    yield only_element(certificate).raw
