"""Certificate Details in words: ordinary, broken and hostile certificates (CM-3)."""

import ipaddress
import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID

from certificates.x509 import der
from certificates.x509.details import Attribute, Details, ExtensionText, describe
from certificates.x509.object_names import KEY_PURPOSES

pytestmark = pytest.mark.spec("CM-3")

KEY = ec.generate_private_key(ec.SECP256R1())
SERIAL = 0x0A1B2C3D4E5F60718293
NOT_BEFORE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOT_AFTER = NOT_BEFORE + timedelta(days=365)
ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab CA")])
CA_NO = x509.BasicConstraints(ca=False, path_length=None)
SAN_OID = x509.ObjectIdentifier("2.5.29.17")


def oid(dotted: str) -> x509.ObjectIdentifier:
    return x509.ObjectIdentifier(dotted)


def name(**parts: str) -> x509.Name:
    return x509.Name(
        x509.NameAttribute(getattr(NameOID, part), value) for part, value in parts.items()
    )


SUBJECT = name(COUNTRY_NAME="DE", ORGANIZATION_NAME="Example GmbH", COMMON_NAME="ccx1.example.com")


def build(
    *extensions: x509.ExtensionType,
    subject: x509.Name = SUBJECT,
    serial: int = SERIAL,
    critical: bool = False,
    key: Any = KEY,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ISSUER)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def raw(dotted: str, value: str) -> x509.UnrecognizedExtension:
    """An extension with a value of our own making, in hexadecimal."""
    return x509.UnrecognizedExtension(oid(dotted), bytes.fromhex(value))


def patched(certificate: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert certificate.count(old) == 1
    return certificate.replace(old, new)


def reassembled(certificate: bytes, position: int, field: bytes) -> bytes:
    """With another field in the TBSCertificate; position 0 is the version."""
    signed, *rest = der.only_element(certificate).children()
    fields = [part.raw for part in signed.children()]
    fields[position] = field
    content = der.encode(der.SEQUENCE, b"".join(fields)) + b"".join(part.raw for part in rest)
    return der.encode(der.SEQUENCE, content)


def openssl(certificate: bytes, *options: str) -> str:
    command = ["openssl", "x509", "-inform", "der", "-noout", *options]
    done = subprocess.run(command, input=certificate, check=True, capture_output=True)
    return done.stdout.decode()


def only(details: Details) -> ExtensionText:
    (extension,) = details.extensions
    return extension


def test_says_the_same_as_openssl() -> None:
    certificate = build(CA_NO)
    shown = describe(certificate)

    text = openssl(certificate, "-text")
    fingerprints = dict(shown.fingerprints)
    assert shown.version == "3"
    assert "Version: 3" in text
    assert shown.serial_number == "0A:1B:2C:3D:4E:5F:60:71:82:93"
    assert shown.serial_number.lower() in text
    assert shown.serial_decimal == str(SERIAL)
    assert openssl(certificate, "-serial") == f"serial={shown.serial_number.replace(':', '')}\n"
    assert fingerprints["SHA-256"] in openssl(certificate, "-fingerprint", "-sha256")
    assert fingerprints["SHA-1"] in openssl(certificate, "-fingerprint", "-sha1")
    signature = re.sub(r"\s", "", text.split("Signature Value:")[1])
    assert shown.signature.lower() == signature
    assert shown.signature_algorithm == "SHA-256 with ECDSA (1.2.840.10045.4.3.2)"
    assert shown.undecoded == ()


def test_names_the_parts_of_subject_and_issuer_in_their_order() -> None:
    shown = describe(build())

    assert shown.subject == (
        Attribute("Country (C)", "DE"),
        Attribute("Organization (O)", "Example GmbH"),
        Attribute("Common name (CN)", "ccx1.example.com"),
    )
    assert shown.issuer == (Attribute("Common name (CN)", "Lab CA"),)
    written = openssl(build(), "-subject", "-nameopt", "multiline")
    assert [value for _, value in re.findall(r"(\w+) += (.+)", written)] == [
        part.value for part in shown.subject
    ]


def test_times_are_utc() -> None:
    shown = describe(build())

    assert (shown.not_before, shown.not_after) == (NOT_BEFORE, NOT_AFTER)
    assert shown.not_before is not None
    assert shown.not_before.tzinfo is not None


def test_fingerprint_of_the_public_key_is_that_of_openssl() -> None:
    certificate = build()

    pem = openssl(certificate, "-pubkey").encode()
    convert = ["openssl", "pkey", "-pubin", "-outform", "der"]
    info = subprocess.run(convert, input=pem, check=True, capture_output=True).stdout
    digest = hashes.Hash(hashes.SHA256())
    digest.update(info)
    expected = digest.finalize().hex(":").upper()
    assert dict(describe(certificate).fingerprints)["Public key SHA-256 (SPKI)"] == expected


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "RSA, 2048 bits", "Exponent 65537"),
        (lambda: KEY, "Elliptic curve P-256 (secp256r1), 256 bits", "Point: 04:"),
        (
            lambda: ec.generate_private_key(ec.SECP256K1()),
            "Elliptic curve secp256k1, 256 bits",
            "Point: 04:",
        ),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519, 256 bits", "Key: "),
        (ed448.Ed448PrivateKey.generate, "Ed448, 456 bits", "Key: "),
        (lambda: dsa.generate_private_key(1024), "DSA, 1024 bits", "P: "),
    ],
    ids=["rsa", "p256", "k256", "ed25519", "ed448", "dsa"],
)
def test_public_keys(make: Callable[[], Any], first: str, second: str) -> None:
    lines = describe(build(key=make())).public_key

    assert lines[0] == first
    assert lines[1].startswith(second)


