"""Certificates that a stranger made to do harm, as DER, and what no page or line of ours holds.

Nothing here may be served, resolved or run: names and addresses are reserved ones (RFC 2606), and
whatever would be dangerous if it were taken for more than text is text.
"""

import re
import subprocess
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import NameOID

from certificates.x509 import der

KEY = ec.generate_private_key(ec.SECP256R1())
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
SERIAL, VALIDITY, SUBJECT, PUBLIC_KEY = 1, 4, 5, 6  # places in the TBSCertificate
COMMON, ORGANIZATION = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME

# Text that does harm where it is taken for something else; each goes `everywhere`.
TEXTS = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "attribute": "' autofocus onfocus=alert(1) x='",
    "closing": "</title></pre></textarea></style><!--<svg/onload=alert(1)>",
    "cdata": "]]><hostile xmlns:a='http://example.net/'><iframe srcdoc=x></iframe>",
    "template": "{{ 7*7 }}{% load static %}{# gone #}",
    "entities": r"&lt;script&gt;alert(1)&lt;/script&gt;&#x202e;%3Cscript%3E\u003cscript\u003e",
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
    "broad": "東" * 100,  # 300 octets in UTF-8
    "query": "%' OR 1=1 --\\_%s%n{0.__class__}",
    "javascript": "javascript:alert(1)//",
    "data": "data:text/html,<script>alert(1)</script>",
}
# Letters and marks that nobody sees: Default_Ignorable_Code_Point of Unicode (UAX 44).
FILLERS = "\u3164\u115f\u034f\ufe0f\U000e0100"


def name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """Attributes as they come: of any length, with any character."""
    with warnings.catch_warnings(action="ignore"):  # X.520 would have 64 characters at most
        return x509.Name(x509.NameAttribute(oid, text, _validate=False) for oid, text in parts)


