"""Each kind of extension in words (CM-3)."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID

from certificates.x509 import der
from certificates.x509.details import ExtensionText, describe
from certificates.x509.object_names import KEY_PURPOSES
from tests.certificates.building import (
    CA_NO,
    ISSUER,
    NOT_AFTER,
    NOT_BEFORE,
    SUBJECT,
    build,
    oid,
    only,
    openssl,
    raw,
)

pytestmark = pytest.mark.spec("CM-3")


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
