"""One certificate read whole: every part touched once, every rule asked that needs nobody else.

A part that can't be read refuses a server's certificate. A CA certificate may keep it: real roots
have extensions and times that no strict parser takes, and a trust store that loses them is worse.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from OpenSSL import crypto

from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import listed, say
from certificates.x509.decoding import DECODING_ERRORS
from certificates.x509.der import SEQUENCE, DerError, encode
from certificates.x509.facts import Facts, read_facts
from certificates.x509.fields import (
    Extension,
    Fields,
    certificate_fields,
    extension_entries,
)
from certificates.x509.library_errors import plain_reason
from certificates.x509.loading import Loaded, load_what_is_readable, quietly
from certificates.x509.object_names import EXTENSIONS
from certificates.x509.simple_values import GENERALIZED_TIME
from certificates.x509.uploads.address_rules import judge_addresses
from certificates.x509.uploads.extension_rules import (
    decoding_flaw,
    extended_key_usages,
    library_flaw,
    refuse_extensions,
    says_ca,
    written_flaw,
)
from certificates.x509.uploads.field_rules import (
    is_own_signature,
    judge_serial,
    judge_signature,
    judge_version,
    refuse_reversed_validity,
    refuse_two_algorithms,
    signature_refusal,
)
from certificates.x509.uploads.key_rules import judge_public_key, loaded_public_key
from certificates.x509.uploads.name_rules import (
    Attributes,
    attributes_of,
    called_by,
    judge_name,
    judge_subject,
)
from certificates.x509.uploads.ordinary import Ordinary, read_ordinary
from certificates.x509.uploads.strict_der import Walk
from certificates.x509.visible import cut

_REISSUE = say("Have the certificate issued again, or export it again as DER encoded X.509.")
_TIMES = ("not before", "not after")
_MOST_NAMED = 3  # of unreadable parts in one sentence
_ACCESSORS = ("subject", "issuer", "not_valid_before_utc", "not_valid_after_utc", "extensions")


# The parts as sentences call them, by the words of RFC 5280 and of the library.
_PARTS = {
    "certificate": say("the certificate"),
    "version": say("the version"),
    "serial number": say("the serial number"),
    "signature algorithm inside": say("the signature algorithm inside"),
    "issuer": say("the issuer"),
    "validity": say("the validity"),
    "not before": say("the not before"),
    "not after": say("the not after"),
    "not valid before utc": say("the not valid before utc"),
    "not valid after utc": say("the not valid after utc"),
    "subject": say("the subject"),
    "public key": say("the public key"),
    "issuer unique identifier": say("the issuer unique identifier"),
    "subject unique identifier": say("the subject unique identifier"),
    "extensions": say("the extensions"),
    "signature algorithm": say("the signature algorithm"),
    "signature": say("the signature"),
}


def _called(part: str) -> str:
    return _PARTS.get(part) or f"the {part}"


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """One certificate that was let through, in values that can't fail any more.

    `is_ca`: its basic constraints say so; or it is of version 1, which has no such extension, and
    names itself as its issuer. `is_self_signed`: its own key made its signature, or nobody can
    tell and it names itself. `extended_key_usages` are dotted, None without that extension.
    `public_key_info` is the SubjectPublicKeyInfo as it stands in `der`. `is_partly_readable`: a
    part of it can't be read, and a finding in `warnings` names it.
    """

    der: bytes = field(repr=False)
    facts: Facts = field(repr=False)
    is_ca: bool
    is_self_signed: bool
    extended_key_usages: tuple[str, ...] | None
    public_key_info: bytes = field(repr=False)
    warnings: tuple[Finding, ...]
    is_partly_readable: bool


class _Reader:
    """The steps in their order; what they find is collected."""

    def __init__(self, der: bytes, walk: Walk) -> None:
        self.der, self.walk = der, walk
        self.flaws: list[str] = []
        self.findings: list[Finding] = []
        self.unread: set[str] = set()  # extensions, by their object identifiers
        self.written: list[tuple[str, bool]] = []  # of each extension: `written_flaw`
        walked = walk.flaws(der, 0, len(der))
        self.fields: Fields = certificate_fields(der)
        self._attributes: Attributes = []
        with suppress(DerError):  # told when the subject is judged
            self._attributes = attributes_of(self.fields.subject)
        self.called = called_by(self._attributes, self.fields.serial)
        for flaw in walked:
            self.flaws.append(listed((self._part_at(flaw.offset), flaw.reason), ": "))
        self.extensions: list[Extension] = list(extension_entries(self.fields.extensions))
        self.names_itself = self._names_itself()
        is_old_root = self.names_itself and self.fields.version_number == 1
        self.is_ca = says_ca(self.extensions) or is_old_root

    def _names_itself(self) -> bool:
        """No name at all names nobody."""
        issuer, subject = self.fields.issuer, self.fields.subject
        return issuer.raw == subject.raw and bool(subject.content)

    def subject(self) -> Attributes:
        """Raises `DerError`."""
        return self._attributes or attributes_of(self.fields.subject)

    def _part_at(self, offset: int) -> str:
        for name, part in self.fields.named():
            if part.start <= offset < part.end:
                return _called(name)
        return say("the certificate")

    def judge(self, part: str, rule: Callable[[], Iterator[Finding] | None]) -> None:
        """Ask one rule; what it can't read becomes a flaw of that part."""
        try:
            self.findings += rule() or ()
        except DerError as error:
            self.flaws.append(listed((part, error.reason), ": "))

    def judge_fields(self) -> None:
        called, fields, subject = self.called, self.fields, self.subject
        its_subject = say("{called}, its subject,", called=called)
        its_issuer = say("{called}, its issuer,", called=called)
        self.judge(_called("version"), lambda: judge_version(called, fields))
        self.judge(_called("serial number"), lambda: judge_serial(called, fields.serial))
        self.judge(_called("signature algorithm"), lambda: refuse_two_algorithms(called, fields))
        self.judge(_called("subject"), lambda: judge_name(its_subject, subject()))
        self.judge(_called("issuer"), lambda: judge_name(its_issuer, attributes_of(fields.issuer)))
        self.judge(_called("subject"), lambda: judge_subject(called, subject(), is_ca=self.is_ca))
        self.judge(_called("public key"), lambda: judge_public_key(called, fields.public_key))
        self.judge(_called("signature"), lambda: judge_signature(called, fields))

    def judge_extensions(self) -> None:
        refuse_extensions(self.called, self.extensions)
        for extension in self.extensions:
            self.written.append(written_flaw(extension, self.walk))
            with suppress(DerError):  # a flaw already
                self.findings += judge_addresses(self.called, extension, is_ca=self.is_ca)

    def decode_extensions(self, loaded: Loaded) -> None:
        """After all of them were walked over: the library is not given what is out of bounds."""
        decoded = loaded.extension_values()
        for extension, (flaw, is_unreadable) in zip(self.extensions, self.written, strict=True):
            why = flaw if is_unreadable else decoding_flaw(extension, decoded)
            self._add(extension, why and (flaw or why))

    def _add(self, extension: Extension, flaw: str) -> None:
        label = EXTENSIONS.get(extension.oid, extension.oid)
        if flaw and extension.oid not in self.unread:
            self.unread.add(extension.oid)
            self.flaws.append(say("the extension {name}: {why}", name=label, why=flaw))

    def touch(self, loaded: Loaded) -> None:
        """Decode what the library decodes on use, and add what fails to the flaws."""
        has_bad_times = any(flaw.startswith("the validity:") for flaw in self.flaws)
        for part, why in (loaded.unreadable | loaded.corrected).items():
            if not (has_bad_times and part in _TIMES):
                self.flaws.append(listed((_called(part), plain_reason(why)), ": "))
        for accessor in _ACCESSORS:
            try:
                with quietly:
                    getattr(loaded.certificate, accessor)
            except DECODING_ERRORS as error:
                self._blame(accessor, plain_reason(error))

    def _blame(self, accessor: str, why: str) -> None:
        if accessor != "extensions":
            self.flaws.append(listed((_called(accessor.replace("_", " ")), why), ": "))
            return
        for extension in self.extensions:
            self._add(extension, library_flaw(extension))
        if not self.unread:
            self.flaws.append(listed((_called("extensions"), why), ": "))

    def refuse_or_tell(self, *, is_real_ca: bool) -> None:
        """A flaw refuses the certificate, unless it is of a CA and other software reads it."""
        flaws = list(dict.fromkeys(self.flaws))
        named = listed([cut(flaw, 300) for flaw in flaws[:_MOST_NAMED]], "; ")
        if len(flaws) > _MOST_NAMED:
            more = len(flaws) - _MOST_NAMED
            named = say("{flaws}; and {count} more", flaws=named, count=more)
        if not is_real_ca:
            wrong = say("{called} can't be read: {flaws}.", called=self.called, flaws=named)
            raise Refused("parse", wrong, _REISSUE)
        sentence = say(
            "{called} is partly readable. It is kept as it is, but: {flaws}.",
            called=self.called,
            flaws=named,
        )
        cure = say(
            "Ask the CA for one that is written in DER, or make sure that it is the right one."
        )
        self.findings.append(Finding("parse", sentence, cure, Outcome.WARN))


