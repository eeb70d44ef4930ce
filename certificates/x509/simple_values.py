"""The values that have no parts, each checked against its only form in DER (ITU-T X.690, 8, 11).

Every check is given the octets of the value and returns what is wrong with them, "" for nothing.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from certificates.sentence import say
from certificates.x509.der import BIT_STRING, BOOLEAN, INTEGER, NULL, OBJECT_IDENTIFIER

UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
_ENUMERATED = 0x0A
_HIGHEST_BIT = 0x80
_FIRST_YEAR_OF_1900 = 50  # RFC 5280, 4.1.2.5.1: two digits from 50 on are 19xx
# RFC 5280, 4.1.2.5; the second form has no octets for fractions there.
_UTC_TIME = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")
_GENERALIZED_TIME = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d*[1-9])?Z")
_OLDER_FORM = re.compile(rb"(\d\d)(\d{8})(\d\d)?(Z|[+-]\d{4})")
_NUMERIC = re.compile(rb"[0-9 ]*")
_PRINTABLE = re.compile(rb"[A-Za-z0-9 '()+,\-./:=?]*")  # ITU-T X.680, table 10
_VISIBLE = re.compile(rb"[ -~]*")


def time_of(tag: int, content: bytes) -> datetime:
    """The moment that a UTCTime or GeneralizedTime names, in UTC, to the second.

    Raises:
        ValueError: it is in no form of DER, or there is no such moment.
    """
    form = _UTC_TIME if tag == UTC_TIME else _GENERALIZED_TIME
    found = form.fullmatch(content)
    if found is None or tag not in (UTC_TIME, GENERALIZED_TIME):
        raise ValueError(say("a time that is not written as YYMMDDhhmmssZ or YYYYMMDDhhmmssZ"))
    year, month, day, hour, minute, second = map(int, found.groups())
    if tag == UTC_TIME:
        year += 1900 if year >= _FIRST_YEAR_OF_1900 else 2000
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise ValueError(say("a time that does not exist ({error})", error=error)) from error


def time_of_older_form(content: bytes) -> datetime:
    """A UTCTime without seconds or with an offset, as BER allows and old CAs wrote (X.680, 47.3).

    Raises:
        ValueError: it is none.
    """
    found = _OLDER_FORM.fullmatch(content)
    if found is None:
        raise ValueError(say("a time in no known form"))
    year, moment, seconds, offset = (part.decode() for part in found.groups(b"00"))
    century = "19" if int(year) >= _FIRST_YEAR_OF_1900 else "20"
    text = f"{century}{year}{moment}{seconds}{offset}"
    return datetime.strptime(text, "%Y%m%d%H%M%S%z").astimezone(UTC)


def _boolean(content: bytes) -> str:
    return "" if content in (b"\x00", b"\xff") else say("a BOOLEAN that is neither 00 nor FF")


def _integer(content: bytes) -> str:
    if not content:
        return say("an INTEGER without a value")
    if len(content) > 1 and (
        (content[0] == 0 and content[1] < _HIGHEST_BIT)
        or (content[0] == 0xFF and content[1] >= _HIGHEST_BIT)  # noqa: PLR2004 - sign octet
    ):
        return say("an INTEGER that is longer than needed")
    return ""


def _bit_string(content: bytes) -> str:
    """X.690, 8.6 and 11.2: the first octet counts unused bits at the end, which are 0."""
    unused = content[0] if content else 8
    if unused > 7 or (unused and len(content) == 1):  # noqa: PLR2004 - bits of an octet
        return say("a broken BIT STRING")
    if unused and content[-1] & ((1 << unused) - 1):
        return say("a BIT STRING whose unused bits are not 0")
    return ""


def _null(content: bytes) -> str:
    return say("a NULL with a value") if content else ""


def _object_identifier(content: bytes) -> str:
    if not content or content[-1] >= _HIGHEST_BIT:
        return say("an object identifier that is empty or cut short")
    if content[0] == _HIGHEST_BIT or _PADDED_ARC.search(content):
        return say("an object identifier that is longer than needed")
    return ""


_PADDED_ARC = re.compile(rb"[\x00-\x7f]\x80")


def _time(tag: int) -> Callable[[bytes], str]:
    def check(content: bytes) -> str:
        try:
            time_of(tag, content)
        except ValueError as error:
            return str(error)
        return ""

    return check


def _made_of(pattern: re.Pattern[bytes], name: str) -> Callable[[bytes], str]:
    def check(content: bytes) -> str:
        if pattern.fullmatch(content):
            return ""
        return say("a {type} with characters that it must not have", type=name)

    return check


def _encoded_as(codec: str, name: str) -> Callable[[bytes], str]:
    def check(content: bytes) -> str:
        try:
            content.decode(codec)
        except UnicodeDecodeError:
            return say(
                "a {type} that is not encoded as {encoding}", type=name, encoding=codec.upper()
            )
        return ""

    return check


# By identifier octet. A TeletexString is not here: CAs wrote any encoding under that tag.
SIMPLE_VALUES: dict[int, Callable[[bytes], str]] = {
    BOOLEAN: _boolean,
    INTEGER: _integer,
    BIT_STRING: _bit_string,
    NULL: _null,
    OBJECT_IDENTIFIER: _object_identifier,
    _ENUMERATED: _integer,
    0x0C: _encoded_as("utf-8", "UTF8String"),
    0x12: _made_of(_NUMERIC, "NumericString"),
    0x13: _made_of(_PRINTABLE, "PrintableString"),
    0x16: _encoded_as("ascii", "IA5String"),
    UTC_TIME: _time(UTC_TIME),
    GENERALIZED_TIME: _time(GENERALIZED_TIME),
    0x1A: _made_of(_VISIBLE, "VisibleString"),
    0x1C: _encoded_as("utf-32-be", "UniversalString"),
    0x1E: _encoded_as("utf-16-be", "BMPString"),
}
