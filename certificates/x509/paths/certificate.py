"""One certificate as the building of paths sees it: cut up at once, decoded when it is asked for.

Most of a pool is never asked for more than its subject. What can't be decoded is a value as well:
`unreadable` names it, and the certificate stays one that can be shown and told about.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certificates.sentence import listed, say
from certificates.x509 import der, name_comparison, signatures
from certificates.x509.decoding import hexadecimal
from certificates.x509.der import DerError, Element
from certificates.x509.facts import COSTLY_KEYS, DECODING_ERRORS
from certificates.x509.name_comparison import FoldedName
from certificates.x509.paths import extension_reading
from certificates.x509.paths.extension_reading import BasicConstraints, Extension, NameConstraints
from certificates.x509.paths.label import name_label
from certificates.x509.visible import cut, visible

_T = TypeVar("_T")
MAXIMUM_LENGTH = 1024 * 1024  # octets of one certificate: the limit of an upload
LONGEST_RSA_BITS = 8192  # above that one signature check takes too long, and nobody needs it
LONGEST_EXPONENT_BITS = 64
LONGEST_DSA_BITS = 4096
LONGEST_SERIAL = 20  # octets, RFC 5280, 4.1.2.2
_NOBODY = b"\x30\x00"
_LONGEST_TIME_LABEL = 60
_UTC_TIME = 0x17
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_OUTER_PARTS, _FIXED_FIELDS, _MOST_FIELDS = 3, 6, 10


class PathCertificate:
    """A certificate in DER.

    Raises:
        DerError: it is none: not even the frame of one (RFC 5280, 4.1) is there.
    """

    def __init__(self, certificate: bytes) -> None:
        outer = der.only_element(certificate, maximum_length=MAXIMUM_LENGTH)
        parts = list(islice(outer.expect(der.SEQUENCE).children(), _OUTER_PARTS + 1))
        if len(parts) != _OUTER_PARTS:
            raise DerError(0, say("a certificate has three parts"))
        content, algorithm, signature = parts
        fields = list(islice(content.expect(der.SEQUENCE).children(), _MOST_FIELDS + 1))
        if len(fields) > _MOST_FIELDS:
            raise DerError(content.start, say("more than {most} fields", most=_MOST_FIELDS))
        self._version = fields.pop(0) if fields and fields[0].tag == _VERSION else None
        if len(fields) < _FIXED_FIELDS:
            raise DerError(content.start, say("a field is missing"))
        self._serial, self._inner_algorithm, issuer, self._validity, subject, key = fields[:6]
        self._rest = fields[_FIXED_FIELDS:]
        self.der = certificate
        self.issuer_der, self.subject_der, self.key_der = issuer.raw, subject.raw, key.raw
        self.signed = signatures.Signed(
            content.raw,
            algorithm.expect(der.SEQUENCE),
            signature.expect(der.BIT_STRING).content[1:],
        )
        self._undecoded: dict[str, str] = {}
        self._verified: dict[bytes, bool] = {}

    def __repr__(self) -> str:
        return f"<{self.label}>"

    def _read(self, part: str, decode: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return decode()
        except DECODING_ERRORS as error:
            self._undecoded[part] = cut(visible(str(error) or type(error).__name__), 200)
            return otherwise

    @cached_property
    def subject(self) -> FoldedName | None:
        return self._read(say("subject"), lambda: name_comparison.folded(self.subject_der), None)

    @cached_property
    def issuer(self) -> FoldedName | None:
        return self._read(say("issuer"), lambda: name_comparison.folded(self.issuer_der), None)

    @cached_property
    def is_self_issued(self) -> bool:
        return self.subject_der == self.issuer_der or (
            self.subject is not None and self.subject == self.issuer
        )

    @property
    def has_subject(self) -> bool:
        return self.subject_der != _NOBODY

    @property
    def has_issuer(self) -> bool:
        return self.issuer_der != _NOBODY

    @cached_property
    def serial_number(self) -> int:
        content = self._serial.content
        return int.from_bytes(content[: LONGEST_SERIAL + 1], "big", signed=True)

    @property
    def serial_octets(self) -> int:
        """Without the zero that stands before a number whose highest bit is set."""
        return len(self._serial.content.removeprefix(b"\0"))

    @cached_property
    def version(self) -> int:
        """1 to 3; 0 where it can't be read."""
        if self._version is None:
            return 1
        return self._read(say("version"), lambda: _number(self._version) + 1, 0)

    @cached_property
    def validity(self) -> tuple[datetime, datetime] | None:
        """First and last second, UTC; None: unreadable."""
        return self._read(say("validity"), lambda: _moments(self._validity), None)

    @cached_property
    def key(self) -> PublicKeyTypes | None:
        return self._read(say("public key"), lambda: _key(self.key_der), None)

    @cached_property
    def has_one_algorithm(self) -> bool:
        """Inner and outer signature algorithm are the same (RFC 5280, 4.1.1.2)."""
        return self._inner_algorithm.raw == self.signed.algorithm.raw

    @cached_property
    def signature_algorithm(self) -> str:
        outer = self.signed.algorithm
        return self._read(
            say("signature algorithm"), lambda: signatures.algorithm_identifier(outer), ""
        )

    @cached_property
    def weak_hash(self) -> str:
        return signatures.weak_hash(self.signed.algorithm) if self.signature_algorithm else ""

    @cached_property
    def extensions(self) -> tuple[Extension, ...]:
        field = next((field for field in self._rest if field.tag == _EXTENSIONS), None)
        if field is None:
            return ()
        return self._read(say("extensions"), lambda: extension_reading.extensions(field), ())

    def extension(self, oid: str) -> Extension | None:
        return next((found for found in self.extensions if found.oid == oid), None)

    def _decoded(self, oid: str, name: str, decode: Callable[[bytes], _T]) -> _T | None:
        found = self.extension(oid)
        return self._read(name, lambda: decode(found.value), None) if found else None

    @cached_property
    def basic_constraints(self) -> BasicConstraints | None:
        decode = extension_reading.basic_constraints
        return self._decoded(extension_reading.BASIC_CONSTRAINTS, say("basic constraints"), decode)

    @cached_property
    def key_usage(self) -> frozenset[int] | None:
        return self._decoded(
            extension_reading.KEY_USAGE, say("key usage"), extension_reading.key_usage
        )

    @cached_property
    def extended_key_usage(self) -> frozenset[str] | None:
        decode = extension_reading.extended_key_usage
        return self._decoded(
            extension_reading.EXTENDED_KEY_USAGE, say("extended key usage"), decode
        )

    @cached_property
    def name_constraints(self) -> NameConstraints | None:
        decode = extension_reading.name_constraints
        return self._decoded(extension_reading.NAME_CONSTRAINTS, say("name constraints"), decode)

    @cached_property
    def alternative_names(self) -> tuple[extension_reading.GeneralName, ...]:
        decode, oid = extension_reading.general_names, extension_reading.SUBJECT_ALTERNATIVE_NAME
        return self._decoded(oid, say("subject alternative name"), decode) or ()

    @cached_property
    def subject_key_identifier(self) -> bytes:
        decode, oid = (
            extension_reading.subject_key_identifier,
            extension_reading.SUBJECT_KEY_IDENTIFIER,
        )
        return self._decoded(oid, say("subject key identifier"), decode) or b""

    @cached_property
    def authority_key_identifier(self) -> bytes:
        decode = extension_reading.authority_key_identifier
        oid = extension_reading.AUTHORITY_KEY_IDENTIFIER
        return self._decoded(oid, say("authority key identifier"), decode) or b""

    @cached_property
    def unreadable(self) -> tuple[str, ...]:
        """What can't be decoded, each with its reason: "basic constraints: at octet 3: ..."."""
        for part in _PARTS:
            getattr(self, part)
        return tuple(listed(told, ": ") for told in self._undecoded.items())

    @cached_property
    def label(self) -> str:
        """How a person calls it: CN=Sub CA, else its serial number; short, and visible."""
        number = hexadecimal(self.serial_number)
        return name_label(self.subject_der) or say("serial number {number}", number=number)

    @cached_property
    def fingerprint(self) -> str:
        """The first eight octets of its SHA-256: 0A:1B:2C:3D:4E:5F:60:71."""
        return sha256(self.der).digest()[:8].hex(":").upper()

    def was_signed_by(self, issuer: "PathCertificate") -> bool | None:
        """None: not asked yet, see `verify`."""
        return self._verified.get(issuer.key_der)

    def verify(self, issuer: "PathCertificate") -> bool:
        """Whether the issuer's key made the signature; asked once, however many carry that key."""
        known = self._verified.get(issuer.key_der)
        if known is None:
            key = issuer.key
            known = key is not None and signatures.is_made_by(self.signed, key)
            self._verified[issuer.key_der] = known
        return known