def sign_with_pss() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateBuilder(ISSUER, SUBJECT, key.public_key(), 1, NOT_BEFORE, NOT_AFTER)
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
    certificate = builder.sign(key, hashes.SHA384(), rsa_padding=pss)
    return certificate.public_bytes(Encoding.DER)


def test_rsassa_pss_names_its_hash() -> None:
    shown = describe(sign_with_pss())

    assert shown.signature_algorithm == "RSASSA-PSS with SHA-384 (1.2.840.113549.1.1.10)"


URI = x509.UniformResourceIdentifier("http://ca.example.com/a")
LINES: dict[str, tuple[x509.ExtensionType, str, list[str]]] = {
    "subject alternative name": (
        x509.SubjectAlternativeName(
            [
                x509.DNSName("ccx1.example.com"),
                x509.IPAddress(ipaddress.ip_address("192.0.2.10")),
                x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
                x509.RFC822Name("root@example.com"),
                URI,
                x509.DirectoryName(SUBJECT),
                x509.RegisteredID(oid("1.2.3.4")),
                x509.OtherName(oid("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x05u@a.b"),
                x509.OtherName(oid("1.2.3.5"), b"\x16\x02ab"),
                x509.OtherName(oid("1.2.3.5"), b"\x04\x02\xff\x00"),
            ]
        ),
        "Subject alternative name",
        [
            "DNS: ccx1.example.com",
            "IP address: 192.0.2.10",
            "IP address: 2001:db8::1",
            "E-mail: root@example.com",
            "URI: http://ca.example.com/a",
            "Directory name: CN=ccx1.example.com,O=Example GmbH,C=DE",
            "Registered ID: 1.2.3.4",
            "Other name User principal name (1.3.6.1.4.1.311.20.2.3): u@a.b",
            "Other name 1.2.3.5: ab",
            "Other name 1.2.3.5: 04:02:FF:00",
        ],
    ),
    "issuer alternative name": (
        x509.IssuerAlternativeName([URI]),
        "Issuer alternative name",
        ["URI: http://ca.example.com/a"],
    ),
    "key usage": (
        x509.KeyUsage(
            digital_signature=True,
            content_commitment=True,
            key_encipherment=True,
            data_encipherment=True,
            key_agreement=True,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=True,
        ),
        "Key usage",
        [
            "Digital Signature",
            "Non Repudiation",
            "Key Encipherment",
            "Data Encipherment",
            "Key Agreement",
            "Certificate Sign",
            "CRL Sign",
            "Decipher Only",
        ],
    ),
    "extended key usage": (
        x509.ExtendedKeyUsage([Purpose.SERVER_AUTH, oid("1.3.6.1.5.5.7.3.5"), oid("1.2.3.4")]),
        "Extended key usage",
        [
            "TLS Web Server Authentication (1.3.6.1.5.5.7.3.1)",
            "IPSec End System (1.3.6.1.5.5.7.3.5)",
            "1.2.3.4",
        ],
    ),
    "end entity": (CA_NO, "Basic constraints", ["CA: no"]),
    "ca": (x509.BasicConstraints(True, 1), "Basic constraints", ["CA: yes, path length 1"]),
    "subject key identifier": (
        x509.SubjectKeyIdentifier(b"\x0a\x1b"),
        "Subject key identifier",
        ["0A:1B"],
    ),
    "authority key identifier": (
        x509.AuthorityKeyIdentifier(b"\x0a\x1b", [x509.DirectoryName(ISSUER)], 0x1234),
        "Authority key identifier",
        ["Key ID: 0A:1B", "Issuer: Directory name: CN=Lab CA", "Serial number: 12:34"],
    ),
    "crl distribution points": (
        x509.CRLDistributionPoints(
            [
                x509.DistributionPoint([URI], None, None, None),
                x509.DistributionPoint(
                    None,
                    x509.RelativeDistinguishedName(
                        [x509.NameAttribute(NameOID.COMMON_NAME, "CRL1")]
                    ),
                    frozenset([x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise]),
                    [x509.DirectoryName(ISSUER)],
                ),
            ]
        ),
        "CRL distribution points",
        [
            "URI: http://ca.example.com/a",
            "Relative name: CN=CRL1",
            "Only for these reasons: cACompromise, keyCompromise",
            "CRL issuer: Directory name: CN=Lab CA",
        ],
    ),
    "freshest crl": (
        x509.FreshestCRL([x509.DistributionPoint([URI], None, None, None)]),
        "Freshest CRL",
        ["URI: http://ca.example.com/a"],
    ),
    "authority information access": (
        x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(Access.OCSP, URI),
                x509.AccessDescription(Access.CA_ISSUERS, URI),
            ]
        ),
        "Authority information access",
        [
            "OCSP (1.3.6.1.5.5.7.48.1), URI: http://ca.example.com/a",
            "CA issuers (1.3.6.1.5.5.7.48.2), URI: http://ca.example.com/a",
        ],
    ),
    "subject information access": (
        x509.SubjectInformationAccess([x509.AccessDescription(oid("1.3.6.1.5.5.7.48.5"), URI)]),
        "Subject information access",
        ["CA repository (1.3.6.1.5.5.7.48.5), URI: http://ca.example.com/a"],
    ),
    "policies": (
        x509.CertificatePolicies(
            [
                x509.PolicyInformation(oid("2.5.29.32.0"), None),
                x509.PolicyInformation(
                    oid("2.23.140.1.2.1"),
                    [
                        "http://ca.example.com/cps",
                        x509.UserNotice(x509.NoticeReference("Lab", [1, 2]), "Read this."),
                    ],
                ),
                x509.PolicyInformation(oid("1.2.3"), None),
            ]
        ),
        "Certificate policies",
        [
            "Any policy (anyPolicy) (2.5.29.32.0)",
            "Domain validated (DV) (2.23.140.1.2.1)",
            "CPS: http://ca.example.com/cps",
            "User notice: Read this.",
            "User notice reference: Lab, 1, 2",
            "1.2.3",
        ],
    ),
    "policy mappings": (
        raw("2.5.29.33", "300c 300a 0603 2a0304 0603 2a0305"),
        "Policy mappings",
        ["1.2.3.4 is equivalent to 1.2.3.5"],
    ),
    "policy constraints": (
        x509.PolicyConstraints(0, 2),
        "Policy constraints",
        ["Explicit policy required after: 0", "Policy mapping inhibited after: 2"],
    ),
    "inhibit any policy": (
        x509.InhibitAnyPolicy(3),
        "Inhibit anyPolicy",
        ["anyPolicy inhibited after: 3"],
    ),
    "name constraints": (
        x509.NameConstraints(
            [
                x509.DNSName("example.com"),
                x509.IPAddress(ipaddress.ip_network("192.0.2.0/24")),
            ],
            [x509.RFC822Name("example.org"), x509.DirectoryName(ISSUER)],
        ),
        "Name constraints",
        [
            "Permitted DNS: example.com",
            "Permitted IP address: 192.0.2.0/24",
            "Excluded E-mail: example.org",
            "Excluded Directory name: CN=Lab CA",
        ],
    ),
    "precert poison": (
        x509.PrecertPoison(),
        "Precertificate poison",
        ["A precertificate: no client may accept it."],
    ),
    "must staple": (
        raw("1.3.6.1.5.5.7.1.24", "3009 020105 020111 020107"),
        "TLS feature",
        [
            "Status request (must staple) (5)",
            "Status request, version 2 (17)",
            "TLS extension (7)",
        ],
    ),
    "ocsp no check": (
        x509.OCSPNoCheck(),
        "OCSP no check",
        ["The revocation of this OCSP responder is not checked."],
    ),
    "private key usage period": (
        x509.PrivateKeyUsagePeriod(NOT_BEFORE, NOT_AFTER),
        "Private key usage period",
        ["Not before: 2026-01-02 03:04:05 UTC", "Not after: 2027-01-02 03:04:05 UTC"],
    ),
    "microsoft template": (
        x509.MSCertificateTemplate(oid("1.3.6.1.4.1.311.21.8.1"), 100, 3),
        "Microsoft certificate template",
        ["Template: 1.3.6.1.4.1.311.21.8.1", "Major version: 100", "Minor version: 3"],
    ),
    "microsoft template name": (
        raw("1.3.6.1.4.1.311.20.2", "1e04 00430041"),
        "Microsoft certificate template name",
        ["CA"],
    ),
    "microsoft ca version": (
        raw("1.3.6.1.4.1.311.21.1", "0203 010002"),
        "Microsoft CA version",
        ["Certificate 2, key 1"],
    ),
    "microsoft application policies": (
        raw("1.3.6.1.4.1.311.21.10", "300c 300a 0608 2b06010505070301"),
        "Microsoft application policies",
        ["TLS Web Server Authentication (1.3.6.1.5.5.7.3.1)"],
    ),
    "netscape type": (
        raw("2.16.840.1.113730.1.1", "0302 06c0"),
        "Netscape certificate type",
        ["SSL Client", "SSL Server"],
    ),
    "netscape comment": (
        raw("2.16.840.1.113730.1.13", "1602 6869"),
        "Netscape comment",
        ["hi"],
    ),
}


