"""The pages of a list of a million certificates that `bench-scale` measures."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from benchmarks.pages import SHOWN, SOON, Address, Rows, finding, ordering, with_colons
from benchmarks.rows import COMMON, RARE
from certificates.admin.certificate import PAGE
from certificates.admin.walk import LIST_ORDER, ORDERS
from certificates.conditions import Operator
from certificates.models import Certificate, Purpose


@dataclass(frozen=True, slots=True)
class Case:
    """One page of ours, the bare SELECT of its rows, and the stock page that comes nearest."""

    name: str
    address: Address
    bare: Rows
    stock: Address
    is_from_end: bool = False  # the SELECT begins at the last row

    @property
    def expected(self) -> list[int]:
        keys = [row[0] for row in self.bare]
        return keys[::-1] if self.is_from_end else keys


def cases(now: datetime, count: int) -> list[Case]:
    """Pages of each kind: plain, deep, found, ordered, filtered, and all of it together."""
    return [*_plain(count), *_found(), *_ordered(count), *_combined(now)]


_DIGITS = ("serial_number", "fingerprint")
FEW = 5  # digits


def _rows() -> Any:
    return Certificate.objects.all()


def _listed() -> Any:
    return Certificate.objects.active().in_list_order()


def _first(rows: Any) -> Rows:
    found: Rows = rows.values_list(*SHOWN)[:PAGE]
    return found


def _plain(count: int) -> list[Case]:
    middle = _listed()[count // 3]
    store = _listed().filter(is_own__in=[False], purpose=middle.purpose)
    beyond = store.filter(common_name__gt=middle.common_name)
    deep = {"p": str(count // PAGE // 3)}
    return [
        Case("first page", {}, _first(_listed()), {}),
        Case("a page in the middle", {"walk": f"after-{middle.pk}"}, _first(beyond), deep),
        Case("last page", {"walk": "last"}, _first(_listed().reverse()),
             {"p": str(count // PAGE)}, is_from_end=True),
    ]  # fmt: skip


def _found() -> list[Case]:
    known = Certificate.objects.trust().order_by("fingerprint")[0]
    name, digits, print_of = known.common_name, known.serial_number, known.fingerprint
    asked = [
        ("common_name", Operator.CONTAINS, RARE, Q(common_name__icontains=RARE)),
        ("common_name", Operator.CONTAINS, COMMON, Q(common_name__icontains=COMMON)),
        ("common_name", Operator.CONTAINS, "qu", Q(common_name__icontains="qu")),
        ("common_name", Operator.BEGINS, name[:8].upper(), Q(common_name__istartswith=name[:8])),
        ("common_name", Operator.ENDS, name[-24:], Q(common_name__iendswith=name[-24:])),
        ("common_name", Operator.IS, name, Q(common_name=name)),
        ("common_name", Operator.EMPTY, "", Q(common_name="")),
        ("common_name", Operator.NOT_EMPTY, "", Q()),
        ("serial_number", Operator.IS, digits.upper(), Q(serial_number=digits)),
        ("serial_number", Operator.BEGINS, digits[:8], Q(serial_number__startswith=digits[:8])),
        ("serial_number", Operator.CONTAINS, digits[8:16],
         Q(serial_number__contains=digits[8:16])),
        ("serial_number", Operator.ENDS, digits[-8:], Q(serial_number__endswith=digits[-8:])),
        ("fingerprint", Operator.IS, with_colons(print_of), Q(fingerprint=print_of)),
        ("fingerprint", Operator.BEGINS, print_of[:8], Q(fingerprint__startswith=print_of[:8])),
        ("fingerprint", Operator.CONTAINS, print_of[20:30],
         Q(fingerprint__contains=print_of[20:30])),
        ("fingerprint", Operator.ENDS, print_of[-8:], Q(fingerprint__endswith=print_of[-8:])),
        *_few_digits("serial_number", digits, "serial_number"),
        *_few_digits("fingerprint", print_of, "fingerprint", "fingerprint_sha1"),
        ("file_name", Operator.CONTAINS, RARE, Q(file_name__icontains=RARE)),
        ("description", Operator.ENDS, RARE, Q(description__iendswith=RARE)),
        ("subject", Operator.CONTAINS, RARE, Q(subject__icontains=RARE)),
    ]  # fmt: skip
    made = []
    for field, operator, value, wanted in asked:
        # A single row is asked for in no order: only the one index can be used.
        rows = _rows() if field in _DIGITS and len(value) > FEW else _listed()
        name = f"{field.replace('_', ' ')} {operator}{_shown(value)}"
        address = finding(field, operator, value)
        made.append(Case(name, address, _first(rows.filter(wanted)), {"q": value.replace(":", "")}))
    return made


def _few_digits(name: str, digits: str, *columns: str) -> list[tuple[str, Operator, str, Q]]:
    """Parts that several rows have, and ends."""
    asked = []
    for length in range(2, FEW + 1):
        for operator, part, lookup in (
            (Operator.CONTAINS, digits[8 : 8 + length], "contains"),
            (Operator.ENDS, digits[-length:], "endswith"),
        ):
            looked_up = [Q(**{f"{column}__{lookup}": part}) for column in columns]
            asked.append((name, operator, part, reduce(or_, looked_up)))
    return asked


def _shown(value: str) -> str:
    return f" {value}" if len(value) <= 8 else f" ({len(value)} characters)" if value else ""


def _ordered(count: int) -> list[Case]:
    made = []
    rows = Certificate.objects.active()
    for column, name in (
        ("expiration", "not_after"),
        ("file", "file_name"),
        ("issued_by", "issuer_common_name"),
        ("key", "key_label"),
        ("on_node", "node__host_name"),
    ):
        address, order = ordering(column), ORDERS.get(name, LIST_ORDER)
        made.append(Case(f"order: {name}", address, _first(rows.order_by(name, "pk")), address))
        last = address | {"walk": "last"}
        made.append(
            Case(f"order: {name}, last page", last, _first(rows.order_by(f"-{name}", "-pk")),
                 address | {"p": str(count // PAGE)}, is_from_end=True)
        )  # fmt: skip
        assert order is not LIST_ORDER
    return made


def _combined(now: datetime) -> list[Case]:
    until, trust = now + timedelta(days=SOON), Purpose.TOMCAT_TRUST.value
    soon = _listed().filter(not_after__gte=now, not_after__lt=until)
    dates = {"not_after__gte": str(now), "not_after__lt": str(until)}
    node = str(_listed().filter(is_own=False)[0].node_id)
    common = finding("common_name", Operator.CONTAINS, COMMON)
    return [
        Case(f"within {SOON} days", {"expiry": str(SOON)}, _first(soon), dates),
        Case("Ed25519 keys", {"key": "Ed25519"}, _first(_listed().filter(key_type="Ed25519")),
             {"key_type": "Ed25519"}),
        Case("store, expiry, name contains",
             common | {"purpose": trust, "expiry": str(SOON)},
             _first(soon.filter(purpose=trust, common_name__icontains=COMMON)),
             dates | {"purpose": trust, "q": COMMON}),
        Case("node, key, expiry, name contains two",
             {"field": ["common_name"] * 2, "op": [Operator.CONTAINS.value] * 2,
              "value": [COMMON, "site07"], "node": node, "key": "RSA", "expiry": str(SOON)},
             _first(soon.filter(common_name__icontains=COMMON, node_id=node, key_type="RSA")
                    .filter(common_name__icontains="site07")),
             dates | {"node__id__exact": node, "key_type": "RSA", "q": f"{COMMON} site07"}),
        Case("node, by expiration", {"node": node} | ordering("expiration"),
             _first(Certificate.objects.active().filter(node_id=node).order_by("not_after", "pk")),
             {"node__id__exact": node} | ordering("expiration")),
    ]  # fmt: skip
