"""The find rows of the Certificate List: field, operator, value -> query (CM-2).

One row is a `Condition`; all of them must match. The same rows apply to certificates and to
signing requests, whose missing columns count as empty.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from certificates.conditions import (
    LOOKUPS,
    NOTHING,
    Condition,
    Operator,
    Query,
    always,
    by_date,
    by_text,
    checked,
    one_of,
)
from certificates.models import Certificate, Purpose
from certificates.models.digits import FEWEST, digit_keys
from certificates.models.search import TRIGRAM, trigram_keys
from certificates.sentence import say
from certificates.x509.facts import CertificateType
from certificates.x509.visible import visible

CSR_ONLY = say("CSR only")
OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of the first select: how it finds certificates, and signing requests."""

    label: str
    certificates: Query
    requests: Query
    is_date: bool = False


def _hexadecimal(*columns: str, is_number: bool = False) -> Query:
    """Found with or without colons and blanks, in any case; kept as lower-case digits."""

    def query(operator: Operator, value: str) -> Q:
        digits = _plain(value)
        if is_number and operator in (Operator.IS, Operator.BEGINS):
            digits = digits.lstrip("0") or "0"
        if not operator.needs_value:
            return by_text(*columns)(operator, "")
        if not digits or digits.strip("0123456789abcdef"):
            return NOTHING
        exact = operator is Operator.IS
        found = Q(pk__in=[])
        for column in columns:
            # A fingerprint tells by its length which one it is: one index, not two.
            if not exact or len(digits) == _DIGITS.get(column, len(digits)):
                found |= _digits(column, operator, digits)
        return found

    return query


def _plain(value: str) -> str:
    return value.lower().replace(":", "").replace(" ", "").removeprefix("0x")


_DIGITS = {"fingerprint": 64, "fingerprint_sha1": 40}


def _digits(column: str, operator: Operator, digits: str) -> Q:
    if operator is Operator.IS:
        return Q(**{column: digits})
    if operator is Operator.BEGINS:  # a range, as an index serves it; "g" follows every digit
        return Q(**{f"{column}__gte": digits, f"{column}__lt": f"{digits}g"})
    lookup = "holds" if operator is Operator.CONTAINS else LOOKUPS[operator].removeprefix("i")
    return Q(**{f"{column}__{lookup}": digits})


_PURPOSES = {purpose.value: purpose.label for purpose in Purpose}
_REQUEST_FILES = {purpose.value: f"{purpose}.csr" for purpose in Purpose.own()}
_TYPES = {kind.value: kind.label for kind in CertificateType}

FIELDS: dict[str, Field] = {
    "common_name": Field(say("Common name"), by_text("common_name"), by_text("common_name")),
    "certificate": Field(
        say("Certificate"), one_of("purpose", _PURPOSES), one_of("purpose", _PURPOSES)
    ),
    "file_name": Field(say("File name"), by_text("file_name"), one_of("purpose", _REQUEST_FILES)),
    "type": Field(say("Type"), one_of("type", _TYPES), always(CSR_ONLY)),
    "key_type": Field(say("Key type"), by_text("key_label"), by_text("key_label")),
    "node": Field(say("Node"), by_text("node__host_name"), by_text("node__host_name")),
    "issuer": Field(say("Issued by"), by_text("issuer"), always("")),
    "expiration": Field(say("Expiration"), by_date("not_after"), always(""), is_date=True),
    "serial_number": Field(
        say("Serial number"), _hexadecimal("serial_number", is_number=True), always("")
    ),
    "fingerprint": Field(
        say("Fingerprint"), _hexadecimal("fingerprint", "fingerprint_sha1"), always("")
    ),
    "subject": Field(say("Subject"), by_text("subject"), by_text("subject")),
    "alternative_names": Field(
        say("Subject alternative names"), by_text("subject_alternative_names"), always("")
    ),
    "description": Field(say("Description"), by_text("description"), always("")),
}