@pytest.mark.parametrize(("value", "title", "lines"), LINES.values(), ids=LINES.keys())
def test_extensions_in_words(value: x509.ExtensionType, title: str, lines: list[str]) -> None:
    shown = describe(build(value))

    assert only(shown) == ExtensionText(value.oid.dotted_string, title, False, tuple(lines), True)
    assert shown.undecoded == ()


def test_signed_certificate_timestamps() -> None:
    """One SCT of RFC 6962, 3.2: version 1, a log, a time, no extensions, SHA-256 with ECDSA."""
    milliseconds = int(NOT_BEFORE.timestamp()) * 1000
    sct = b"\0" + b"\xab" * 32 + milliseconds.to_bytes(8, "big") + b"\0\0\4\3\0\2\x01\x02"
    entry = len(sct).to_bytes(2, "big") + sct
    value = der.encode(der.OCTET_STRING, len(entry).to_bytes(2, "big") + entry)

    shown = only(describe(build(raw("1.3.6.1.4.1.11129.2.4.2", value.hex()))))

    assert shown.lines == (
        "SCT 1: version v1, 2026-01-02 03:04:05 UTC",
        "Log ID: " + ":".join(["AB"] * 32),
        "Signature: SHA-256 with ECDSA",
        "Signature value: 01:02",
    )


