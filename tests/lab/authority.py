"""A certification authority without delay: it answers with a chain that nobody has seen before."""

import secrets
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CHAIN = "Chain"  # an authority of this name stands in the store only with what it has issued

SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@cache
def _keys() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    """Of the root and the issuing authority; made once in a process, and known to its children."""
    root, issuing = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    return root, issuing


class Authority:
    """A root and an authority under it, with names of their own."""

    def __init__(self, name: str = CHAIN) -> None:
        number = secrets.token_hex(6)
        self.root_name, self.name = (_name(f"{name} {of} {number}") for of in ("root", "issuing"))
        root_key, self.key = _keys()
        ca = x509.BasicConstraints(ca=True, path_length=None)
        self.root = _signed(self.root_name, root_key, self.root_name, root_key, ca, SIGNS)
        self.issuing = _signed(self.name, self.key, self.root_name, root_key, ca, SIGNS)

    def issue_again(self) -> x509.Certificate:
        """Another certificate of the issuing authority, with its name and key."""
        root_key, _ = _keys()
        ca = x509.BasicConstraints(ca=True, path_length=None)
        return _signed(self.name, self.key, self.root_name, root_key, ca, SIGNS)

    def certify(self, pem: str) -> x509.Certificate:
        """The certificate that answers a request in PEM, with the names that it asks for."""
        request = x509.load_pem_x509_csr(pem.encode())
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certified = request.public_key()
        assert isinstance(certified, rsa.RSAPublicKey)
        return _signed(request.subject, certified, self.name, self.key, names, server)

    def answer(self, pem: str) -> bytes:
        """The certificate and those above it, in one PKCS#7 in DER."""
        chain = [self.certify(pem), self.issuing, self.root]
        return pkcs7.serialize_certificates(chain, Encoding.DER)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _signed(
    subject: x509.Name,
    key: rsa.RSAPrivateKey | rsa.RSAPublicKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    now, day = datetime.now(UTC), timedelta(days=1)
    public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = x509.CertificateBuilder(
        issuer, subject, public, x509.random_serial_number(), now - day, now + 90 * day
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    builder = builder.add_extension(above, False)
    for extension in extensions:
        is_critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(issuer_key, hashes.SHA256())
