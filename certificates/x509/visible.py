"""Hostile text made harmless to look at: what can't be seen is shown as an escape."""

import unicodedata

# Cc control, Cf format (bidirectional marks, zero-width), Cs surrogates, Co private use,
# Zl and Zp line and paragraph separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def visible(text: str) -> str:
    r"""`text` with every character that is invisible or moves others as `\u{202e}`.

    The result is plain text on one line; escaping for HTML, CSV or a header is the caller's.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in _HIDDEN else character
        for character in text
    )