def test_key_purposes_have_the_words_of_openssl() -> None:
    purposes = [dotted for dotted in KEY_PURPOSES if dotted != "2.5.29.37.0"]
    certificate = build(x509.ExtendedKeyUsage(map(oid, purposes)))

    words = openssl(certificate, "-ext", "extendedKeyUsage").splitlines()[1].strip().split(", ")

    known = {ours: theirs for ours, theirs in zip(purposes, words, strict=True) if ours != theirs}
    assert len(known) > 20
    assert {dotted: KEY_PURPOSES[dotted] for dotted in known} == known


def test_key_usages_and_alternative_names_are_those_of_openssl() -> None:
    usages, names = LINES["key usage"], LINES["subject alternative name"]
    text = openssl(build(usages[0], names[0]), "-text")

    assert ", ".join(usages[2]) in text
    for word in ("DNS:ccx1.example.com", "IP Address:192.0.2.10", "Registered ID:1.2.3.4"):
        assert word in text


@pytest.mark.parametrize("critical", [True, False])
def test_an_unknown_extension_is_hexadecimal_and_no_error(critical: bool) -> None:
    shown = describe(build(raw("1.2.3.4", "00" * 20), critical=critical))

    assert only(shown) == ExtensionText(
        "1.2.3.4",
        "Unknown extension",
        critical,
        ("No decoder for this extension.", ":".join(["00"] * 16), "00:00:00:00"),
        False,
    )
    assert shown.undecoded == ()