_PARTS = (
    "subject",
    "issuer",
    "version",
    "validity",
    "key",
    "signature_algorithm",
    "extensions",
    "basic_constraints",
    "key_usage",
    "extended_key_usage",
    "name_constraints",
    "alternative_names",
    "subject_key_identifier",
    "authority_key_identifier",
)


def _number(field: Element | None) -> int:
    number = next(field.children(), None) if field else None
    if number is None:
        raise DerError(0, say("no version number"))
    return int.from_bytes(number.expect(der.INTEGER).content[:8], "big", signed=True)


def _moments(validity: Element) -> tuple[datetime, datetime]:
    first, last = map(_moment, validity.children())
    return first, last


def _moment(field: Element) -> datetime:
    """UTCTime and GeneralizedTime in the one form each that RFC 5280, 4.1.2.5 allows."""
    written = field.content.decode("ascii")
    is_short = field.tag == _UTC_TIME
    digits = written.removesuffix("Z")
    if len(written) != (13 if is_short else 15) or not digits.isdigit() or digits == written:
        raise DerError(
            field.start, say("{text} is no time", text=repr(written[:_LONGEST_TIME_LABEL]))
        )
    if is_short:
        digits = ("20" if digits[:2] < "50" else "19") + digits
    return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}+00:00")


def _key_algorithm(info: bytes) -> str:
    algorithm = next(der.only_element(info).children(), None)
    return signatures.algorithm_identifier(algorithm) if algorithm else ""


def _key(info: bytes) -> PublicKeyTypes:
    oid = _key_algorithm(info)
    if oid in COSTLY_KEYS:
        raise ValueError(f"Diffie-Hellman keys ({oid}) sign nothing")
    key = load_der_public_key(info)
    if isinstance(key, dsa.DSAPublicKey) and key.key_size > LONGEST_DSA_BITS:
        raise ValueError(f"DSA with {key.key_size} bits")
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e.bit_length()
        if key.key_size > LONGEST_RSA_BITS or exponent > LONGEST_EXPONENT_BITS:
            raise ValueError(f"RSA with {key.key_size} bits and an exponent of {exponent} bits")
    return key