def read_certificate(der: bytes, walk: Walk) -> ReadCertificate:
    """Read one certificate, whose frame of tags and lengths must be DER without exception.

    Args:
        walk: the allowance of the file that it came in.

    Raises:
        DerError: it is not built like a certificate.
        Refused: any code of a certificate by itself; the sentence names the certificate.
    """
    with quietly:
        ordinary = read_ordinary(der)
        if ordinary is not None and walk.skip(ordinary.elements):
            return _of_ordinary(ordinary)
        return read_the_long_way(der, walk)


def _of_ordinary(read: Ordinary) -> ReadCertificate:
    return ReadCertificate(
        der=read.facts.der,
        facts=read.facts,
        is_ca=read.is_ca,
        is_self_signed=False,
        extended_key_usages=read.usages,
        public_key_info=read.public_key_info,
        warnings=(),
        is_partly_readable=False,
    )


def read_the_long_way(der: bytes, walk: Walk) -> ReadCertificate:
    """The same by every rule one after the other, whatever the certificate is."""
    with quietly:
        return _read(_Reader(der, walk))


def _read(reader: _Reader) -> ReadCertificate:
    der = reader.der
    reader.judge_fields()
    reader.judge_extensions()
    fields, called = reader.fields, reader.called
    key = loaded_public_key(called, fields.public_key.raw)
    loaded = _loaded(der)
    reader.decode_extensions(loaded)
    reader.touch(loaded)
    usages = None
    is_own = is_own_signature(fields, key) if reader.names_itself else None
    facts = read_facts(der, loaded, is_own_signature=is_own)
    refuse_reversed_validity(called, facts.not_before, facts.not_after)
    is_self_signed, is_forged = _signed_by_itself(reader, facts, is_own)
    if reader.flaws:
        is_real_ca = reader.is_ca and not is_forged and _openssl_reads(der, loaded)
        reader.refuse_or_tell(is_real_ca=is_real_ca)
    if is_forged:
        raise signature_refusal(called)
    with suppress(DerError):  # a flaw already: only in a CA certificate
        usages = extended_key_usages(reader.extensions)
    return ReadCertificate(
        der=der,
        facts=facts,
        is_ca=reader.is_ca,
        is_self_signed=is_self_signed,
        extended_key_usages=usages,
        public_key_info=fields.public_key.raw,
        warnings=tuple(reader.findings),
        is_partly_readable=bool(reader.flaws),
    )


