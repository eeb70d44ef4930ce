"""How many extensions a certificate may have, how large, and which must be understood.

RFC 5280, 4.2: a critical extension that a program does not know makes it refuse the certificate.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.decoding import DECODING_ERRORS
from certificates.x509.der import BOOLEAN, DerError, dotted, only_element
from certificates.x509.extension_values import BY_HAND, BY_LIBRARY
from certificates.x509.extensions import decode_extension
from certificates.x509.fields import Extension
from certificates.x509.library_errors import plain_reason
from certificates.x509.loading import carried_extension
from certificates.x509.object_names import EXTENSIONS, named
from certificates.x509.uploads.limits import EXTENSION_BYTES, SUBTREES
from certificates.x509.uploads.limits import EXTENSIONS as MOST
from certificates.x509.uploads.strict_der import Walk

BASIC_CONSTRAINTS = "2.5.29.19"
_EXTENDED_KEY_USAGE = "2.5.29.37"
_NAME_CONSTRAINTS, _POLICY_MAPPINGS = "2.5.29.30", "2.5.29.33"
_POISON = "1.3.6.1.4.1.11129.2.4.3"
# RFC 3739, 3.2.6: statements about a person's certificate, which bind nobody who checks a path.
_QUALIFIED_STATEMENTS = "1.3.6.1.5.5.7.1.3"
_KNOWN = BY_HAND.keys() | BY_LIBRARY.keys()
_UNDERSTOOD = (_KNOWN | {_QUALIFIED_STATEMENTS}) - {_POISON}
_LEVEL = 6  # of nesting, where the value of an extension stands in a certificate
_CURE = say("Have the certificate issued again.")


def refuse_extensions(called: str, extensions: Sequence[Extension]) -> None:
    """Refuse too many, too large, doubled, or not understood though critical.

    Raises:
        Refused: structure.size, structure.duplicate-extension, structure.critical.
    """
    if len(extensions) > MOST:
        wrong = say(
            "{called} has {count} extensions; {most} are allowed.",
            called=called,
            count=f"{len(extensions):,}",
            most=MOST,
        )
        raise Refused("structure.size", wrong, _CURE)
    seen: set[str] = set()
    for extension in extensions:
        name = named(extension.oid[:200], EXTENSIONS)
        if len(extension.value) > EXTENSION_BYTES:
            wrong = say(
                "{called} has an extension of {count} octets ({name}); {most} are allowed.",
                called=called,
                count=f"{len(extension.value):,}",
                name=name,
                most=f"{EXTENSION_BYTES:,}",
            )
            raise Refused("structure.size", wrong, _CURE)
        if extension.oid in seen:
            wrong = say(
                "{called} has the same extension more than once: {name}.", called=called, name=name
            )
            raise Refused("structure.duplicate-extension", wrong, _CURE)
        seen.add(extension.oid)
        _refuse_not_understood(called, extension, name)


def _refuse_not_understood(called: str, extension: Extension, name: str) -> None:
    if not extension.critical or extension.oid in _UNDERSTOOD:
        return
    if extension.oid == _POISON:
        wrong = say(
            "{called} is a precertificate, which no program may accept (RFC 6962, 3.1).",
            called=called,
        )
        raise Refused(
            "structure.critical", wrong, say("Upload the certificate that the CA issued.")
        )
    wrong = say(
        "{called} has a critical extension that is not understood here: {name}.",
        called=called,
        name=name,
    )
    raise Refused("structure.critical", wrong, say("Have it issued without, or not as critical."))


def written_flaw(extension: Extension, walk: Walk) -> tuple[str, bool]:
    """What is wrong with how a value is written, "" for nothing; whether nobody can read it so.

    Text in it that is not of its declared alphabet is no hindrance where the library decodes it:
    old CAs wrote such policies, and it is only shown.

    Raises:
        Refused: structure.size.
    """
    value = extension.value
    if extension.oid not in _KNOWN:
        _walk_unknown(value, walk)
        return "", False
    reason = ""
    try:
        flaws = walk.flaws(value, 0, len(value), level=_LEVEL)
        reason = flaws[0].reason if flaws else ""
        _refuse_many_subtrees(extension)
    except DerError as error:
        return reason or plain_reason(error), True
    return reason, bool(reason) and extension.oid in BY_HAND


def decoding_flaw(extension: Extension, decoded: Mapping[str, Any]) -> str:
    """Why a value can't be decoded; "" if it can, or nobody here knows its kind."""
    try:
        decode_extension(extension, decoded)
    except DECODING_ERRORS as error:
        return plain_reason(error)
    return ""


def library_flaw(extension: Extension) -> str:
    """Why the library refuses one extension; "" if it does not."""
    try:
        carried_extension(extension.identifier.raw, extension.value)
    except DECODING_ERRORS as error:
        return plain_reason(error)
    return ""


def _walk_unknown(value: bytes, walk: Walk) -> None:
    """An unknown value need not be DER; if it looks like it, its nesting counts."""
    try:
        walk.flaws(value, 0, len(value), level=_LEVEL)
    except DerError:
        return


def _refuse_many_subtrees(extension: Extension) -> None:
    if extension.oid not in (_NAME_CONSTRAINTS, _POLICY_MAPPINGS):
        return
    entries = list(only_element(extension.value).children())
    if extension.oid == _NAME_CONSTRAINTS:
        entries = [subtree for side in entries for subtree in side.children()]
    if len(entries) > SUBTREES:
        is_names = extension.oid == _NAME_CONSTRAINTS
        kind = say("name constraints") if is_names else say("policy mappings")
        wrong = say(
            "A certificate has {count} {kind}; {most} are allowed.",
            count=f"{len(entries):,}",
            kind=kind,
            most=f"{SUBTREES:,}",
        )
        raise Refused("structure.size", wrong, _CURE)


def says_ca(extensions: Sequence[Extension]) -> bool:
    """4.2.1.9: whether basic constraints name a CA, in whatever way TRUE is written."""
    for extension in extensions:
        if extension.oid == BASIC_CONSTRAINTS:
            try:
                first = next(only_element(extension.value).children(), None)
            except DerError:
                return False
            return first is not None and first.tag == BOOLEAN and any(first.content)
    return False


def extended_key_usages(extensions: Sequence[Extension]) -> tuple[str, ...] | None:
    """4.2.1.12: dotted; None without the extension. Raises `DerError`."""
    for extension in extensions:
        if extension.oid == _EXTENDED_KEY_USAGE:
            return tuple(map(dotted, only_element(extension.value).children()))
    return None