def test_a_broken_extension_does_not_hide_the_others() -> None:
    broken = raw("2.5.29.14", "ffff")
    certificate = build(CA_NO, broken, x509.ExtendedKeyUsage([Purpose.SERVER_AUTH]))
    with pytest.raises(ValueError, match="error parsing"):
        _ = x509.load_der_x509_certificate(certificate).extensions

    shown = describe(certificate)

    assert [each.decoded for each in shown.extensions] == [True, False, True]
    why, octets = shown.extensions[1].lines
    assert why.startswith("It can't be decoded: ")
    assert octets == "FF:FF"
    assert shown.undecoded == (f"Subject key identifier (2.5.29.14): {why}",)


def test_a_broken_name_does_not_hide_the_other_names() -> None:
    """An IP address of three octets, between two good names."""
    value = "300d 8201 61 8703 010203 8203 622e63"

    shown = describe(build(x509.UnrecognizedExtension(SAN_OID, bytes.fromhex(value))))

    why, *lines = only(shown).lines
    assert lines == ["DNS: a", "Undecoded: 87:03:01:02:03", "DNS: b.c"]
    assert not only(shown).decoded
    assert shown.undecoded == (f"Subject alternative name (2.5.29.17): {why}",)


def test_a_broken_constraint_does_not_hide_the_others() -> None:
    """Permitted: "a.b"; excluded: every directory name, and one with an empty part."""
    value = "3019 a007 3005 8203 612e62 a10e 3004 a402 3000 3006 a404 3002 3100"

    shown = describe(build(raw("2.5.29.30", value)))

    assert only(shown).lines[1:] == (
        "Permitted DNS: a.b",
        "Excluded Directory name: (empty)",
        "Undecoded: 30:06:A4:04:30:02:31:00",
    )


def test_duplicate_extensions_are_both_shown() -> None:
    certificate = build(raw("1.2.3.4", "3000"), x509.BasicConstraints(True, 0))
    certificate = patched(certificate, b"\x06\x03\x2a\x03\x04", b"\x06\x03\x55\x1d\x13")
    with pytest.raises(x509.DuplicateExtension):
        _ = x509.load_der_x509_certificate(certificate).extensions

    first, second = describe(certificate).extensions

    assert first.lines == ("CA: no",)
    assert second.lines == (
        "It stands here more than once, which RFC 5280, 4.2 forbids.",
        "CA: yes, path length 0",
    )


def test_a_broken_part_of_the_subject_does_not_hide_the_others() -> None:
    certificate = patched(build(), b"\x0c\x10ccx1", b"\x0c\x10\xff\xfe\xfd\xfc")
    with pytest.raises(ValueError, match="subject"):
        _ = x509.load_der_x509_certificate(certificate).subject

    shown = describe(certificate)

    assert [part.name for part in shown.subject] == [
        "Country (C)",
        "Organization (O)",
        "Common name (CN)",
    ]
    assert shown.subject[1].value == "Example GmbH"
    assert shown.subject[2].value.startswith("Undecoded: 0C:10:FF:FE:FD:FC:2E:65")
    (sentence,) = shown.undecoded
    assert sentence.startswith("Subject, Common name (CN): It can't be decoded: ")


def test_a_broken_public_key_is_hexadecimal() -> None:
    point = KEY.public_key().public_numbers().x.to_bytes(32, "big")
    certificate = patched(build(), point, b"\xff" * 32)

    shown = describe(certificate)

    algorithm, octets = shown.public_key
    assert algorithm == "Algorithm Elliptic curve (1.2.840.10045.2.1)"
    assert octets.startswith("Undecoded: 30:59:30:13")
    (sentence,) = shown.undecoded
    assert sentence.startswith("Public key, Elliptic curve (1.2.840.10045.2.1): ")


