"""Pages of long lists: each says where the next one begins, whatever changes in between."""

import base64
import binascii
import json
from typing import Any

from certificates.refusal import Refused


def cursor(*values: str | int) -> str:
    """Where the next page begins: the sort values of the last row of this one."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def place_of(text: str, *kinds: type[str] | type[int]) -> tuple[Any, ...] | None:
    """The values in a cursor of ours; None for "", the first page.

    Raises:
        Refused: api.cursor.
    """
    if not text:
        return None
    try:
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), "-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    is_ours = isinstance(values, list) and [type(value) for value in values] == list(kinds)
    if not is_ours or any(isinstance(v, int) and abs(v) >= 2**63 for v in values):
        raise Refused("api.cursor", "`after` is no place in this list.", "Take `next` as it is.")
    if any(isinstance(v, str) and not _is_text(v) for v in values):
        raise Refused("api.cursor", "`after` is no place in this list.", "Take `next` as it is.")
    return tuple(values)


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
