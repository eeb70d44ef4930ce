"""Files that hold no certificate as it is wanted: what they look like instead, and the cure."""

import binascii
import re

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.uploads.foreign_der import Kind, kind_of
from certificates.x509.uploads.pem_blocks import CERTIFICATE_LABELS
from certificates.x509.visible import visible

_LONGEST_LABEL = 60
_PKCS7_LABELS = {"PKCS7", "CMS", "PKCS #7 SIGNED DATA", "PKCS#7 SIGNED DATA", "PKCS7 SIGNED DATA"}
_CSR_LABELS = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}
_CRL_LABELS = {"X509 CRL", "CRL"}
_SPACE = b" \t\r\n\v\f"
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|[a-z])", re.IGNORECASE)
_DAMAGED_BOUNDARY = re.compile(rb"(BEGIN|END) [A-Z0-9 ]*CERTIFICATE", re.IGNORECASE)
_TEXT = bytes(range(32, 127)) + b"\t\r\n\f\v\b\x1b"
_OTHER_FILES = {
    b"PK\x03\x04": say("a ZIP archive"),
    b"PK\x05\x06": say("a ZIP archive"),
    b"%PDF": say("a PDF document"),
    b"\x89PNG": say("an image (PNG)"),
    b"\xff\xd8\xff": say("an image (JPEG)"),
    b"\x1f\x8b": say("compressed data (gzip)"),
    b"7z\xbc\xaf": say("a 7-Zip archive"),
    b"\xd0\xcf\x11\xe0": say("an Office document or a Windows installer"),
    b"MSCF": say("a Windows cabinet"),
    b"\x7fELF": say("a program"),
    b"MZ": say("a program"),
}
_TO_DER = say("Convert it to DER: openssl pkcs7 -in FILE -outform der -out FILE.p7b")
_CURE = say("Upload the certificate itself, in PEM or DER, or a chain as PKCS#7 in DER.")


def refuse_key() -> Refused:
    """The same words for every kind of key, wherever it stands: nothing about it comes out."""
    return Refused(
        "key.included",
        say("The file contains a private key. Nothing of it was kept."),
        say(
            "Treat the key as exposed: have a new one made, and revoke what belongs to it. "
            "Upload a file with nothing but the certificate."
        ),
    )


def refuse_label(label: str) -> None:
    """Refuse a PEM block that is no certificate, by its label; `Refused` type.*."""
    if label in CERTIFICATE_LABELS:
        return
    shown = visible(label)[:_LONGEST_LABEL]
    if label in _PKCS7_LABELS:
        wrong = say("The file is PKCS#7 in PEM (its label is {label}).", label=shown)
        raise Refused("type.pkcs7-pem", wrong, _TO_DER)
    if label in _CSR_LABELS:
        raise _of_kind(Kind.CSR)
    if label in _CRL_LABELS:
        raise _of_kind(Kind.CRL)
    if label.endswith("PUBLIC KEY"):
        raise _of_kind(Kind.PUBLIC_KEY)
    if label == "PKCS12":
        raise _of_kind(Kind.PKCS12)
    if label == "TRUSTED CERTIFICATE":
        raise trusted_certificate()
    if label.upper() in CERTIFICATE_LABELS:
        wrong = say(
            "The label of the PEM block is {label}; it is not written in capitals.",
            label=repr(shown),
        )
        raise Refused("type.other", wrong, say("Write CERTIFICATE in the BEGIN and the END line."))
    wrong = say(
        "The file contains a PEM block with the label {label}, which is no certificate.",
        label=repr(shown),
    )
    raise Refused("type.other", wrong, say("Upload a file with nothing but the certificate."))


def refuse_kind(kind: Kind, *, in_pem: bool = False) -> None:
    """Refuse what is known to be something else than certificates; `Refused` type.*, bundle.*.

    Args:
        in_pem: it was found under the label of a certificate.
    """
    if kind is Kind.PRIVATE_KEY:
        raise refuse_key()
    if kind is Kind.SIGNED_DATA and in_pem:
        wrong = say("The file is PKCS#7 in PEM, though its label says that it is a certificate.")
        raise Refused("type.pkcs7-pem", wrong, _TO_DER)
    if kind not in (Kind.CERTIFICATE, Kind.SIGNED_DATA, Kind.UNKNOWN):
        raise _of_kind(kind)


def trusted_certificate() -> Refused:
    """For the label, and for DER with OpenSSL's settings behind the certificate."""
    return Refused(
        "type.trusted",
        say("The file is a trusted certificate of OpenSSL: a certificate with settings behind it."),
        say("Convert it: openssl x509 -in FILE -outform der -out FILE.der"),
    )


