"""A small strict reader of DER (ITU-T X.690, 8.1 and 10.1): where each element begins and ends.

It looks at no more than tags and lengths, copies nothing until it is asked, and gives up early on
what is too long or too deep. Offsets are counted in octets from the start of the whole input.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from certificates.sentence import say

MAXIMUM_DEPTH = 32
MAXIMUM_LENGTH = 16 * 1024 * 1024  # of one input, in octets
_LONGEST_TAG = 6  # identifier octets
_LONGEST_ARC = 19  # octets of one number of an object identifier: room for a UUID
_LONGEST_KEPT = 32  # octets of an object identifier that is remembered: all usual ones are shorter
_LONGEST_LENGTH = 8  # octets: no input is longer than that many can say
_HIGHEST_BIT = 0x80
_LONG_TAG = 0x1F  # in the first identifier octet: the tag number follows

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 1, 2, 3, 4, 5, 6
SEQUENCE, SET = 0x30, 0x31


class DerError(ValueError):
    """What is wrong, and at which octet."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        return say("at octet {offset}: {reason}", offset=self.offset, reason=self.reason)


class Element(NamedTuple):
    """One tag, length and value at `source[start:end]`; `tag` is its identifier octets.

    A tuple, as it is made some hundred times for each certificate.
    """

    tag: int
    source: bytes
    start: int
    header_length: int
    end: int
    depth: int

    @property
    def content(self) -> bytes:
        return self.source[self.start + self.header_length : self.end]

    @property
    def raw(self) -> bytes:
        """Header and content."""
        return self.source[self.start : self.end]

    def children(self) -> Iterator["Element"]:
        """The elements inside, one level down."""
        if self.depth >= MAXIMUM_DEPTH:
            raise DerError(self.start, say("nested deeper than {most} levels", most=MAXIMUM_DEPTH))
        return _elements(self.source, self.start + self.header_length, self.end, self.depth + 1)

    def expect(self, tag: int) -> "Element":
        if self.tag != tag:
            raise DerError(
                self.start,
                say(
                    "tag {tag} where {wanted} was expected",
                    tag=f"{self.tag:#04x}",
                    wanted=f"{tag:#04x}",
                ),
            )
        return self


def elements(data: bytes, *, maximum_length: int = MAXIMUM_LENGTH) -> Iterator[Element]:
    """The elements that stand one after the other in `data`.

    Raises:
        DerError: at the call if `data` is too long, else when the broken element is reached.
    """
    if len(data) > maximum_length:
        raise DerError(
            0, say("{count} octets are more than {most}", count=len(data), most=maximum_length)
        )
    return _elements(data, 0, len(data), 0)


def only_element(data: bytes, *, maximum_length: int = MAXIMUM_LENGTH) -> Element:
    """The one element that `data` is; anything behind it is an error."""
    element = next(elements(data, maximum_length=maximum_length), None)
    if element is None:
        raise DerError(0, say("nothing there"))
    if element.end != len(data):
        raise DerError(
            element.end, say("{count} octets behind the end", count=len(data) - element.end)
        )
    return element


def _elements(source: bytes, start: int, end: int, depth: int) -> Iterator[Element]:
    while start < end:
        tag, content = source[start], start + 2
        if content > end or tag & _LONG_TAG == _LONG_TAG or source[start + 1] >= _HIGHEST_BIT:
            tag, content, length = _long_header(source, start, end)
        else:
            length = source[start + 1]
        after = content + length
        if after > end:
            raise DerError(
                start,
                say(
                    "{announced} octets announced, {there} there",
                    announced=length,
                    there=end - content,
                ),
            )
        yield Element(tag, source, start, content - start, after, depth)
        start = after


def _long_header(source: bytes, start: int, end: int) -> tuple[int, int, int]:
    """The tag, where the content begins, and its length, for a header of any form."""
    after_tag = _after_tag(source, start, end)
    content, length = _length(source, after_tag, end)
    return int.from_bytes(source[start:after_tag], "big"), content, length


def _after_tag(source: bytes, start: int, end: int) -> int:
    """Tag numbers from 31 on use further octets, all but the last one with their highest bit."""
    position = start + 1
    if source[start] & _LONG_TAG != _LONG_TAG:
        return position
    while position < min(end, start + _LONGEST_TAG):
        position += 1
        if source[position - 1] < _HIGHEST_BIT:
            return position
    raise DerError(start, say("tag cut short or too long"))


def _length(source: bytes, position: int, end: int) -> tuple[int, int]:
    """Where the content begins, and how many octets it has; the shortest form only (10.1)."""
    if position >= end:
        raise DerError(position, say("length missing"))
    first = source[position]
    if first < _HIGHEST_BIT:
        return position + 1, first
    after = position + 1 + (first & 0x7F)
    if first == _HIGHEST_BIT or after > end:
        raise DerError(position, say("length indefinite or cut short"))
    if after - position - 1 > _LONGEST_LENGTH:
        raise DerError(position, say("length of more than {most} octets", most=_LONGEST_LENGTH))
    length = int.from_bytes(source[position + 1 : after], "big")
    if source[position + 1] == 0 or length < _HIGHEST_BIT:
        raise DerError(position, say("length not in its shortest form"))
    return after, length


def encode(tag: int, content: bytes) -> bytes:
    """One element; `tag` is a single identifier octet."""
    size = len(content)
    if size < _HIGHEST_BIT:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def dotted(identifier: Element) -> str:
    """An object identifier as numbers with dots (ITU-T X.690, 8.19)."""
    content = identifier.expect(OBJECT_IDENTIFIER).content
    if not content or content[-1] >= _HIGHEST_BIT:
        raise DerError(identifier.start, say("object identifier empty or cut short"))
    numbers = _remembered(content) if len(content) <= _LONGEST_KEPT else _numbers(content)
    if not numbers:
        raise DerError(identifier.start, say("object identifier with too large a number"))
    return numbers


def _numbers(content: bytes) -> str:
    """With dots; "" where one is too large."""
    arcs, arc, octets = [], 0, 0
    for octet in content:
        arc, octets = arc << 7 | octet & 0x7F, octets + 1
        if octets > _LONGEST_ARC:
            return ""
        if octet < _HIGHEST_BIT:
            arcs.append(arc)
            arc, octets = 0, 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


_remembered = lru_cache(maxsize=1024)(_numbers)
