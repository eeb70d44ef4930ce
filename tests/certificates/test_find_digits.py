"""A part of a fingerprint or serial number is found by an index of groups of four digits (CM-2)."""

import random
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from certificates.conditions import Condition, Operator
from certificates.find import few_keys
from certificates.models import Certificate, Node
from certificates.models.digits import FEWEST, FEWEST_AT_END, digit_keys
from certificates.models.insertion import insert_many
from tests.certificates.rows import pattern, row
from tests.certificates.test_find_index import agree
from tests.query_plans import only_sqlite, plans_of

pytestmark = pytest.mark.spec("CM-2")

FIELDS = ("fingerprint", "fingerprint_sha1", "serial_number")
SERIAL_DIGITS = [1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 31, 32, 38, 39, 40, 80]
MOST = 1_000
migration: Any = import_module("certificates.migrations.0012_groups_of_digits")


@pytest.fixture
def rows(node: Node) -> list[Certificate]:
    """One for each length of a serial number, and as many with digits that are hardly random."""
    chance, values, made = random.Random(20261128), pattern(), []
    for number, length in enumerate([*SERIAL_DIGITS, *SERIAL_DIGITS]):
        one = row(node, values, number, f"row {number}")
        digits = "01" if number >= len(SERIAL_DIGITS) else "0123456789abcdef"
        one.fingerprint = "".join(chance.choices(digits, k=64))
        one.fingerprint_sha1 = "".join(chance.choices(digits, k=40))
        sign = "-" if length == 16 else ""  # as some old roots have
        one.serial_number = sign + "".join(chance.choices(digits, k=length))
        made.append(one)
    insert_many(made)
    return list(Certificate.objects.trust().order_by("pk"))


def held(part: str, *, at_end: bool = False) -> list[int]:
    keys = digit_keys(part, MOST, at_end=at_end)
    assert keys is not None, "this database has no such index"
    return keys


def test_every_part_is_held(rows: list[Certificate]) -> None:
    """All that are as short as a part may be, at each place; longer ones here and there."""
    chance, asked = random.Random(1), 0
    for one in rows:
        for text in (getattr(one, field).lstrip("-") for field in FIELDS):
            parts = [text[at : at + FEWEST] for at in range(len(text) - FEWEST + 1)]
            for length in range(FEWEST, len(text) + 1, 3):
                at = chance.randrange(len(text) - length + 1)
                parts.append(text[at : at + length])
            for part in parts[:: 1 if one.pk % 4 == 0 else 7]:
                assert one.pk in held(part), (text, part)
                asked += 1
    assert asked > 1_000


def test_every_end_is_held(rows: list[Certificate]) -> None:
    """Also of serial numbers, whose last group may be short, with or without a sign."""
    for one in rows:
        for text in (getattr(one, field).lstrip("-") for field in FIELDS):
            for length in range(FEWEST_AT_END, len(text) + 1):
                assert one.pk in held(text[-length:], at_end=True), text[-length:]


def test_what_is_no_end_is_hardly_held(rows: list[Certificate]) -> None:
    for part in (rows[7].fingerprint[5:11], rows[15].serial_number[3:10], "0f0f", "012"):
        assert held(part, at_end=True) == []


def test_few_others_are_held(rows: list[Certificate]) -> None:
    one = rows[15]

    for text in (one.fingerprint, one.fingerprint_sha1, one.serial_number):
        for length in (FEWEST, 7, 12, len(text)):
            assert held(text[-length:]) == [one.pk]
    assert held("0f0f0f0f") == []


@pytest.mark.parametrize("operator", [Operator.CONTAINS, Operator.ENDS])
@pytest.mark.parametrize("field", ["fingerprint", "serial_number"])
@pytest.mark.parametrize("length", range(1, 14))
def test_the_same_is_found_with_and_without_it(
    rows: list[Certificate], field: str, operator: Operator, length: int
) -> None:
    fewest = FEWEST_AT_END if operator is Operator.ENDS else FEWEST
    is_looked_up = length >= fewest or field == "serial_number"
    for one in rows[::3]:
        text = getattr(one, field)
        if len(text) < length:
            continue
        for part in (text[-length:], text[3 : 3 + length], text[:length], text[-length - 1 : -1]):
            if len(part) == length:
                assert agree(Condition(field, operator, part)) == is_looked_up
                assert agree(Condition(field, operator, ":".join(part.upper()))) == is_looked_up