def _of_kind(kind: Kind) -> Refused:
    if kind is Kind.PKCS12:
        wrong = say("The file is PKCS#12 (.p12, .pfx), which is made to hold private keys.")
        cure = say("Export only the certificates: openssl pkcs12 -in FILE -nokeys -out FILE.pem")
        return Refused("type.pkcs12", wrong, cure)
    if kind is Kind.CSR:
        wrong = say("The file is a certificate signing request (CSR), not a certificate.")
        return Refused("type.csr", wrong, say("Send it to the CA, and upload what the CA returns."))
    if kind is Kind.CRL:
        wrong = say("The file is a certificate revocation list (CRL), not a certificate.")
        return Refused("type.crl", wrong, say("Upload the certificate of the CA instead."))
    if kind is Kind.PUBLIC_KEY:
        wrong = say("The file is a public key, not a certificate.")
        return Refused("type.public-key", wrong, say("Have a CA issue a certificate for the key."))
    if kind is Kind.OTHER_CMS:
        wrong = say(
            "The file is PKCS#7 of another type than certificates: enveloped, encrypted or data."
        )
        return Refused(
            "bundle.content", wrong, say("Export the chain as PKCS#7 without content (.p7b).")
        )
    names = {
        Kind.ATTRIBUTE_CERTIFICATE: say("an attribute certificate"),
        Kind.OCSP_RESPONSE: say("an OCSP response"),
        Kind.PARAMETERS: say("parameters of a key"),
        Kind.KEY_STORE: say("a Java key store"),
    }
    return Refused(
        "type.other", say("The file is {kind}, not a certificate.", kind=names[kind]), _CURE
    )


def refuse_text(data: bytes) -> None:
    """Refuse a file without PEM that is text, or a well-known kind of binary file: upload.text."""
    looks = _looks_like(data)
    if looks == _SSH:
        raise _of_kind(Kind.PUBLIC_KEY)
    if looks:
        wrong = say("There is no certificate in the file: it looks like {looks}.", looks=looks)
        cure = _CURES.get(looks, _CURE)
        raise Refused("upload.text", wrong, cure)


_BARE = say(
    "the base64 of a certificate, without the lines -----BEGIN and -----END CERTIFICATE-----"
)
_TWICE = say("a PEM file that was encoded as base64 once more")
_DAMAGED = say("a PEM file whose BEGIN or END line is damaged")
_SSH = say("an SSH public key")
_UTF16 = say("text in UTF-16")
_CURES = {
    _BARE: say("Add the two lines around it, or export the certificate again."),
    _TWICE: say("Decode it once: base64 -d FILE > FILE.pem"),
    _DAMAGED: say("Each of the two lines begins and ends with five dashes. Export it again."),
    _UTF16: say("Save it as plain text (ASCII or UTF-8), and upload it again."),
}


def _looks_like(data: bytes) -> str:
    """What a file is, in words; "" for octets that could be meant as DER."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _alternates_with_nul(data):
        return _UTF16
    other = next((name for magic, name in _OTHER_FILES.items() if data.startswith(magic)), "")
    if other:
        return other
    text = data.removeprefix(b"\xef\xbb\xbf")
    if not text.translate(None, _SPACE):
        return say("blank lines")
    if text.translate(None, _TEXT) and not _is_utf8(text):
        return ""
    return _text_looks_like(text)


def _text_looks_like(text: bytes) -> str:
    if _MARKUP.match(text):
        is_html = re.search(rb"<(!doctype html|html|head|body)", text[:2000], re.IGNORECASE)
        return say("a web page (HTML)") if is_html else "XML"
    if text.startswith((b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")):
        return _SSH
    compact = text.translate(None, _SPACE)
    if _BASE64.fullmatch(compact):
        return _base64_of(compact)
    if _DAMAGED_BOUNDARY.search(text):
        return _DAMAGED
    if text.lstrip().startswith((b"{", b"[")):
        return "JSON"
    return say("plain text")


def _base64_of(compact: bytes) -> str:
    try:
        octets = binascii.a2b_base64(compact[: len(compact) // 4 * 4])
    except binascii.Error:
        return say("plain text")
    if b"-----BEGIN " in octets:
        return _TWICE
    return _BARE if kind_of(octets) is Kind.CERTIFICATE else say("base64 of something else")


def _alternates_with_nul(data: bytes) -> bool:
    """As ASCII does in UTF-16."""
    sample = data[:200]
    halves = sample[::2], sample[1::2]
    return any(
        half and not half.strip(b"\0") and other and not other.translate(None, _TEXT)
        for half, other in (halves, halves[::-1])
    )


def _is_utf8(data: bytes) -> bool:
    """Text has no NUL and no other control character than those of terminals."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not re.search(r"[\0-\x06\x0e-\x1a\x1c-\x1f\x7f]", text)
