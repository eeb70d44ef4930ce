"""Find rows on any list: field, operator, value; and the queries that they are made of (CM-2).

Which fields a list has is said where the list is: `certificates.find`, `ipsec.find`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Protocol

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from certificates.refusal import Refused
from certificates.sentence import in_language, say
from certificates.x509.visible import visible

NOTHING = Q(pk__in=[])
MAXIMUM_ROWS = 10
MAXIMUM_VALUE = 500  # characters


# The value is the word for addresses and commands, `label` the same for people.
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
    def label(self) -> str:
        return _LABELS[self]

    @property
    def needs_value(self) -> bool:
        return self not in (Operator.EMPTY, Operator.NOT_EMPTY)

    @property
    def is_for_dates(self) -> bool:
        return self in (Operator.BEFORE, Operator.AFTER)


_LABELS = {
    Operator.BEGINS: say("begins with"),
    Operator.CONTAINS: say("contains"),
    Operator.IS: say("is exactly"),
    Operator.ENDS: say("ends with"),
    Operator.EMPTY: say("is empty"),
    Operator.NOT_EMPTY: say("is not empty"),
    Operator.BEFORE: say("before"),
    Operator.AFTER: say("after"),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One find row; `value` is as the operator typed it."""

    field: str
    operator: Operator
    value: str = ""


Query = Callable[[Operator, str], Q]


class Findable(Protocol):
    """One entry of the first select."""

    @property
    def label(self) -> str: ...

    @property
    def is_date(self) -> bool: ...


LOOKUPS = {
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


def matches(text: str, operator: Operator, value: str) -> bool:
    """Whether `text` fits, in English or as the reader sees it, letters in any case."""
    if not operator.needs_value:
        return (not text) == (operator is Operator.EMPTY)
    test, wanted = _TESTS[operator], value.lower()
    return test(text.lower(), wanted) or test(in_language(text).lower(), wanted)


def by_text(*columns: str) -> Query:
    """Any of the columns; letters in any case."""

    def query(operator: Operator, value: str) -> Q:
        if not operator.needs_value:
            empty = Q(*[Q(**{column: ""}) for column in columns])
            return empty if operator is Operator.EMPTY else ~empty
        found = Q()
        for column in columns:  # which hold invisible characters as escapes
            found |= Q(**{f"{column}__{LOOKUPS[operator]}": visible(value)})
        return found

    return query


def one_of(column: str, labels: Mapping[Any, str]) -> Query:
    """A column of few values: the labels are compared here, the database gets the values."""

    def query(operator: Operator, value: str) -> Q:
        hits = [key for key, label in labels.items() if matches(label, operator, value)]
        return Q(**{f"{column}__in": hits}) if hits else NOTHING

    return query


def always(text: str) -> Query:
    """A column that these rows don't have, or that is the same in all of them."""
    return lambda operator, value: Q() if matches(text, operator, value) else NOTHING


def by_date(column: str) -> Query:
    """A day or a point in time, in the operator's zone."""

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
        wrong = say("{value} is not a date.", value=repr(visible(value)[:40]))
        raise Refused("find.value", wrong, say("Write it like 2027-01-31 or 2027-01-31 14:30."))
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


def checked(condition: Condition, fields: Mapping[str, Findable]) -> None:
    """Whether there is such a field, and the operator and the value fit it.

    Raises:
        Refused: find.field, find.operator, find.value.
    """
    field = fields.get(condition.field)
    if field is None:
        wrong = say(
            "There is no field {field} to find by.", field=repr(visible(condition.field)[:40])
        )
        raise Refused(
            "find.field", wrong, say("Choose one of: {fields}.", fields=", ".join(fields))
        )
    operator = condition.operator
    fits = operator.is_for_dates or operator is Operator.IS or not operator.needs_value
    if field.is_date and not fits:
        wrong = say(
            "{field} is a date; it can't be found by {operator}.",
            field=field.label,
            operator=operator.label,
        )
        raise Refused("find.operator", wrong, say("Choose before, after or is exactly."))
    if operator.is_for_dates and not field.is_date:
        wrong = say(
            "{field} is not a date; it can't be found by {operator}.",
            field=field.label,
            operator=operator.label,
        )
        raise Refused("find.operator", wrong, say("Choose begins with, contains or is exactly."))
    if "\0" in condition.value or len(condition.value) > MAXIMUM_VALUE:
        wrong = say(
            "The value for {field} is too long, or holds a NUL character.", field=field.label
        )
        raise Refused(
            "find.value",
            wrong,
            say("Write up to {most} characters.", most=MAXIMUM_VALUE),
        )


def from_address(query: QueryDict) -> list[Condition]:
    """The find rows in an address: `field`, `op` and `value`, once for each row.

    A row without the value that its operator needs is not there yet; it is left out.
    """
    rows = zip(
        query.getlist("field"), query.getlist("op"), _padded(query.getlist("value")), strict=False
    )
    conditions = [_condition(field, operator, value) for field, operator, value in rows]
    if len(conditions) > MAXIMUM_ROWS:
        wrong = say(
            "{count} find rows are more than {most}.",
            count=len(conditions),
            most=MAXIMUM_ROWS,
        )
        raise Refused("find.rows", wrong, say("Remove some."))
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
                    wrong = say(
                        "{operator} takes no value: {value}.",
                        operator=operator.label,
                        value=repr(visible(value)[:40]),
                    )
                    raise Refused("find.value", wrong, say("Leave it out."))
                return Condition(field, operator, value)
    wrong = say("{text} is not 'field operator value'.", text=repr(visible(text)[:80]))
    raise Refused(
        "find.operator", wrong, say("Operators: {operator}.", operator=", ".join(Operator))
    )


def _condition(field: str, operator: str, value: str) -> Condition:
    try:
        return Condition(field, Operator(operator), value)
    except ValueError:
        wrong = say("There is no operator {operator}.", operator=repr(visible(operator)[:40]))
        raise Refused(
            "find.operator", wrong, say("Choose one of: {operator}.", operator=", ".join(Operator))
        ) from None
