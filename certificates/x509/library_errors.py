"""What the library says about broken DER, in words for an operator."""

import re

from certificates.sentence import say
from certificates.x509.decoding import reason

_PARSE_ERROR = re.compile(r"ParseError \{ kind: (\w+).*?(?:, location: \[(.*)\])? \}")
_KINDS = {
    "EncodedDefault": say("a default value is written out, which DER forbids"),
    "ExtraData": say("something stands behind its end"),
    "InvalidLength": say("a length is wrong"),
    "InvalidSetOrdering": say("the parts of a SET are not in order"),
    "InvalidSize": say("it has too few or too many parts"),
    "InvalidTag": say("a tag is wrong"),
    "InvalidValue": say("a value is not of the right form"),
    "OidTooLong": say("an object identifier is too long"),
    "ShortData": say("it is cut short"),
    "UnexpectedTag": say("a part is of another type than it should be"),
    "UnknownDefinedBy": say("a part is of an unknown type"),
}


def plain_reason(error: Exception | str) -> str:
    """One line without a full stop, such as "a value is not of the right form (in ca)"."""
    text = error if isinstance(error, str) else reason(error)
    found = _PARSE_ERROR.search(text)
    if found is None:
        return text
    words = _KINDS.get(found[1], say("it is not DER"))
    last = re.findall(r"\w+::(\w+)", found[2] or "")
    if not last:
        return words
    return say("{words} (in {part})", words=words, part=last[-1].replace("_", " "))
