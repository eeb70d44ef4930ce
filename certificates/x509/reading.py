"""The only door for foreign bytes: an upload becomes certificates that can't fail any more.

The order is that of danger: size, then labels, then our own strict walk over tags and lengths, and
only then a library; each step bounds what the next one can cost (CM-12, CM-13).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say
from certificates.x509.der import DerError, Element, elements
from certificates.x509.uploads.foreign_der import Kind, kind_of
from certificates.x509.uploads.limits import BLANK_RUN, CERTIFICATE_BYTES, CHAIN_BYTES, LINES
from certificates.x509.uploads.one_certificate import ReadCertificate, read_certificate
from certificates.x509.uploads.pem_blocks import PemFile, decoded, line_count, pem_blocks
from certificates.x509.uploads.private_key_traces import has_private_key
from certificates.x509.uploads.signed_data import certificates_of
from certificates.x509.uploads.strict_der import Walk
from certificates.x509.uploads.wrong_kinds import (
    refuse_key,
    refuse_kind,
    refuse_label,
    refuse_text,
    trusted_certificate,
)

__all__ = [
    "Form",
    "NamedFile",
    "NamedUpload",
    "ReadCertificate",
    "Refused",
    "Upload",
    "read_each",
    "read_upload",
]

_REISSUE = say("Export the certificate again, as DER or Base-64 encoded X.509.")
_REWRITE = say("Rewrite it: openssl pkcs7 -inform der -in FILE -outform der -out FILE.p7b")
_SEQUENCE = 0x30
_BLANK = b" \t\r\n\v\f-"
_TEXT = bytes(range(32, 127)) + b"\t\r\n\v\f"
_TO_DASHES = bytes.maketrans(_BLANK, b"-" * len(_BLANK))


class Form(StrEnum):
    """How a file holds its certificates."""

    PEM = "PEM"
    DER = "DER"
    PKCS7 = "PKCS#7"


@dataclass(frozen=True, slots=True)
class Upload:
    """What a file contains: certificates in its order, each once, and what is odd about it.

    `warnings` has what concerns the whole file and all findings of the certificates; each is a
    WARN whose sentence names its certificate.
    """

    certificates: tuple[ReadCertificate, ...]
    warnings: tuple[Finding, ...]
    form: Form


NamedFile = tuple[str, bytes]
NamedUpload = tuple[str, Upload | Refused]


def read_upload(data: bytes) -> Upload:
    """Read a file that an operator chose: one certificate in PEM or DER, or a PKCS#7 in DER.

    Neither clock, purpose nor stores are asked: what depends on them is judged elsewhere.

    Raises:
        Refused: with a code of the rules; nothing of the file's text is in it but names, escaped.
    """
    _refuse_empty_and_huge(data)
    kind = kind_of(data)
    if kind is not Kind.SIGNED_DATA:
        _refuse_size(data)
    pem = pem_blocks(data)
    if has_private_key(data, pem, kind):
        raise refuse_key()
    try:
        if _begins_like_der(data):
            return _read_der(data, kind)
        if pem is not None:
            return _read_pem(pem)
        refuse_kind(kind)
        refuse_text(data)
        raise DerError(
            0,
            say(
                "it begins with octet {data}, where a certificate has 0x30", data=f"{data[0]:#04x}"
            ),
        )
    except DerError as error:
        is_chain = kind is Kind.SIGNED_DATA
        what = say("a PKCS#7 chain") if is_chain else say("a certificate")
        wrong = say(
            "The file ({count} bytes) is not {what} in DER: {error}.",
            count=f"{len(data):,}",
            what=what,
            error=error,
        )
        raise Refused("parse", wrong, _REWRITE if is_chain else _REISSUE) from error


def read_each(files: Iterable[NamedFile]) -> list[NamedUpload]:
    """Read several files, each by itself; in its place, a refused one has its `Refused`."""
    return [(name, _read_or_refused(data)) for name, data in files]


def _read_or_refused(data: bytes) -> Upload | Refused:
    try:
        return read_upload(data)
    except Refused as refused:
        return refused


def _refuse_empty_and_huge(data: bytes) -> None:
    if not data:
        raise Refused(
            "upload.empty", say("The file is empty."), say("Choose the certificate's file again.")
        )
    if len(data) > CHAIN_BYTES:
        wrong = say(
            "The file has {count} bytes; a chain may have {most}.",
            count=f"{len(data):,}",
            most=f"{CHAIN_BYTES:,}",
        )
        raise Refused("upload.size", wrong, say("Upload the certificates in several files."))


def _refuse_size(data: bytes) -> None:
    if len(data) > CERTIFICATE_BYTES:
        wrong = say(
            "The file has {count} bytes; a certificate may have {most}.",
            count=f"{len(data):,}",
            most=f"{CERTIFICATE_BYTES:,}",
        )
        raise Refused("upload.size", wrong, say("Upload a file with nothing but the certificate."))
    if _begins_like_der(data):
        return
    lines = line_count(data)
    if lines > LINES:
        wrong = say(
            "The file has {lines} lines; {most} are allowed.",
            lines=f"{lines:,}",
            most=f"{LINES:,}",
        )
        raise Refused("upload.size", wrong, say("Upload a file with nothing but the certificate."))
    if b"-" * (BLANK_RUN + 1) in data.translate(_TO_DASHES):
        wrong = say(
            "The file has more than {most} blanks or dashes in a row.",
            most=f"{BLANK_RUN:,}",
        )
        raise Refused("upload.size", wrong, say("Upload a file with nothing but the certificate."))


def _begins_like_der(data: bytes) -> bool:
    """Text may begin with the digit 0, which is the octet of a SEQUENCE."""
    begins = data[:100]
    return begins[:1] == b"0" and (begins[1:2] >= b"\x80" or bool(begins.translate(None, _TEXT)))


def _read_pem(pem: PemFile) -> Upload:
    for label in pem.labels:
        refuse_label(label)
    if len(pem.labels) > 1:
        wrong = say(
            "The file contains {count} certificates; a PEM file may contain exactly one.",
            count=f"{len(pem.labels):,}",
        )
        cure = say("Upload them one by one, or together as one PKCS#7 file in DER (.p7b).")
        raise Refused("pem.several", wrong, cure)
    if pem.unfinished or not pem.blocks:
        wrong = say("The PEM file is cut: the line {line} has no partner.", line=pem.unfinished)
        raise Refused("parse", wrong, _REISSUE)
    der = decoded(pem.blocks[0])
    refuse_kind(kind_of(der), in_pem=True)
    return _upload([_only_certificate(der)], Form.PEM)


def _read_der(data: bytes, kind: Kind) -> Upload:
    refuse_kind(kind)
    if kind is not Kind.SIGNED_DATA:
        return _upload([_only_certificate(data)], Form.DER)
    chain = certificates_of(data)
    warnings: list[Finding] = []
    if chain.has_revocation_lists:
        sentence = say("The PKCS#7 file also contains revocation lists; they are not used.")
        warnings.append(Finding("bundle.content", sentence, outcome=Outcome.WARN))
    doubles = len(chain.certificates) - len(set(chain.certificates))
    if doubles:
        most = max(Counter(chain.certificates).values())
        sentence = say(
            "The PKCS#7 file contains the same certificate {times} times; it is kept once.",
            times=most,
        )
        warnings.append(Finding("bundle.count", sentence, outcome=Outcome.WARN))
    return _upload(list(dict.fromkeys(chain.certificates)), Form.PKCS7, warnings)


def _only_certificate(data: bytes) -> bytes:
    """`data`, if nothing stands behind the certificate that it begins with; `Refused`, DerError."""
    found: list[Element] = []
    try:
        found.extend(islice(elements(data), 2))
    except DerError:
        if not found:
            raise
    if found and found[0].end == len(data):
        return data
    end = found[0].end if found else 0
    behind = data[end:]
    if kind_of(behind) is Kind.PRIVATE_KEY:
        raise refuse_key()
    if len(found) > 1 and _is_openssl_trust(found[1]):
        raise trusted_certificate()
    raise DerError(
        end, say("{count} octets stand behind the end of the certificate", count=f"{len(behind):,}")
    )


def _is_openssl_trust(behind: Element) -> bool:
    """X509_CERT_AUX: trusted and rejected purposes, a name, a key identifier; all optional."""
    tags = [part.tag for part in islice(behind.children(), 5)]
    return (
        behind.tag == _SEQUENCE
        and set(tags) <= {_SEQUENCE, 0xA0, 0x0C, 0x04, 0xA1}
        and (kind_of(behind.raw) is Kind.UNKNOWN)
    )


def _upload(ders: list[bytes], form: Form, warnings: list[Finding] | None = None) -> Upload:
    walk = Walk()
    certificates = tuple(_read_one(der, walk, number) for number, der in enumerate(ders, start=1))
    findings = [finding for read in certificates for finding in read.warnings]
    return Upload(certificates, (*(warnings or ()), *findings), form)


def _read_one(der: bytes, walk: Walk, number: int) -> ReadCertificate:
    try:
        return read_certificate(der, walk)
    except DerError as error:
        wrong = say(
            "Certificate {number} of the file can't be read as DER: {error}.",
            number=number,
            error=error,
        )
        raise Refused("parse", wrong, _REISSUE) from error
