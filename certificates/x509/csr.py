"""Certificate signing requests, PKCS#10 (RFC 2986; CM-16, CM-17)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certificates.sentence import listed, say
from certificates.x509.facts import common_name, describe_key
from certificates.x509.general_names import general_name
from certificates.x509.object_names import KEY_PURPOSES
from certificates.x509.self_signed import EXTENDED_KEY_USAGE, key_usage
from certificates.x509.visible import visible


class RequestHash(StrEnum):
    """Signs the request itself; the CA chooses what it signs the certificate with."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"

    @property
    def algorithm(self) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
        if self is RequestHash.SHA256:
            return hashes.SHA256()
        return hashes.SHA384() if self is RequestHash.SHA384 else hashes.SHA512()


def signing_request(
    key: rsa.RSAPrivateKey,
    *,
    subject: x509.Name,
    names: Sequence[x509.DNSName | x509.IPAddress],
    signed_with: RequestHash,
) -> bytes:
    """A request in PEM. Its extensions are those of the original (CM-17), and the names."""
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(key_usage(is_rsa=True), critical=True)
        .add_extension(EXTENDED_KEY_USAGE, critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, signed_with.algorithm).public_bytes(Encoding.PEM)


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a request of ours says; names are text without invisible characters."""

    common_name: str
    subject: str
    subject_alternative_names: tuple[str, ...]
    key_type: str
    key_label: str
    public_key_fingerprint: str
    signed_with: str
    extensions: tuple[tuple[str, str], ...]


def read_request(pem: bytes) -> RequestFacts:
    """Read a request that `signing_request` made."""
    request = x509.load_pem_x509_csr(pem)
    key = request.public_key()
    kind, _, label = describe_key(key)
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = request.signature_hash_algorithm
    return RequestFacts(
        common_name=common_name(request.subject),
        subject=visible(request.subject.rfc4514_string()),
        subject_alternative_names=tuple(alternative_names_of(request.extensions)),
        key_type=kind.value,
        key_label=label,
        public_key_fingerprint=sha256(info).hexdigest(),
        signed_with=f"{digest.name.upper()} with {kind.label} encryption" if digest else kind.label,
        extensions=(
            (say("Key usage"), listed(key_usages(request.extensions) or ())),
            (say("Extended key usage"), listed(extended_key_usages(request.extensions) or ())),
        ),
    )


def alternative_names_of(extensions: x509.Extensions) -> list[str]:
    """In words, such as "DNS: ccx1.example.com"; empty without the extension."""
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [visible(general_name(name)) for name in found.value]


_USAGES = {  # the words of CM-17
    "digital_signature": say("Digital Signature"),
    "content_commitment": say("Non Repudiation"),
    "key_encipherment": say("Key Encipherment"),
    "data_encipherment": say("Data Encipherment"),
    "key_agreement": say("Key Agreement"),
    "key_cert_sign": say("Certificate Sign"),
    "crl_sign": say("CRL Sign"),
}


def key_usages(extensions: x509.Extensions) -> list[str] | None:
    """In the original's words (CM-17); None without the extension: everything is allowed."""
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return [words for name, words in _USAGES.items() if getattr(usage, name)]


def extended_key_usages(extensions: x509.Extensions) -> list[str] | None:
    """In the original's words (CM-17); None without the extension: everything is allowed."""
    try:
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    identifiers = [kind.dotted_string for kind in usage]
    return [KEY_PURPOSES.get(identifier, identifier) for identifier in identifiers]
