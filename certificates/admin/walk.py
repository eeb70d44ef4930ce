"""Pages of a list that is too long to be counted: from a row on, wherever that stands.

A page is found by the index that holds its order, from the row that the page before ended with
("keyset"), so that the last page costs what the first one does.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OrderBy, Q

from certificates.dialogs import key_of
from certificates.models import Certificate, Node, Purpose
from certificates.models.certificate import ORDERED

FIRST, LAST = "", "last"
_Groups = Mapping[Any, Q]


@dataclass(frozen=True, slots=True)
class Order:
    """Group after group, and inside each by one column and the key.

    Args:
        columns: the same order for a few rows, which the database sorts.
        column: inside a group; "" if that is the key alone.
        groups: what all rows of a group have in common, by what `group_of` says of a row.
    """

    columns: tuple[str | OrderBy, ...]
    column: str = ""
    groups: Callable[[], _Groups] = lambda: {None: Q()}
    group_of: Callable[[Certificate], Any] = lambda _: None
    alike: tuple[str, ...] = ()  # other columns that an index of this order has
    descending: bool = False

    @property
    def directed(self) -> list[Any]:
        """What a query is ordered by."""
        return [_turned(column) for column in self.columns] if self.descending else [*self.columns]

    @property
    def indexed(self) -> tuple[str, ...]:
        return (self.column, *self.alike)


def _turned(column: str | OrderBy) -> str | OrderBy:
    if isinstance(column, str):
        return column.removeprefix("-") if column.startswith("-") else f"-{column}"
    turned = column.copy()
    turned.reverse_ordering()
    return turned


def _by_purpose(purposes: list[Purpose]) -> Callable[[], _Groups]:
    # `is_own` says nothing new; it stands before the purpose in the index.
    return lambda: {
        purpose.value: Q(is_own__in=[purpose.is_own], purpose=purpose.value) for purpose in purposes
    }


def _by_node() -> _Groups:
    keys = Node.objects.order_by("host_name", "pk").values_list("pk", flat=True)
    return {key: Q(node_id=key) for key in keys}


def _purpose_of(row: Certificate) -> str:
    return row.purpose


_ALPHABETICAL = sorted(Purpose, key=lambda purpose: purpose.value)
_OWN_FIRST = sorted(_ALPHABETICAL, key=lambda purpose: not purpose.is_own)
_DATED: _Groups = {False: Q(not_after__isnull=False), True: Q(not_after__isnull=True)}
LIST_ORDER = Order(
    ("-is_own", "purpose", "common_name", "pk"),
    "common_name",
    _by_purpose(_OWN_FIRST),
    _purpose_of,
    alike=("purpose", "is_own"),
)
# By the field that a column of the list is ordered by.
ORDERS = {
    "purpose": Order(
        ("purpose", "common_name", "pk"),
        "common_name",
        _by_purpose(_ALPHABETICAL),
        _purpose_of,
        alike=("purpose", "is_own"),
    ),
    "node__host_name": Order(
        ("node__host_name", "node_id", "pk"),
        groups=_by_node,
        group_of=lambda row: row.node_id,
        alike=("node_id",),
    ),
    **{column: Order((column, "pk"), column) for column in ORDERED},
    "not_after": Order(
        (F("not_after").asc(nulls_last=True), "pk"),
        "not_after",
        lambda: _DATED,
        lambda row: row.not_after is None,
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is: after or before a row, or at an end."""

    anchor: Certificate | None
    is_back: bool

    @classmethod
    def read(cls, text: str) -> "Place":
        """`after-KEY`, `before-KEY`, `last`; anything else, or a row that is gone: the first."""
        word, _, digits = text.partition("-")
        if text == LAST:
            return cls(None, is_back=True)
        key = key_of(digits) if word in ("after", "before") else None
        row = Certificate.objects.filter(pk=key).first() if key else None
        return cls(row, is_back=row is not None and word == "before")


@dataclass(frozen=True, slots=True)
class Stretch:
    """The keys of a page's rows, and whether there are others on either side."""

    keys: list[int]
    has_before: bool
    has_after: bool

    @property
    def before(self) -> str:
        return f"before-{self.keys[0]}" if self.keys and self.has_before else ""

    @property
    def after(self) -> str:
        return f"after-{self.keys[-1]}" if self.keys and self.has_after else ""


def stretch(rows: Any, order: Order, place: Place, size: int) -> Stretch:
    """`size` rows of the queryset from `place` on, in the order's direction on the page.

    Their keys alone: where the index holds all that is asked for, no row is read in vain.
    """
    keys: list[int] = []
    back = order.descending != place.is_back
    columns = [name for name in (order.column, "pk") if name]
    if back:
        columns = [f"-{name}" for name in columns]
    for rung in _rungs(order, place.anchor, back):
        asked = rows.filter(rung).order_by(*columns).values_list("pk", flat=True)
        keys += asked[: size + 1 - len(keys)]
        if len(keys) > size:
            break
    more, beyond = len(keys) > size, place.anchor is not None
    keys = keys[:size]
    if place.is_back:
        return Stretch(keys[::-1], has_before=more, has_after=beyond)
    return Stretch(keys, has_before=beyond, has_after=more)


def _rungs(order: Order, anchor: Certificate | None, back: bool) -> Iterator[Q]:
    """What is asked for one after the other; each is one range of one index.

    One condition for all of it, `a > x OR (a = x AND b > y)`, is none that a planner makes a
    range of, whatever the database.
    """
    groups = order.groups()
    values = list(groups)[:: -1 if back else 1]
    beyond = "lt" if back else "gt"
    if anchor is not None:
        at = order.group_of(anchor)
        values = values[values.index(at) :] if at in values else []
        value = getattr(anchor, order.column) if order.column else None
        further = Q(**{f"pk__{beyond}": anchor.pk})
        if values and value is not None:
            group = groups[values[0]]
            yield group & Q(**{order.column: value}) & further
            yield group & Q(**{f"{order.column}__{beyond}": value})
        elif values:
            yield groups[values[0]] & further
        values = values[1:]
    for value in values:
        yield groups[value]