def test_an_unknown_public_key_algorithm_is_named_by_its_number() -> None:
    certificate = patched(build(), b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x02\x7f")

    shown = describe(certificate)

    assert shown.public_key[0] == "Algorithm 1.2.840.10045.2.127"
    assert len(shown.undecoded) == 1


def test_a_diffie_hellman_key_is_not_checked() -> None:
    """The library would test whether its modulus is prime: 31 s for one of 8,192 bits."""
    oid_and_domain = bytes.fromhex("06072a8648ce3e0201 3009 020117 020104 02010b")
    algorithm = der.encode(der.SEQUENCE, oid_and_domain)
    info = der.encode(der.SEQUENCE, algorithm + der.encode(der.BIT_STRING, b"\0\2\1\4"))

    shown = describe(reassembled(build(), 6, info))

    assert shown.public_key == ("Algorithm Diffie-Hellman (1.2.840.10046.2.1)", "Key: 02:01:04")
    assert shown.undecoded == ()


def test_an_impossible_date_is_none() -> None:
    moments = der.encode(0x17, b"260102030405Z") + der.encode(0x18, b"00000102030405Z")

    shown = describe(reassembled(build(), 4, der.encode(der.SEQUENCE, moments)))

    assert (shown.not_before, shown.not_after) == (NOT_BEFORE, None)
    (sentence,) = shown.undecoded
    assert sentence.startswith("Not after: It can't be decoded: year 0 is out of range (18:0F:30")


def test_pss_parameters_that_cannot_be_decoded_are_named() -> None:
    """RSASSA-PSS with SHA-384 as a hash that does not exist."""
    sha384, unknown = (bytes.fromhex("0609608648016503040" + last) for last in ("202", "27f"))
    certificate = sign_with_pss().replace(sha384, unknown)

    shown = describe(certificate)

    assert shown.signature_algorithm == "RSASSA-PSS (1.2.840.113549.1.1.10)"
    assert shown.undecoded[0].startswith("Signature algorithm: It can't be decoded: ")


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\x0c\x03Z\xc3\xab", "Zë"),
        (b"\x13\x02AB", "AB"),
        (b"\x14\x03Z\xc3\xab", "Zë"),
        (b"\x14\x02Z\xeb", "Zë"),
        (b"\x1e\x04\x00Z\x00\xeb", "Zë"),
        (b"\x1c\x04\x00\x00\x00Z", "Z"),
        (b"\x03\x02\x00\xab", "AB"),
        (b"\x0c\x01\xff", "Undecoded: 0C:01:FF"),
        (b"\x02\x01\x05", "Undecoded: 02:01:05"),
    ],
)
def test_names_in_every_kind_of_string(content: bytes, shown: str) -> None:
    attribute = der.encode(der.SEQUENCE, b"\x06\x03\x55\x04\x0a" + content)
    subject = der.encode(der.SEQUENCE, der.encode(der.SET, attribute))

    details = describe(reassembled(build(), 5, subject))

    assert details.subject == (Attribute("Organization (O)", shown),)
    assert len(details.undecoded) == shown.startswith("Undecoded")


@pytest.mark.parametrize("value", ["0302 0fc0", "0300", "0301 07", "0401 00", "30", ""])
def test_broken_key_usages_are_hexadecimal(value: str) -> None:
    shown = describe(build(raw("2.5.29.15", value)))

    assert not only(shown).decoded
    assert only(shown).lines[0].startswith("It can't be decoded: ")
    assert len(shown.undecoded) == 1


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\0b", r"a\u{0}b"),
        ("a\u202eb", r"a\u{202e}b"),
        ("a\r\nb", r"a\u{d}\u{a}b"),
        ("a\u2028b", r"a\u{2028}b"),
        ("a\u200bb", r"a\u{200b}b"),
        ("<b>&'\"", "<b>&'\""),
        ("Zoë 東京", "Zoë 東京"),
    ],
    ids=["nul", "bidi", "line-break", "separator", "zero-width", "html", "plain"],
)
def test_hostile_text_is_visible_everywhere(hostile: str, shown: str) -> None:
    other = x509.OtherName(oid("1.2.3"), der.encode(0x0C, hostile.encode()))
    subject = name(ORGANIZATION_NAME=hostile, COMMON_NAME="x")
    policy = x509.PolicyInformation(oid("1.2.3"), [x509.UserNotice(None, hostile)])
    certificate = build(
        x509.SubjectAlternativeName([other]),
        x509.CertificatePolicies([policy]),
        subject=subject,
    )

    found = describe(certificate)

    assert found.subject[0].value == shown
    assert found.extensions[0].lines == (f"Other name 1.2.3: {shown}",)
    assert found.extensions[1].lines == ("1.2.3", f"User notice: {shown}")


