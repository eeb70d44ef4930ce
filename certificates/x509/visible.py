"""Hostile text made harmless to look at: what can't be seen is shown as an escape."""

import re
import unicodedata

# Cc control, Cf format (bidirectional marks, zero-width), Cs surrogates, Co private use,
# Zl and Zp line and paragraph separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Letters and marks that nobody sees: Default_Ignorable_Code_Point (Unicode, UAX 44), and the
# blank pattern of Braille.
_UNSEEN = frozenset(
    chr(code)
    for codes in (
        (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x1810),
        range(0xFE00, 0xFE10),
        range(0xE0000, 0xE1000),
    )
    for code in codes
)
# A spreadsheet takes a cell that begins so for a formula; and it may part cells at another
# separator than we do, depending on the country of its user.
_FORMULA = re.compile(r"(^|[;,|\t])(\s*)(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")


def visible(text: str) -> str:
    r"""`text` with every character that is invisible or moves others as `\u{202e}`.

    The result is plain text on one line; escaping for HTML, CSV or a header is the caller's.
    """
    if text.isascii() and text.isprintable():
        return text
    if not any(map(_is_hidden, text)):
        return text  # itself, as it may be a sentence that has a translation
    return "".join(
        f"\\u{{{ord(character):x}}}" if _is_hidden(character) else character for character in text
    )


def cut(text: str, most: int) -> str:
    """No more than its first `most` characters; itself where it is short enough, as above."""
    return text if len(text) <= most else text[:most]


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN or character in _UNSEEN


def defused(text: str) -> str:
    """A cell that no spreadsheet runs: what could begin a formula gets an apostrophe in front."""
    return _FORMULA.sub(r"\1\2'", text)