def _loaded(der: bytes) -> Loaded:
    try:
        return load_what_is_readable(der)
    except ValueError as error:
        raise DerError(0, plain_reason(error)) from error


def _signed_by_itself(reader: _Reader, facts: Facts, is_own: bool | None) -> tuple[bool, bool]:
    """Whether a certificate is self-signed, and whether it only pretends to be.

    A subordinate may bear its issuer's name; then it names another key as its issuer's.
    """
    if not reader.names_itself:
        return False, False
    issuer_key = facts.authority_key_identifier
    claims_it = not issuer_key or issuer_key == facts.subject_key_identifier
    return (claims_it if is_own is None else is_own), claims_it and is_own is False


def _openssl_reads(der: bytes, loaded: Loaded) -> bool:
    """Whether what is left unread here is no hindrance elsewhere.

    OpenSSL 4 refuses times of an older form that OpenSSL 3 took; that alone is no reason.
    """
    if loaded.corrected.keys() & set(_TIMES):
        der = _with_validity(der, loaded)
    try:
        crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    except crypto.Error:
        return False
    return True


def _with_validity(der: bytes, loaded: Loaded) -> bytes:
    certificate = loaded.certificate
    times = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    moments = (encode(GENERALIZED_TIME, f"{at:%Y%m%d%H%M%S}Z".encode()) for at in times)
    fields = certificate_fields(der)
    parts = [part.raw for part in fields.signed.children()]
    parts[parts.index(fields.validity.raw)] = encode(SEQUENCE, b"".join(moments))
    signed = encode(SEQUENCE, b"".join(parts))
    return encode(SEQUENCE, signed + fields.outer_algorithm.raw + fields.signature.raw)