@pytest.mark.parametrize("names", [4000, 2001, 2000])
def test_thousands_of_names_are_cut_with_a_count(names: int) -> None:
    san = x509.SubjectAlternativeName([x509.DNSName(f"h{n}.example.com") for n in range(names)])

    lines = only(describe(build(san))).lines

    assert len(lines) == 2000
    more = names - 1999
    assert lines[-1] == (f"… and {more:,} more" if more > 1 else "DNS: h1999.example.com")


@pytest.mark.parametrize("broken", [False, True], ids=["good", "broken"])
def test_64_kib_of_names_take_less_than_300_ms(broken: bool) -> None:
    names = b"".join(der.encode(0x82, b"h%05d.example.com" % n) for n in range(3450))
    names += b"\x87\x01\x00" if broken else b""
    value = der.encode(der.SEQUENCE, names)
    certificate = build(x509.UnrecognizedExtension(SAN_OID, value))

    start = time.perf_counter()
    shown = describe(certificate)
    seconds = time.perf_counter() - start

    assert len(value) > 64 * 1024
    assert only(shown).decoded is not broken
    assert seconds < 0.3


def test_a_huge_serial_number_is_not_written_in_decimal() -> None:
    """Python refuses to turn more than 4,300 digits into text."""
    serial = der.encode(der.INTEGER, b"\x01" + bytes(9999))

    shown = describe(reassembled(build(), 1, serial))

    assert shown.serial_decimal == "a number of 79993 bits"
    assert shown.serial_number.startswith("01:00:00")


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_negative_serial_number_has_a_minus_sign() -> None:
    certificate = patched(build(serial=0x1234), b"\x02\x02\x12\x34", b"\x02\x02\xff\x34")

    shown = describe(certificate)

    assert (shown.serial_number, shown.serial_decimal) == ("-CC", "-204")


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30\x00", b"no certificate", build()[:-1], build() + b"\0"],
    ids=["nothing", "empty", "text", "cut", "longer"],
)
def test_what_is_no_certificate_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        describe(data)


def test_an_impossible_version_is_a_value_error() -> None:
    certificate = patched(build(), b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")

    with pytest.raises(ValueError, match="version"):
        describe(certificate)


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        ("300302010104", 6, "length missing"),
        ("3080", 1, "indefinite"),
        ("308101", 1, "cut short|shortest"),
        ("30810100", 1, "shortest"),
        ("3082008000", 1, "shortest"),
        ("3005020101", 0, "5 octets announced, 3 there"),
        ("1f8080", 0, "tag cut short"),
    ],
)
def test_the_reader_names_offset_and_reason(data: str, offset: int, reason: str) -> None:
    with pytest.raises(der.DerError, match=reason) as error:
        list(der.elements(bytes.fromhex(data)))

    assert error.value.offset == offset


def test_the_reader_has_limits() -> None:
    nested = b""
    for _ in range(der.MAXIMUM_DEPTH + 2):
        nested = der.encode(der.SEQUENCE, nested)
    element = der.only_element(nested)
    for _ in range(der.MAXIMUM_DEPTH):
        (element,) = element.children()

    with pytest.raises(der.DerError, match="100 octets are more than 99"):
        der.elements(bytes(100), maximum_length=99)
    with pytest.raises(der.DerError, match="deeper than 32"):
        element.children()


def test_the_reader_refuses_what_stands_behind_the_end() -> None:
    with pytest.raises(der.DerError, match="at octet 2: 1 octets behind the end"):
        der.only_element(b"\x05\x00\x00")
