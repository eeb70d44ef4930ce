"""What the library says about broken DER, in words for an operator."""

import re

from certificates.x509.decoding import reason

_PARSE_ERROR = re.compile(r"ParseError \{ kind: (\w+).*?(?:, location: \[(.*)\])? \}")
_KINDS = {
    "EncodedDefault": "a default value is written out, which DER forbids",
    "ExtraData": "something stands behind its end",
    "InvalidLength": "a length is wrong",
    "InvalidSetOrdering": "the parts of a SET are not in order",
    "InvalidSize": "it has too few or too many parts",
    "InvalidTag": "a tag is wrong",
    "InvalidValue": "a value is not of the right form",
    "OidTooLong": "an object identifier is too long",
    "ShortData": "it is cut short",
    "UnexpectedTag": "a part is of another type than it should be",
    "UnknownDefinedBy": "a part is of an unknown type",
}


def plain_reason(error: Exception | str) -> str:
    """One line without a full stop, such as "a value is not of the right form (in ca)"."""
    text = error if isinstance(error, str) else reason(error)
    found = _PARSE_ERROR.search(text)
    if found is None:
        return text
    words = _KINDS.get(found[1], "it is not DER")
    last = re.findall(r"\w+::(\w+)", found[2] or "")
    return f"{words} (in {last[-1].replace('_', ' ')})" if last else words
