"""Pages of long lists: each says where the next one begins, whatever changes in between."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

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


def page_by(
    rows: QuerySet[Any], key: str, told: Callable[[Any], Any], *, limit: int, after: str
) -> dict[str, object]:
    """One page of a list, and where the next one begins.

    Args:
        key: a whole number by which the rows are sorted, each its own; `-` before it: backwards.
        told: what is answered of a row.

    Raises:
        Refused: api.cursor.
    """
    name = key.removeprefix("-")
    if place := place_of(after, int):
        rows = rows.filter(**{f"{name}__{'lt' if key != name else 'gt'}": place[0]})
    found = list(rows.order_by(key)[: limit + 1])
    more = cursor(getattr(found[limit - 1], name)) if len(found) > limit else None
    return {"items": [told(row) for row in found[:limit]], "next": more}


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
