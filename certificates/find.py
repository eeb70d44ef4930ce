"""The find rows of the Certificate List: field, operator, value -> query (CM-2).

One row is a `Condition`; all of them must match. The same rows apply to certificates and to
signing requests, whose missing columns count as empty.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from certificates.models import Purpose
from certificates.refusal import Refused
from certificates.x509.facts import CertificateType
from certificates.x509.visible import visible

NOTHING = Q(pk__in=[])
MAXIMUM_ROWS = 10
MAXIMUM_VALUE = 500  # characters
CSR_ONLY = "CSR only"
OBSERVED = "observed"


class Operator(StrEnum):
    BEGINS = "begins with"
    CONTAINS = "contains"
    IS = "is exactly"
    ENDS = "ends with"
    EMPTY = "is empty"
    NOT_EMPTY = "is not empty"
    BEFORE = "before"
    AFTER = "after"

    @property
    def needs_value(self) -> bool:
        return self not in (Operator.EMPTY, Operator.NOT_EMPTY)

    @property
    def is_for_dates(self) -> bool:
        return self in (Operator.BEFORE, Operator.AFTER)


@dataclass(frozen=True, slots=True)
class Condition:
    """One find row; `value` is as the operator typed it."""

    field: str
    operator: Operator
    value: str = ""


Query = Callable[[Operator, str], Q]


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of the first select: how it finds certificates, and signing requests."""

    label: str
    certificates: Query
    requests: Query
    is_date: bool = False


_LOOKUPS = {
    Operator.BEGINS: "istartswith",
    Operator.CONTAINS: "icontains",
    Operator.IS: "iexact",
    Operator.ENDS: "iendswith",
}
_TESTS: dict[Operator, Callable[[str, str], bool]] = {
    Operator.BEGINS: str.startswith,
    Operator.CONTAINS: str.__contains__,
    Operator.IS: str.__eq__,
    Operator.ENDS: str.endswith,
}


def _matches(text: str, operator: Operator, value: str) -> bool:
    if not operator.needs_value:
        return (not text) == (operator is Operator.EMPTY)
    return _TESTS[operator](text.lower(), value.lower())


def _text(*columns: str) -> Query:
    """Any of the columns; letters in any case."""

    def query(operator: Operator, value: str) -> Q:
        if not operator.needs_value:
            empty = Q(*[Q(**{column: ""}) for column in columns])
            return empty if operator is Operator.EMPTY else ~empty
        found = Q()
        for column in columns:  # which hold invisible characters as escapes
            found |= Q(**{f"{column}__{_LOOKUPS[operator]}": visible(value)})
        return found

    return query


def _one_of(column: str, labels: dict[str, str]) -> Query:
    """A column of few values: the labels are compared here, the database gets the values."""

    def query(operator: Operator, value: str) -> Q:
        hits = [key for key, label in labels.items() if _matches(label, operator, value)]
        return Q(**{f"{column}__in": hits}) if hits else NOTHING

    return query


def _always(text: str) -> Query:
    """A column that these rows don't have, or that is the same in all of them."""
    return lambda operator, value: Q() if _matches(text, operator, value) else NOTHING


def _hexadecimal(*columns: str, is_number: bool = False) -> Query:
    """Found with or without colons and blanks, in any case; kept as lower-case digits."""

    def query(operator: Operator, value: str) -> Q:
        digits = value.lower().replace(":", "").replace(" ", "").removeprefix("0x")
        if is_number and operator in (Operator.IS, Operator.BEGINS):
            digits = digits.lstrip("0") or "0"
        if not operator.needs_value:
            return _text(*columns)(operator, "")
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


_DIGITS = {"fingerprint": 64, "fingerprint_sha1": 40}


def _digits(column: str, operator: Operator, digits: str) -> Q:
    if operator is Operator.IS:
        return Q(**{column: digits})
    if operator is Operator.BEGINS:  # a range, as an index serves it; "g" follows every digit
        return Q(**{f"{column}__gte": digits, f"{column}__lt": f"{digits}g"})
    return Q(**{f"{column}__{_LOOKUPS[operator].removeprefix('i')}": digits})


