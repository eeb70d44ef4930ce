"""The find rows of the Certificate List: field, operator, value -> query (CM-2).

One row is a `Condition`; all of them must match. The same rows apply to certificates and to
signing requests, whose missing columns count as empty.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

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
from certificates.models.digits import digit_keys, is_told
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


_COLUMNS_OF_DIGITS = {
    "serial_number": ("serial_number",),
    "fingerprint": ("fingerprint", "fingerprint_sha1"),
}


def _plain(value: str) -> str:
    return value.strip().lower().replace(":", "").replace(" ", "").removeprefix("0x")


_DIGITS = {"fingerprint": 64, "fingerprint_sha1": 40}


def _digits(column: str, operator: Operator, digits: str) -> Q:
    if operator is Operator.IS:
        return Q(**{column: digits})
    if operator is Operator.BEGINS:  # a range, as an index serves it; "g" follows every digit
        return Q(**{f"{column}__gte": digits, f"{column}__lt": f"{digits}g"})
    lookup = "holds" if operator is Operator.CONTAINS else "closes"
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
        say("Serial number"),
        _hexadecimal(*_COLUMNS_OF_DIGITS["serial_number"], is_number=True),
        always(""),
    ),
    "fingerprint": Field(
        say("Fingerprint"), _hexadecimal(*_COLUMNS_OF_DIGITS["fingerprint"]), always("")
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
_SEARCHED = {
    "common_name": "common_name",
    "subject": "subject",
    "issuer": "issuer",
    "alternative_names": "subject_alternative_names",
}
_SCANNED = ("common_name", "file_name", "description")  # each has an index to itself
_MANY = 1_000  # rows: where there are more, a walk soon comes upon a page of them
_BY_INDEX = (Operator.IS, Operator.BEGINS)  # of digits; of others few walk through it
_TELLING = (Operator.BEGINS, Operator.CONTAINS, Operator.IS, Operator.ENDS, Operator.EMPTY)


def few_keys(conditions: Iterable[Condition], most: int) -> list[int] | None:
    """Keys of at most `most` rows, among them all that fit; None if no condition leaves so few.

    The cheapest condition first: digits by their index, text by its trigrams, and last what has to
    be read for.
    """
    asked = list(conditions)
    telling = [
        condition if condition.operator.needs_value else replace(condition, value="")
        for condition in asked
        if condition.operator in _TELLING
    ]
    # A walk may not find together what each finds soon.
    many = most if len(asked) > 1 else min(_MANY, most)
    for condition in sorted(telling, key=_cost):
        keys = _keys(condition, most, many)
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
    if condition.field in _COLUMNS_OF_DIGITS:
        return 0 if condition.operator in _BY_INDEX or _is_told(condition) else 3
    if len(condition.value.strip()) >= TRIGRAM:
        return 1
    return 2 if condition.field in _SCANNED else 4


def _is_told(condition: Condition) -> bool:
    return is_told(_plain(condition.value), at_end=condition.operator is Operator.ENDS)


def _keys(condition: Condition, most: int, many: int) -> list[int] | None:
    """Up to one more than `most`; None where no index tells, and more than `many` are read."""
    query, field = to_query([condition]), condition.field
    if field in _COLUMNS_OF_DIGITS:
        if condition.operator in _BY_INDEX:
            return _by_index(query, most)
        return _by_digits(condition, query, most, many)
    is_sqlite = connection.vendor == "sqlite"
    if is_sqlite and field in _SEARCHED:
        found = trigram_keys(_SEARCHED[field], visible(condition.value.strip()), most)
        if found is not None:  # many have its trigrams: few may still have it
            return found if len(found) <= most else _unless(min(_MANY, most), query)
    if field in _SCANNED and (is_sqlite or field not in COVERED):
        rows = Certificate.objects.active().filter(query).order_by()
        return list(rows.values_list("pk", flat=True)[: most + 1])
    # PostgreSQL knows the values, and has an index of their trigrams.
    return _unless(many, query) if is_sqlite and field in _SEARCHED else None


def _by_index(query: Q, most: int) -> list[int]:
    """Each of its columns alone, as an index answers one."""
    keys: list[int] = []
    for part in query.children:
        rows = Certificate.objects.filter(Q(part)).order_by()
        keys += rows.values_list("pk", flat=True)[: most + 1 - len(keys)]
    return keys


def _by_digits(condition: Condition, query: Q, most: int, many: int) -> list[int] | None:
    """By the index of groups; where that tells nothing, all are read until there are many.

    Not for few digits of a fingerprint, which are as good as random: many have them.
    """
    if query == NOTHING:
        return []
    if not condition.operator.needs_value:
        return None
    digits, operator = _plain(condition.value), condition.operator
    keys = digit_keys(digits, most, at_end=operator is Operator.ENDS)
    if keys is None and (condition.field == "serial_number" or _is_told(condition)):
        # By LIKE, which is quicker than what a walk is given for the planner's sake.
        lookup, found = LOOKUPS[operator].removeprefix("i"), Q()
        for column in _COLUMNS_OF_DIGITS[condition.field]:
            found |= Q(**{f"{column}__{lookup}": digits})
        return _unless(many, found)
    return keys


def _unless(many: int, query: Q) -> list[int] | None:
    rows = Certificate.objects.filter(query).order_by()
    keys = list(rows.values_list("pk", flat=True)[: many + 1])
    return keys if len(keys) <= many else None


def _field(condition: Condition) -> Field:
    checked(condition, FIELDS)
    return FIELDS[condition.field]
