"""Whatever several conditions ask for, looking up first leaves what is found (CM-2)."""

import random

import pytest
from django.db import connection

from certificates.conditions import Condition, Operator
from certificates.find import few_keys, to_query
from certificates.models import Certificate, Node, State
from certificates.models.insertion import insert_many
from tests.certificates.rows import pattern, row

pytestmark = pytest.mark.spec("CM-2")

ROWS, ASKED = 120, 400
ALPHABETS = ("0123456789abcdef", "01", "abc")  # parts of the latter are had by many
COLUMNS = {
    "fingerprint": ("fingerprint", "fingerprint_sha1"),
    "serial_number": ("serial_number",),
    "common_name": ("common_name",),
    "subject": ("subject",),
    "issuer": ("issuer",),
    "file_name": ("file_name",),
}
BLANKS = ("", "", "", " ", "\t", "\xa0")
DIGITS = ("fingerprint", "serial_number")


@pytest.fixture
def rows(node: Node) -> list[Certificate]:
    """Serial numbers of every length, some negative; some certificates were replaced."""
    chance, values, made = random.Random(20261128), pattern(), []
    for number in range(ROWS):
        one, digits = row(node, values, number, f"row {number}"), chance.choice(ALPHABETS)
        one.fingerprint = "".join(chance.choices(digits, k=64))
        one.fingerprint_sha1 = "".join(chance.choices(digits, k=40))
        length = 1 + number % 40
        one.serial_number = chance.choice(("", "", "-")) + "".join(chance.choices(digits, k=length))
        one.state = State.SUPERSEDED if number % 5 == 0 else State.ACTIVE
        made.append(one)
    insert_many(made)
    return list(Certificate.objects.all())


def condition(chance: random.Random, rows: list[Certificate]) -> Condition:
    """Of a part that at least one row has, or nearly."""
    field = chance.choice((*DIGITS, *COLUMNS))
    operator = chance.choice([one for one in Operator if not one.is_for_dates])
    text = getattr(chance.choice(rows), chance.choice(COLUMNS[field])).lstrip("-")
    length = chance.choice((1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 40))
    begin = chance.randrange(max(1, len(text) - length + 1))
    part = {
        Operator.BEGINS: text[:length],
        Operator.ENDS: text[-length:],
        Operator.IS: text,
    }.get(operator, text[begin : begin + length])
    part = chance.choice((part, part, part.upper(), f"{part[:-1]}0"))
    if field in DIGITS and chance.random() < 0.2:
        part = ":".join(part[start : start + 2] for start in range(0, len(part), 2))
    part = f"{chance.choice(BLANKS)}{part}{chance.choice(BLANKS)}"  # left beside "is empty", too
    return Condition(field, operator, part if part.strip() or not operator.needs_value else "a")


@pytest.mark.parametrize("many", [3, 1_000])
@pytest.mark.parametrize("is_indexed", [True, False])
def test_the_same_is_found_with_and_without_looking_up(
    rows: list[Certificate], many: int, is_indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, told = random.Random(many), 0
    monkeypatch.setattr("certificates.find._MANY", many)
    if not is_indexed:
        without_index()

    for _ in range(ASKED):
        asked = [condition(chance, rows) for _ in range(chance.choice((1, 1, 2, 3)))]
        most = chance.choice((5, 60, 10_000))
        wanted = Certificate.objects.active().filter(to_query(asked))
        few = few_keys(asked, most)
        if few is not None:
            told += 1
            assert len(few) <= most
            found = set(wanted.filter(pk__among=few).values_list("pk", flat=True))
            assert found == set(wanted.values_list("pk", flat=True)), asked

    assert told > ASKED / 4


def without_index() -> None:
    """As on an SQLite that was built without FTS5."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has its index always")
    with connection.cursor() as cursor:
        for table in ("certificates_digits", "certificates_search"):
            for event in ("insert", "delete", "update"):
                cursor.execute(f"DROP TRIGGER {table}_{event}")
            cursor.execute(f"DROP TABLE {table}")