def _date(column: str) -> Query:
    def query(operator: Operator, value: str) -> Q:
        if not operator.needs_value:
            return Q(**{f"{column}__isnull": operator is Operator.EMPTY})
        start, end = _moment(value)
        if operator is Operator.BEFORE:
            return Q(**{f"{column}__lt": start})
        if operator is Operator.AFTER:
            return Q(**{f"{column}__gte": end})
        return Q(**{f"{column}__gte": start, f"{column}__lt": end})

    return query


def _moment(value: str) -> tuple[datetime, datetime]:
    """A day or a point in time in the operator's zone, as its first moment and the one after."""
    zone: tzinfo = timezone.get_current_timezone()
    try:
        midnight = datetime.combine(date.fromisoformat(value), time.min)
        return _in_utc(midnight, zone), _in_utc(_later(midnight, timedelta(days=1)), zone)
    except ValueError:
        pass
    try:
        moment = parse_datetime(value)
    except ValueError:
        moment = None
    if moment is None:
        wrong = f"{visible(value)[:40]!r} is not a date."
        raise Refused("find.value", wrong, "Write it like 2027-01-31 or 2027-01-31 14:30.")
    zone, moment = moment.tzinfo or zone, moment.replace(tzinfo=None)
    return _in_utc(moment, zone), _in_utc(_later(moment, timedelta(seconds=1)), zone)


