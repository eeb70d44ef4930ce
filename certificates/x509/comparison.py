"""What a CA changed: the differences between a request and the certificate that answers it."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certificates.sentence import Sentence, listed, say
from certificates.x509.csr import alternative_names_of, extended_key_usages, key_usages
from certificates.x509.facts import DECODING_ERRORS, public_key
from certificates.x509.object_names import ATTRIBUTES
from certificates.x509.visible import visible

PEM, TEXT_BEFORE = b"-----BEGIN", 4096  # octets of text before it
MOST_NAMED = 20  # of the missing and of the extra ones in a sentence


class Difference(Sentence):
    """A sentence, and what it tells: what was asked for is `missing`, or is `extra`.

    `part` is "subject", "alternative names", "key", "key usage" or "extended key usage".
    """

    __slots__ = ("extra", "missing", "part")
    part: str
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    def __new__(
        cls, part: str, missing: tuple[str, ...] = (), extra: tuple[str, ...] = ()
    ) -> "Difference":
        told = _sentence(part, missing, extra)
        self = super().__new__(cls, ("{sentence}",), {"sentence": told})
        self.part, self.missing, self.extra = part, missing, extra
        return self

    def __reduce__(self) -> tuple[type["Difference"], tuple[object, ...]]:
        return type(self), (self.part, self.missing, self.extra)

    @property
    def sentence(self) -> str:
        return str(self)


def _sentence(part: str, missing: tuple[str, ...], extra: tuple[str, ...]) -> str:
    if part == "key":
        return say("The public key of the certificate is not that of the request.")
    told = []
    if missing:
        told.append(say("missing {names}", names=_few(missing)))
    if extra:
        told.append(say("extra {names}", names=_few(extra)))
    return say("Other {part} than asked for: {told}.", part=part, told=listed(told, "; "))


def _few(names: tuple[str, ...]) -> str:
    shown = listed(names[:MOST_NAMED])
    return listed((shown, "…"), " ") if len(names) > MOST_NAMED else shown


Request = bytes | x509.CertificateSigningRequest
Certificate = bytes | x509.Certificate


def compare(request: Request, certificate: Certificate) -> tuple[Difference, ...]:
    """The differences between a PKCS#10 request and an X.509 certificate, each in DER or PEM.

    Parts that can't be read count as empty. An absent key usage allows everything (RFC 5280,
    4.2.1.3 and 4.2.1.12): nothing is missing then.

    Raises:
        ValueError: one of the two can't be read at all.
    """
    asked = _request(request)
    given = _certificate(certificate)
    wanted, got = _extensions(asked), _extensions(given)
    pairs = {
        say("subject"): (_subject(asked), _subject(given)),
        say("alternative names"): (alternative_names_of(wanted), alternative_names_of(got)),
        say("key usage"): (key_usages(wanted), key_usages(got)),
        say("extended key usage"): (extended_key_usages(wanted), extended_key_usages(got)),
    }
    found = [_difference(part, before, after) for part, (before, after) in pairs.items()]
    if _key(asked) != _key(given):
        found.insert(2, Difference("key"))
    return tuple(difference for difference in found if difference)


def difference_of_names(before: x509.Certificate, after: x509.Certificate) -> list[Difference]:
    """The same for two certificates, in subject and alternative names (a renewal)."""
    pairs = {
        say("subject"): (_subject(before), _subject(after)),
        say("alternative names"): tuple(
            alternative_names_of(_extensions(one)) for one in (before, after)
        ),
    }
    found = (_difference(part, old, new) for part, (old, new) in pairs.items())
    return [difference for difference in found if difference]


def _request(request: Request) -> x509.CertificateSigningRequest:
    if not isinstance(request, bytes):
        return request
    is_pem = PEM in request[:TEXT_BEFORE]
    return x509.load_pem_x509_csr(request) if is_pem else x509.load_der_x509_csr(request)


def _certificate(data: Certificate) -> x509.Certificate:
    if not isinstance(data, bytes):
        return data
    if PEM in data[:TEXT_BEFORE]:
        return x509.load_pem_x509_certificate(data)
    return x509.load_der_x509_certificate(data)


def _difference(
    part: str, asked: Iterable[str] | None, given: Iterable[str] | None
) -> Difference | None:
    if given is None or asked is None:
        return None
    before, after = ({name.casefold(): name for name in names} for names in (asked, given))
    missing = tuple(name for key, name in before.items() if key not in after)
    extra = tuple(name for key, name in after.items() if key not in before)
    return Difference(part, missing, extra) if missing or extra else None


def _extensions(of: x509.Certificate | x509.CertificateSigningRequest) -> x509.Extensions:
    try:
        return of.extensions
    except DECODING_ERRORS:
        return x509.Extensions([])


def _subject(of: x509.Certificate | x509.CertificateSigningRequest) -> list[str]:
    try:
        parts = [(part.oid.dotted_string, str(part.value)) for part in of.subject]
    except DECODING_ERRORS:
        return []
    told = ((ATTRIBUTES.get(oid, oid), " ".join(value.split())) for oid, value in parts)
    return [listed((name, visible(value)), "=") for name, value in told]


def _key(of: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    try:
        key = public_key(of) if isinstance(of, x509.Certificate) else of.public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except DECODING_ERRORS:
        return b""
