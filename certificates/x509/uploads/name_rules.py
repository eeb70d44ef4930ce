"""What a name in a certificate may be made of (RFC 5280, 4.1.2.4; ITU-T X.520)."""

import unicodedata
from collections.abc import Iterator

from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say
from certificates.x509.der import Element
from certificates.x509.fields import name_attributes
from certificates.x509.object_names import ATTRIBUTES
from certificates.x509.strings import text
from certificates.x509.uploads.limits import ATTRIBUTE_CHARACTERS, UPPER_BOUNDS
from certificates.x509.uploads.limits import ATTRIBUTES as MOST
from certificates.x509.visible import visible

# Object identifier and text of each part.
Attributes = list[tuple[str, str]]
_COMMON_NAME = "2.5.4.3"
_LONGEST_SHOWN = 100
_CURE = say("Have the certificate issued again with a proper name.")


def shown(value: str) -> str:
    """What a stranger wrote, for a sentence: visible, in quotes, not too long."""
    cut = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"
    return f'"{visible(cut)}"'


def has_hidden_characters(value: str) -> bool:
    """Controls, line separators, bidirectional and zero-width characters.

    Private use is not among them: real certificates have it for characters of Hong Kong.
    """
    if value.isascii():
        return not value.isprintable()
    return any(
        visible(character) != character and unicodedata.category(character) != "Co"
        for character in value
    )


def refuse_hidden_characters(where: str, value: str) -> None:
    """Raises `Refused` name.control; `where` names the part and the certificate."""
    if has_hidden_characters(value):
        wrong = say(
            "{where} contains invisible characters: {text}.", where=where, text=shown(value)
        )
        cure = say("It may be meant to deceive. Have the certificate issued again without them.")
        raise Refused("name.control", wrong, cure)


def attributes_of(name: Element) -> Attributes:
    """The parts of a name in their order; text that can't be decoded is "".

    Raises:
        DerError: it is not built like a name.
    """
    return [(oid, _text(value)) for oid, value in name_attributes(name)]


def _text(value: Element) -> str:
    try:
        return text(value)
    except ValueError:
        return ""  # told as a part that can't be read


def judge_name(where: str, attributes: Attributes) -> Iterator[Finding]:
    """Judge one name; values that can't be decoded are passed over.

    Raises:
        Refused: name.long, name.control.
    """
    if len(attributes) > MOST:
        wrong = say(
            "{where} has {count} attributes; {most} are allowed.",
            where=where,
            count=f"{len(attributes):,}",
            most=MOST,
        )
        raise Refused("name.long", wrong, _CURE)
    for oid, characters in attributes:
        label = ATTRIBUTES.get(oid, oid)
        refuse_hidden_characters(say("{where}, {label},", where=where, label=label), characters)
        if len(characters) > ATTRIBUTE_CHARACTERS:
            wrong = say(
                "{where}, {label}, has {count} characters; {most} are allowed.",
                where=where,
                label=label,
                count=f"{len(characters):,}",
                most=f"{ATTRIBUTE_CHARACTERS:,}",
            )
            raise Refused("name.long", wrong, _CURE)
        bound = UPPER_BOUNDS.get(oid, ATTRIBUTE_CHARACTERS)
        if len(characters) > bound:
            sentence = say(
                "{where}, {label}, has {count} characters; X.520 allows {most}.",
                where=where,
                label=label,
                count=len(characters),
                most=bound,
            )
            yield Finding("name.long", sentence, outcome=Outcome.WARN)


def judge_subject(called: str, subject: Attributes, *, is_ca: bool) -> Iterator[Finding]:
    """Whether the subject names anything (RFC 5280, 4.1.2.6).

    Raises:
        Refused: name.empty.
    """
    identifiers = [oid for oid, _ in subject]
    if is_ca and not identifiers:
        wrong = say(
            "{called} is a CA certificate without a subject: nothing can name it as issuer.",
            called=called,
        )
        raise Refused("name.empty", wrong, _CURE)
    if _COMMON_NAME not in identifiers:
        sentence = say(
            "{called} has no common name: it is shown by its first alternative "
            "name or its serial number.",
            called=called,
        )
        yield Finding("name.empty", sentence, outcome=Outcome.WARN)


def called_by(subject: Attributes, serial: int) -> str:
    """How sentences call a certificate: by its last common name, any name, or serial number."""
    common = [value for oid, value in subject if oid == _COMMON_NAME and value]
    anything = [value for _, value in subject if value]
    for found in (common, anything):
        if found:
            return say("The certificate {name}", name=shown(found[-1]))
    return say("The certificate with the serial number {number}", number=f"{serial:x}"[:40])