def test_what_many_rows_have_is_left_to_a_walk(
    rows: list[Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = Certificate.objects.update(serial_number="7777")
    asked = [
        Condition("serial_number", operator, part)
        for operator, part in ((Operator.CONTAINS, "777"), (Operator.ENDS, "77"))
    ]
    monkeypatch.setattr("certificates.find._MANY", many)
    assert [len(few_keys([one], MOST) or []) for one in asked] == [many, many]

    monkeypatch.setattr("certificates.find._MANY", many - 1)
    assert [few_keys([one], MOST) for one in asked] == [None, None]
    assert len(few_keys(asked, MOST) or []) == many, "what both find may be few"
    assert few_keys([Condition("serial_number", Operator.EMPTY)], MOST) is None


@only_sqlite
def test_neither_the_table_nor_an_index_is_read_to_its_end(rows: list[Certificate]) -> None:
    part = Condition("fingerprint", Operator.CONTAINS, rows[7].fingerprint_sha1[-12:])

    assert few_keys([part], MOST) == [rows[7].pk]
    (plan,) = plans_of(lambda: few_keys([part], MOST), "certificates_digits MATCH")
    assert "VIRTUAL TABLE INDEX" in plan
    assert not plans_of(lambda: few_keys([part], MOST), "certificates_certificate")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="an index of PostgreSQL alone")
def test_postgresql_asks_its_index(rows: list[Certificate]) -> None:
    from certificates.models.digits import (  # noqa: PLC0415 - its statement
        _contained,
        _places,
        _places_at_end,
    )

    end = _places_at_end(rows[7].fingerprint[-FEWEST_AT_END:])
    parts = [_places(rows[7].fingerprint[:length]) for length in (FEWEST, 6, 12)]
    for places in (end, *parts):
        wanted, parameters = _contained(list(places))
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # of so few rows it would be right
            asked = f"EXPLAIN SELECT id FROM certificates_certificate WHERE {wanted}"
            cursor.execute(asked, parameters)
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "by_groups_of_digits" in plan, plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a setting of PostgreSQL alone")
def test_postgresql_plans_as_before_afterwards(rows: list[Certificate]) -> None:
    held(rows[7].fingerprint[:FEWEST])
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_seqscan")
        assert cursor.fetchone() == ("on",)


def test_it_is_in_step_with_every_way_to_write(rows: list[Certificate]) -> None:
    one, other = rows[0], rows[1]
    for field in FIELDS:
        old, new = getattr(one, field), "abcdef987654"
        Certificate.objects.filter(pk=one.pk).update(**{field: new})
        assert held(new) == [one.pk]
        setattr(one, field, old)
        one.save(update_fields=[field])
        assert held(new) == []
        assert other.pk in held(other.fingerprint)

    Certificate.objects.filter(pk=one.pk).delete()
    assert one.pk not in held(one.fingerprint)


def test_more_than_are_wanted_are_not_told(rows: list[Certificate]) -> None:
    Certificate.objects.trust().update(serial_number="00000000")

    assert len(held("000000")) == len(rows)
    assert digit_keys("000000", len(rows) - 1) is None
    assert agree(Condition("serial_number", Operator.CONTAINS, "000000"))


def test_rows_that_were_there_before_are_held(rows: list[Certificate]) -> None:
    def execute(statement: str, params: None = None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    editor = SimpleNamespace(connection=connection, execute=execute)
    connection.check_constraints()
    migration.drop(apps, editor)
    migration.create(apps, editor)

    assert rows[3].pk in held(rows[3].fingerprint[-9:])


def test_the_migration_takes_the_text_that_is_asked_for() -> None:
    longest = [Certificate._meta.get_field(field).max_length or 0 for field in FIELDS]

    assert sum(longest) == migration.DIGITS
    assert [length % migration.GROUP for length in longest[:2]] == [0, 0]