def to_query(conditions: Iterable[Condition], *, requests: bool = False) -> Q:
    """All conditions together, for certificates or for signing requests.

    Raises:
        Refused: find.field, find.operator, find.value.
    """
    found = Q()
    for condition in conditions:
        field = _field(condition)
        query = field.requests if requests else field.certificates
        if requests and field.is_date:
            found &= Q() if condition.operator is Operator.EMPTY else NOTHING
        else:
            found &= query(condition.operator, condition.value.strip())
    return found


_OBSERVED = {"certificate": always(OBSERVED), "description": always("")}


def to_query_of_observed(conditions: Iterable[Condition]) -> Q:
    """The same for observed certificates, which have the other columns, too."""
    found = Q()
    for condition in conditions:
        query = _OBSERVED.get(condition.field, _field(condition).certificates)
        found &= query(condition.operator, condition.value.strip())
    return found


# Their columns stand in the index `list_order`, which a count may read from end to end.
COVERED = ("common_name", "certificate", "type", "key_type", "node", "expiration")
_HEXADECIMAL = ("fingerprint", "serial_number")
_SEARCHED = {
    "common_name": "common_name",
    "subject": "subject",
    "issuer": "issuer",
    "alternative_names": "subject_alternative_names",
}
_SCANNED = ("common_name", "file_name", "description")  # each has an index to itself
_BY_INDEX = (Operator.IS, Operator.BEGINS)  # of digits; of others few walk through it
_BY_TEXT = (Operator.BEGINS, Operator.CONTAINS, Operator.IS, Operator.ENDS)


def few_keys(conditions: Iterable[Condition], most: int) -> list[int] | None:
    """Keys of at most `most` rows, among them all that fit; None if no condition leaves so few.

    The cheapest condition first: digits by their index, then text by its trigrams.
    """
    telling = [c for c in conditions if c.operator in _BY_TEXT]
    for condition in sorted(telling, key=_cost):
        keys = _keys(condition, most)
        if keys is not None and len(keys) <= most:
            return keys
    return None


def few_by_date(conditions: Iterable[Condition], dates: Q, most: int) -> list[int] | None:
    """Keys of the rows that expire in a range of dates, on SQLite, if it holds at most `most`.

    Its planner knows nothing of the values: it reads all rows, where a month of them would do.

    Args:
        conditions: those of the expiration count; others are not looked at.
        dates: another condition, of the expiration alone; `Q()` for none.
    """
    asked = [condition for condition in conditions if FIELDS[condition.field].is_date]
    wanted = to_query(asked) & dates
    if connection.vendor != "sqlite" or not wanted:
        return None
    rows = Certificate.objects.active().filter(wanted).order_by()
    keys = list(rows.values_list("pk", flat=True)[: most + 1])
    return keys if len(keys) <= most else None


def _cost(condition: Condition) -> int:
    if condition.field in _HEXADECIMAL:
        is_told = condition.operator in _BY_INDEX or len(_plain(condition.value)) >= FEWEST
        return 0 if is_told else 3
    return 1 if len(condition.value.strip()) >= TRIGRAM else 2


def _keys(condition: Condition, most: int) -> list[int] | None:
    """Up to one more than `most`; None where no index tells."""
    query, value = to_query([condition]), visible(condition.value.strip())
    if condition.field in _HEXADECIMAL:
        if condition.operator not in _BY_INDEX and query != NOTHING:
            found = digit_keys(_plain(value), most)
            if found is not None:
                return found
        # Each of its columns alone, as an index answers one; a part of either is in one index.
        parts = query.children if condition.operator in _BY_INDEX else [query]
        keys: list[int] = []
        for part in parts:
            rows = Certificate.objects.filter(Q(part)).order_by()
            keys += rows.values_list("pk", flat=True)[: most + 1 - len(keys)]
        return keys
    if connection.vendor != "sqlite":
        return None  # its planner knows the values
    if condition.field in _SEARCHED:
        found = trigram_keys(_SEARCHED[condition.field], value, most)
        if found is not None:
            return found
    if condition.field not in _SCANNED:
        return None
    rows = Certificate.objects.active().filter(query).order_by()
    return list(rows.values_list("pk", flat=True)[: most + 1])


def _field(condition: Condition) -> Field:
    checked(condition, FIELDS)
    return FIELDS[condition.field]