def _later(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment


def _in_utc(moment: datetime, zone: tzinfo) -> datetime:
    """The first and the last days of the calendar end where the calendar ends."""
    try:
        return moment.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


_PURPOSES = {purpose.value: purpose.label for purpose in Purpose}
_REQUEST_FILES = {purpose.value: f"{purpose}.csr" for purpose in Purpose.own()}
_TYPES = {kind.value: kind.label for kind in CertificateType}

FIELDS: dict[str, Field] = {
    "common_name": Field("Common name", _text("common_name"), _text("common_name")),
    "certificate": Field(
        "Certificate", _one_of("purpose", _PURPOSES), _one_of("purpose", _PURPOSES)
    ),
    "file_name": Field("File name", _text("file_name"), _one_of("purpose", _REQUEST_FILES)),
    "type": Field("Type", _one_of("type", _TYPES), _always(CSR_ONLY)),
    "key_type": Field("Key type", _text("key_label"), _text("key_label")),
    "node": Field("Node", _text("node__host_name"), _text("node__host_name")),
    "issuer": Field("Issued by", _text("issuer"), _always("")),
    "expiration": Field("Expiration", _date("not_after"), _always(""), is_date=True),
    "serial_number": Field(
        "Serial number", _hexadecimal("serial_number", is_number=True), _always("")
    ),
    "fingerprint": Field(
        "Fingerprint", _hexadecimal("fingerprint", "fingerprint_sha1"), _always("")
    ),
    "subject": Field("Subject", _text("subject"), _text("subject")),
    "alternative_names": Field(
        "Subject alternative names", _text("subject_alternative_names"), _always("")
    ),
    "description": Field("Description", _text("description"), _always("")),
}


def to_query(conditions: Iterable[Condition], *, requests: bool = False) -> Q:
    """All conditions together, for certificates or for signing requests.

    Raises:
        Refused: find.field, find.operator, find.value.
    """
    found = Q()
    for condition in conditions:
        field = _checked(condition)
        query = field.requests if requests else field.certificates
        if requests and field.is_date:
            found &= Q() if condition.operator is Operator.EMPTY else NOTHING
        else:
            found &= query(condition.operator, condition.value.strip())
    return found


_OBSERVED = {"certificate": _always(OBSERVED), "description": _always("")}


def to_query_of_observed(conditions: Iterable[Condition]) -> Q:
    """The same for observed certificates, which have the other columns, too."""
    found = Q()
    for condition in conditions:
        query = _OBSERVED.get(condition.field, _checked(condition).certificates)
        found &= query(condition.operator, condition.value.strip())
    return found


def selective(conditions: Iterable[Condition]) -> Q | None:
    """The one condition, if any, that an index answers with few rows; None without one.

    A planner that knows nothing of the values would rather walk the whole table in list order.
    """
    for condition in conditions:
        by_index = condition.operator in (Operator.IS, Operator.BEGINS)
        if by_index and condition.field in ("fingerprint", "serial_number"):
            return to_query([condition])
    return None


def _checked(condition: Condition) -> Field:
    field = FIELDS.get(condition.field)
    if field is None:
        wrong = f"There is no field {visible(condition.field)[:40]!r} to find by."
        raise Refused("find.field", wrong, f"Choose one of: {', '.join(FIELDS)}.")
    operator = condition.operator
    fits = operator.is_for_dates or operator is Operator.IS or not operator.needs_value
    if field.is_date and not fits:
        wrong = f"{field.label} is a date; it can't be found by {operator!s}."
        raise Refused("find.operator", wrong, "Choose before, after or is exactly.")
    if operator.is_for_dates and not field.is_date:
        wrong = f"{field.label} is not a date; it can't be found by {operator!s}."
        raise Refused("find.operator", wrong, "Choose begins with, contains or is exactly.")
    if "\0" in condition.value or len(condition.value) > MAXIMUM_VALUE:
        wrong = f"The value for {field.label} is too long, or holds a NUL character."
        raise Refused("find.value", wrong, f"Write up to {MAXIMUM_VALUE} characters.")
    return field


def from_address(query: QueryDict) -> list[Condition]:
    """The find rows in an address: `field`, `op` and `value`, once for each row.

    A row without the value that its operator needs is not there yet; it is left out.
    """
    rows = zip(
        query.getlist("field"), query.getlist("op"), _padded(query.getlist("value")), strict=False
    )
    conditions = [_condition(field, operator, value) for field, operator, value in rows]
    if len(conditions) > MAXIMUM_ROWS:
        wrong = f"{len(conditions)} find rows are more than {MAXIMUM_ROWS}."
        raise Refused("find.rows", wrong, "Remove some.")
    return [c for c in conditions if c.value.strip() or not c.operator.needs_value]


def typed_rows(query: QueryDict) -> list[Condition]:
    """The rows as they were typed, to be mended; what is no operator is left out."""
    fields, values = query.getlist("field"), _padded(query.getlist("value"))
    rows = zip(fields, query.getlist("op"), values, strict=False)
    return [
        Condition(field, Operator(operator), visible(value))
        for field, operator, value in rows
        if operator in list(Operator)
    ][:MAXIMUM_ROWS]


def _padded(values: Sequence[str]) -> list[str]:
    return [*values, *[""] * MAXIMUM_ROWS]


def from_words(text: str) -> Condition:
    """`--find "field operator value"`; the operator's words may be joined by `-` or `_`."""
    field, _, rest = text.strip().partition(" ")
    normal = rest.strip()
    for operator in Operator:
        words = operator.value
        for spelling in (words, words.replace(" ", "-"), words.replace(" ", "_")):
            if normal.lower() == spelling or normal.lower().startswith(f"{spelling} "):
                value = normal[len(spelling) :].strip()
                if value and not operator.needs_value:
                    wrong = f"{operator!s} takes no value: {visible(value)[:40]!r}."
                    raise Refused("find.value", wrong, "Leave it out.")
                return Condition(field, operator, value)
    wrong = f"{visible(text)[:80]!r} is not 'field operator value'."
    raise Refused("find.operator", wrong, f"Operators: {', '.join(Operator)}.")


def _condition(field: str, operator: str, value: str) -> Condition:
    try:
        return Condition(field, Operator(operator), value)
    except ValueError:
        wrong = f"There is no operator {visible(operator)[:40]!r}."
        raise Refused("find.operator", wrong, f"Choose one of: {', '.join(Operator)}.") from None