def build(
    *extensions: x509.ExtensionType,
    subject: x509.Name | None = None,
    issuer: x509.Name | None = None,
    critical: bool = False,
) -> bytes:
    """A certificate of "Hostile CA" for hostile.example.com, where nothing else is said."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name((COMMON, "hostile.example.com")) if subject is None else subject)
        .issuer_name(name((COMMON, "Hostile CA")) if issuer is None else issuer)
        .public_key(KEY.public_key())
        .serial_number(0xA1B2C)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_BEFORE + timedelta(days=3650))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def raw(dotted: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), value)


def reassembled(position: int, field: bytes) -> bytes:
    """With another field in the TBSCertificate; the signature no longer fits."""
    signed, *rest = der.only_element(build()).children()
    fields = [part.raw for part in signed.children()]
    fields[position] = field
    content = der.encode(der.SEQUENCE, b"".join(fields)) + b"".join(part.raw for part in rest)
    return der.encode(der.SEQUENCE, content)


def everywhere(text: str) -> bytes:
    """`text` in every place that takes text: names, addresses, policies, comments."""
    utf8 = der.encode(0x0C, text.encode())
    names: list[x509.GeneralName] = [
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), utf8),
        x509.DirectoryName(name((COMMON, text))),
    ]
    policies: list[str | x509.UserNotice] = [x509.UserNotice(x509.NoticeReference(text, [1]), text)]
    if text.isascii():  # IA5String: the places for addresses
        kinds = (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier)
        names += [kind._init_without_validation(text) for kind in kinds]
        policies.append(text)
    return build(
        x509.SubjectAlternativeName(names),
        x509.IssuerAlternativeName(names),
        x509.NameConstraints([x509.DirectoryName(name((COMMON, text)))], None),
        x509.CertificatePolicies(
            [x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), policies)]
        ),
        *addresses(names[-1]),
        raw("2.16.840.1.113730.1.13", utf8),
        raw("1.2.3.4", text.encode()),
        subject=name((ORGANIZATION, text), (COMMON, text)),
        issuer=name((ORGANIZATION, f"{text} CA"), (COMMON, text)),
    )


def addresses(place: x509.GeneralName) -> Iterable[x509.ExtensionType]:
    """Everything that a curious reader might fetch (RFC 5280, 4.2.1.13, 4.2.1.15, 4.2.2)."""
    point = x509.DistributionPoint([place], None, None, [place])
    methods = (Access.OCSP, Access.CA_ISSUERS)
    yield x509.AuthorityInformationAccess([x509.AccessDescription(m, place) for m in methods])
    repository = x509.ObjectIdentifier("1.3.6.1.5.5.7.48.5")
    yield x509.SubjectInformationAccess([x509.AccessDescription(repository, place)])
    yield x509.CRLDistributionPoints([point])
    yield x509.FreshestCRL([point])


def fetching() -> bytes:
    """Ordinary addresses, which must be shown and never fetched."""
    place = x509.UniformResourceIdentifier("http://fetched.example.net/ca.crt")
    return build(*addresses(place), x509.SubjectAlternativeName([place]))


def many_names() -> bytes:
    """More than 64 KiB of alternative names."""
    names = (x509.DNSName(f"h{number:05d}.example.com") for number in range(3500))
    return build(x509.SubjectAlternativeName(names))


def long_name() -> bytes:
    """8 KiB without a place to break the line, in subject, issuer and alternative name."""
    san = x509.SubjectAlternativeName([x509.DNSName("W" * 8192)])
    return build(san, subject=name((COMMON, "W" * 8192)), issuer=name((ORGANIZATION, "W" * 8192)))


def common_name(string: bytes) -> bytes:
    """A subject whose common name is any element of DER."""
    attribute = der.encode(der.SEQUENCE, b"\x06\x03\x55\x04\x03" + string)
    subject = der.encode(der.SEQUENCE, der.encode(der.SET, attribute))
    return reassembled(SUBJECT, subject)


def valid_between(*moments: bytes) -> bytes:
    times = b"".join(der.encode(0x18, moment) for moment in moments)
    return reassembled(VALIDITY, der.encode(der.SEQUENCE, times))


def duplicate_extension() -> bytes:
    """Basic constraints twice: `Certificate.extensions` raises a DuplicateExtension."""
    certificate = build(raw("1.2.3.4", b"\x30\x00"), x509.BasicConstraints(True, 0))
    return certificate.replace(b"\x06\x03\x2a\x03\x04", b"\x06\x03\x55\x1d\x13")


def broken_public_key() -> bytes:
    """`Certificate.public_key()` raises a ValueError: a point that is not on its curve."""
    point = KEY.public_key().public_numbers().x.to_bytes(32, "big")
    return build().replace(point, b"\xff" * 32)


def diffie_hellman(algorithm: str, openssl: str) -> bytes:
    """A key whose modulus is a good prime of 8,192 bits: 31 s to prove it (`COSTLY_KEYS`).

    Args:
        algorithm: "DHX" for X9.42 (RFC 3279, 2.3.3), "DH" for PKCS #3.
        openssl: the program; it knows the prime (RFC 3526, 7).
    """
    make = [openssl, "genpkey", "-algorithm", algorithm, "-pkeyopt", "group:modp_8192"]
    private = subprocess.run(make, check=True, capture_output=True).stdout
    show = [openssl, "pkey", "-pubout", "-outform", "DER"]
    public = subprocess.run(show, input=private, check=True, capture_output=True).stdout
    return reassembled(PUBLIC_KEY, public)


BUILDERS: dict[str, Callable[[], bytes]] = {
    **{kind: (lambda text=text: everywhere(text)) for kind, text in TEXTS.items()},  # type: ignore[misc] # a default
    "fillers": lambda: everywhere(FILLERS),
    "fetching": fetching,
    "many names": many_names,
    "long name": long_name,
    "many parts": lambda: build(subject=name(*((COMMON, f"part {n}") for n in range(1000)))),
    # `Certificate.extensions`, and below `Certificate.subject`, raise a ValueError.
    "broken extension": lambda: build(
        raw("2.5.29.14", b"\xff"), x509.BasicConstraints(False, None)
    ),
    "broken address": lambda: build(raw("2.5.29.17", b"\x30\x07\x82\x05\x1b[2J\xff")),
    "duplicate extension": duplicate_extension,
    "critical extension": lambda: build(raw("1.2.3.4", b"\x1b[2J<hostile>\r\n\0"), critical=True),
    "broken subject": lambda: common_name(b"\x0c\x05\x1b[2J\xff"),
    "broken public key": broken_public_key,
    "no subject": lambda: build(subject=x509.Name([]), issuer=x509.Name([])),
    "huge serial number": lambda: reassembled(SERIAL, der.encode(2, b"\x01" + bytes(9999))),
    "negative serial number": lambda: reassembled(SERIAL, der.encode(2, b"\xff\x34")),
    # From the first second that can be written to the last one (RFC 5280, 4.1.2.5).
    "endless": lambda: valid_between(b"00010101000000Z", b"99991231235959Z"),
    "impossible dates": lambda: valid_between(b"00000101000000Z", b"00000101000000Z"),
    # Their file names must differ, also where capitals don't.
    "capitals": lambda: build(subject=name((COMMON, "CLASH"))),
    "small letters": lambda: build(subject=name((COMMON, "clash"))),
    "small letters again": lambda: build(subject=name((COMMON, "clash"), (COMMON, "clash"))),
}


def all_certificates() -> dict[str, bytes]:
    """Each kind of harm, and its certificate in DER."""
    return {kind: make() for kind, make in BUILDERS.items()}


# What the product's own templates never contain.
_ELEMENTS = {"img", "iframe", "hostile", "object", "embed", "base", "style"}
_ATTRIBUTES = {"autofocus", "srcdoc", "style", "x", "xmlns:a", "formaction"}
_DRAWN = {("rect", "x"), ("text", "x")}  # in the picture of expirations
_ADDRESSES = {"href", "src", "action", "formaction", "data", "poster", "cite"}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


class Markup(HTMLParser):
    """Reads a page; `foreign` is each element, attribute and address in it that is none of ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _ELEMENTS or (tag == "script" and not dict(attributes).get("src")):
            self.foreign.append(f"<{tag}>")
        for attribute, value in attributes:
            parts = urlsplit(value or "") if attribute in _ADDRESSES else urlsplit("")
            is_drawn = (tag, attribute) in _DRAWN
            unwanted = attribute.startswith("on") or (attribute in _ATTRIBUTES and not is_drawn)
            if unwanted or parts.scheme or parts.netloc:
                self.foreign.append(f"<{tag} {attribute}={value!r}>")

    def handle_comment(self, data: str) -> None:
        if "<" in data:
            self.foreign.append(f"comment: {data!r}")


def hidden(text: str) -> list[str]:
    """The characters, line feeds left out, that nobody sees or that move others."""
    return [repr(c) for c in text if unicodedata.category(c) in _HIDDEN and c != "\n"]


def inert(response: Any, *, echo: bool = False) -> str:
    """The page, which is nothing but ours and text; `echo`: it repeats what was typed."""
    page: str = response.content.decode()
    assert response.status_code == 200
    assert Markup(page).foreign == []
    assert "<script>alert" not in page
    assert echo or hidden(page) == []
    assert "hostile" not in response.cookies
    return page


def saved_as(response: Any) -> str:
    """The name under which a browser would save it (RFC 6266)."""
    disposition = response.headers["Content-Disposition"]
    found = re.fullmatch(r"attachment; filename(?:=\"([^\"]+)\"|\*=utf-8''(.+))", disposition)
    assert found, disposition
    return found[1] or unquote(found[2])


def assert_safe(name: str) -> None:
    """No folder, no option, no hidden file, nothing that a shell or Windows takes for more."""
    assert re.fullmatch(r"[^/\\:*?\"<>|;&$`'\s.~-][^/\\:*?\"<>|;&$`'\s]*\.(pem|der)", name)
    assert hidden(name) == []
