"""What decoding a part of a certificate raises, and how that part is shown instead."""

from certificates.sentence import say
from certificates.x509.facts import DECODING_ERRORS
from certificates.x509.visible import cut, visible

__all__ = ["DECODING_ERRORS", "decimal", "hexadecimal", "octets", "reason", "undecoded"]

LONGEST_REASON = 300
# Beyond this Python refuses to write a number in decimal (4,300 digits), and nobody reads it.
LONGEST_DECIMAL_BITS = 4096


def reason(error: Exception) -> str:
    """One line for a person, without a full stop."""
    if isinstance(error, LookupError):
        return cut(say("unknown value {value}", value=visible(str(error))), LONGEST_REASON)
    words = cut(visible(str(error) or type(error).__name__), LONGEST_REASON)
    return words.removesuffix(".") if words.endswith(".") else words


def octets(data: bytes) -> str:
    """Upper-case hexadecimal with colons, such as 0A:1B:2C."""
    return data.hex(":").upper()


def undecoded(data: bytes) -> str:
    """How a part that can't be decoded is marked among readable ones."""
    return say("Undecoded: {octets}", octets=octets(data))


def hexadecimal(number: int) -> str:
    """Such as 0A:1B; a minus sign before a negative one."""
    size = (abs(number).bit_length() + 7) // 8 or 1
    return ("-" if number < 0 else "") + octets(abs(number).to_bytes(size, "big"))


def decimal(number: int) -> str:
    """Digits, or how large a number is that nobody would read."""
    if number.bit_length() > LONGEST_DECIMAL_BITS:
        return say("a number of {bits} bits", bits=number.bit_length())
    return str(number)
