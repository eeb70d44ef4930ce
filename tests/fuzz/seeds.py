"""What is damaged: certificates, chains and their forms, the same ones for the same seed."""

import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from math import gcd
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
_EXPONENT = 65537


def seeds(random: Random) -> list[bytes]:
    """At least one of each form and kind of key."""
    keys = {
        "RSA": _rsa_key(random),
        "EC": ec.derive_private_key(random.getrandbits(255) + 1, ec.SECP256R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.from_private_bytes(random.randbytes(32)),
    }
    certificates = list(_certificates(keys))
    ders = [certificate.public_bytes(Encoding.DER) for certificate in certificates]
    pems = [certificate.public_bytes(Encoding.PEM) for certificate in certificates]
    chain = pkcs7.serialize_certificates(certificates[:3], Encoding.DER)
    with_text = b"subject=/CN=x\r\n\r\n" + pems[0].replace(b"\n", b"\r\n") + b"after\r\n"
    return [*ders, *pems, chain, chain, with_text, *_public_roots()]


def _rsa_key(random: Random) -> rsa.RSAPrivateKey:
    """`generate_private_key` takes no seed."""
    p, q = _prime(random), _prime(random)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    parts = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, *parts, public).private_key()


def _prime(random: Random) -> int:
    """Of 1,024 bits; a Fermat test is enough for a key that protects nothing."""
    while True:
        number = random.getrandbits(1024) | 3 << 1022 | 1
        if any(number % prime == 0 for prime in _SMALL_PRIMES):
            continue
        if pow(2, number - 1, number) == 1 and gcd(number - 1, _EXPONENT) == 1:
            return number


def _certificates(keys: dict[str, Any]) -> Iterator[x509.Certificate]:
    root, issuing = _name("Fuzz Root"), _name("Fuzz Issuing CA")
    server = _name("ccx1.example.com")
    ca = x509.BasicConstraints(ca=True, path_length=None)
    yield _sign(keys["EC"], root, keys["EC"], root, [ca], serial=1)
    yield _sign(keys["RSA"], issuing, keys["EC"], root, [ca, *_of_a_ca()], serial=2)
    for number, key in enumerate(keys.values(), start=3):
        yield _sign(key, server, keys["RSA"], issuing, _of_a_server(), serial=number)
    yield _sign(keys["RSA"], server, keys["RSA"], server, _of_a_server()[:2], serial=9)


def _name(common_name: str) -> x509.Name:
    parts = ((NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Zoë & Söhne"))
    attributes = [x509.NameAttribute(oid, value) for oid, value in parts]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _sign(
    key: Any,
    subject: x509.Name,
    issuer_key: Any,
    issuer: x509.Name,
    extensions: Sequence[x509.ExtensionType],
    *,
    serial: int,
) -> x509.Certificate:
    end = NOW + timedelta(days=365)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), serial, NOW, end)
    for extension in extensions:
        critical = isinstance(extension, x509.BasicConstraints)
        builder = builder.add_extension(extension, critical)
    if isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        return builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _of_a_server() -> list[x509.ExtensionType]:
    address = x509.UniformResourceIdentifier("http://ca.example.com/ca.crt")
    access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, address)
    names = [
        x509.DNSName("ccx1.example.com"),
        x509.DNSName("*.example.com"),
        x509.IPAddress(ip_address("192.0.2.10")),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.RFC822Name("a@example.com"),
        x509.DirectoryName(_name("other")),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x02ab"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        address,
    ]
    usage = x509.KeyUsage(True, False, True, True, True, False, False, False, False)
    return [
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectAlternativeName(names),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
        usage,
        x509.AuthorityInformationAccess([access]),
        x509.SubjectKeyIdentifier(bytes(20)),
        x509.AuthorityKeyIdentifier(bytes(20), [x509.DirectoryName(_name("Fuzz Root"))], 2),
        x509.CRLDistributionPoints([x509.DistributionPoint([address], None, None, None)]),
        x509.TLSFeature([x509.TLSFeatureType.status_request]),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x30\x03\x02\x01\x05"),
    ]


def _of_a_ca() -> list[x509.ExtensionType]:
    notice = x509.UserNotice(x509.NoticeReference("Org", [1, 2]), "Only for tests")
    policy = x509.PolicyInformation(
        x509.ObjectIdentifier("2.23.140.1.2.1"), ["http://ca.example.com/cps", notice]
    )
    permitted = [x509.DNSName("example.com"), x509.DirectoryName(_name("x"))]
    return [
        x509.CertificatePolicies([policy]),
        x509.NameConstraints(permitted, [x509.DNSName("bad.example.com")]),
        x509.PolicyConstraints(1, 2),
        x509.InhibitAnyPolicy(3),
        x509.KeyUsage(False, False, False, False, False, True, True, False, False),
        x509.IssuerAlternativeName([x509.RFC822Name("ca@example.com")]),
        x509.UnrecognizedExtension(
            x509.ObjectIdentifier("2.5.29.33"), bytes.fromhex("300a3008060255040602 5504")
        ),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.13"), b"\x16\x03abc"),
    ]


def _public_roots() -> list[bytes]:
    """Some of those that come with certifi, where it is installed."""
    if importlib.util.find_spec("certifi") is None:
        return []
    certifi = importlib.import_module("certifi")
    with warnings.catch_warnings(action="ignore"):  # of one that has the serial number 0
        roots = x509.load_pem_x509_certificates(certifi.contents().encode())
    return [root.public_bytes(Encoding.DER) for root in roots[:10]]
