"""A walk over all elements of a DER encoding: strict, bounded and quick (ITU-T X.690, 8 to 11).

Two kinds of wrong: a broken frame (tags and lengths: raised, as nothing behind it means anything)
and a flaw in one value (collected, as the rest can still be read). The octets of an OCTET STRING
are not looked into: the caller knows which ones hold DER.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.der import OBJECT_IDENTIFIER, SEQUENCE, SET, DerError
from certificates.x509.simple_values import SIMPLE_VALUES
from certificates.x509.uploads.limits import DEPTH, ELEMENTS, IDENTIFIER_BYTES

_CONSTRUCTED, _CLASS, _NUMBER, _HIGHEST_BIT = 0x20, 0xC0, 0x1F, 0x80
_LONGEST_TAG = 6  # identifier octets
_LONGEST_LENGTH = 8  # octets: no input is longer than that many can say
# Of the universal class; EXTERNAL and EMBEDDED PDV are sequences too.
_MADE_OF_OTHERS = {SEQUENCE, SET, 0x28, 0x2B}
_NOT_DER = say("DER, unlike BER, has only one way to write it")
_CURE = say("Have the certificate issued again: no CA builds one like this.")


@dataclass(frozen=True, slots=True)
class Flaw:
    """A value that is not written as DER demands; `offset` counts octets from the start."""

    offset: int
    reason: str


class Walk:
    """One allowance of elements for everything that a file contains."""

    def __init__(self, allowance: int = ELEMENTS) -> None:
        self._left = allowance

    @property
    def left(self) -> int:
        """Elements that the rest of the file may have."""
        return self._left

    def skip(self, elements: int) -> bool:
        """Count elements that were walked over before; no where too few are left for them."""
        if elements > self._left:
            return False
        self._left -= elements
        return True

    def flaws(self, source: bytes, start: int, end: int, *, level: int = 0) -> list[Flaw]:
        """Walk over the elements that stand one after the other in `source[start:end]`.

        Args:
            level: how deep `start` already stands.

        Raises:
            DerError: a broken frame.
            Refused: structure.size.
        """
        found: list[Flaw] = []
        # Of the element whose content is being walked: where each part of a SET begins.
        members: list[int] | None = None
        around: list[tuple[int, list[int] | None]] = []
        position = start
        while True:
            if position == end:
                if members and not _ascending(source, [*members, position]):
                    found.append(Flaw(members[0], say("the parts of a SET are not in order")))
                if not around:
                    return found
                end, members = around.pop()
                continue
            self._left -= 1
            if self._left < 0 or level + len(around) >= DEPTH:
                self._refuse()
            if members is not None:
                members.append(position)
            tag = source[position]
            content, after = _frame(source, position, end)
            if tag & _CONSTRUCTED:
                around.append((end, members))
                end, members = after, ([] if tag == SET else None)
                position = content
            else:
                _check(source, position, content, after, found)
                position = after

    def _refuse(self) -> NoReturn:
        if self._left < 0:
            wrong = say(
                "The file is made of more than {most} elements of DER.",
                most=f"{ELEMENTS:,}",
            )
            raise Refused("structure.size", wrong, say("Upload fewer certificates at once."))
        wrong = say("Its elements are nested deeper than {most} levels.", most=DEPTH)
        raise Refused("structure.size", wrong, _CURE)


def _check(source: bytes, position: int, content: int, after: int, found: list[Flaw]) -> None:
    tag = source[position]
    if tag == OBJECT_IDENTIFIER and after - content > IDENTIFIER_BYTES:
        wrong = say(
            "An object identifier at octet {position} has {count} octets; {most} are allowed.",
            position=position,
            count=f"{after - content:,}",
            most=IDENTIFIER_BYTES,
        )
        raise Refused("structure.size", wrong, _CURE)
    check = SIMPLE_VALUES.get(tag)
    if check is not None:
        reason = check(source[content:after])
        if reason:
            found.append(Flaw(position, reason))


def _ascending(source: bytes, bounds: list[int]) -> bool:
    """Whether the parts of a SET OF stand in ascending order (X.690, 11.6)."""
    parts = [source[a:b] for a, b in pairwise(bounds)]
    return all(one <= other for one, other in pairwise(parts))


def _frame(source: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the content of the element at `position` begins and ends."""
    content = position + 2
    if source[position] not in _USUAL_TAGS:
        content = _after_unusual_tag(source, position, end) + 1
    if content > end:
        raise DerError(position, say("it ends before its length"))
    length = source[content - 1]
    if length >= _HIGHEST_BIT:
        content, length = _long_length(source, content - 1, end)
    if length > end - content:
        raise DerError(
            position,
            say(
                "{announced} octets announced, {there} there",
                announced=f"{length:,}",
                there=f"{end - content:,}",
            ),
        )
    return content, content + length


def _wrong_form(tag: int) -> str:
    if tag in (0x00, _CONSTRUCTED):
        return say("an element with tag 0")
    if tag & _CONSTRUCTED and tag not in _MADE_OF_OTHERS:
        return say("a value in pieces (tag {tag}): {rule}", tag=f"{tag:#04x}", rule=_NOT_DER)
    if not tag & _CONSTRUCTED and tag | _CONSTRUCTED in _MADE_OF_OTHERS:
        return say("a sequence or set as one value (tag {tag})", tag=f"{tag:#04x}")
    return ""


# Identifier octets that are a whole tag, and of the right form if the class is universal.
_USUAL_TAGS = frozenset(
    tag for tag in range(256) if tag & _NUMBER != _NUMBER and (tag & _CLASS or not _wrong_form(tag))
)


def _after_unusual_tag(source: bytes, position: int, end: int) -> int:
    """Tag numbers from 31 on use further octets, all but the last one with their highest bit."""
    if source[position] & _NUMBER != _NUMBER:
        raise DerError(position, _wrong_form(source[position]))
    for after in range(position + 1, min(end, position + _LONGEST_TAG)):
        if source[after] < _HIGHEST_BIT:
            number_is_small = after == position + 1 and source[after] < _NUMBER
            if number_is_small or source[position + 1] == _HIGHEST_BIT:
                raise DerError(
                    position, say("a tag that is longer than needed: {rule}", rule=_NOT_DER)
                )
            return after + 1
    raise DerError(position, say("a tag that is cut short or too long"))


def _long_length(source: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the content begins, and how many octets it has; the shortest form only (10.1)."""
    octets = source[position] & 0x7F
    if not octets:
        raise DerError(position, say("a length of the indefinite form: {rule}", rule=_NOT_DER))
    content = position + 1 + octets
    if content > end:
        raise DerError(position, say("a length that is cut short"))
    if source[position + 1] == 0:
        raise DerError(position, say("a length that is longer than needed: {rule}", rule=_NOT_DER))
    if octets > _LONGEST_LENGTH:
        raise DerError(
            position,
            say("a length of more than {most} octets", most=_LONGEST_LENGTH),
        )
    length = int.from_bytes(source[position + 1 : content], "big")
    if length < _HIGHEST_BIT:
        raise DerError(position, say("a length that is longer than needed: {rule}", rule=_NOT_DER))
    return content, length
