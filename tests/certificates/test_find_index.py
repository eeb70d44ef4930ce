"""What an index finds is what reading every row would find, and it is never behind (CM-2)."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from certificates.conditions import Condition, Operator
from certificates.find import few_keys, to_query
from certificates.models import Certificate, Node, Purpose
from certificates.models.certificate import columns
from certificates.models.insertion import insert_many
from certificates.models.search import trigram_keys
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject, alternative_names
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from certificates.x509.visible import visible
from tests.hostile import TEXTS
from tests.query_plans import only_sqlite, plans_of

pytestmark = pytest.mark.spec("CM-2")

NAMES = [
    *TEXTS.values(),
    *("", "a", "ab", "abc", "ABC", "aBcD", "abcabc", "bca", "cab", "ab c", "c ab"),
    *("100%", "a_b", "a-b", "a%b", "\\%", "%_%", '"', '""', 'a"b"c', "'; --", "''"),
    *("a AND b", "NOT abc", "abc*", "^abc", "NEAR(abc, 2)", "{common_name}: abc", "(abc", "+abc"),
    *("Straße", "STRASSE", "strasse", "\u017ftraße", "Istanbul", "\u0131stanbul", "\u0130stanbul"),
    *("istanbul", "é", "e\u0301", "École", "E\u0301cole", "école", "\u03a9mega", "\u03c9MEGA"),
    *("\u2126mega", "\u212aelvin", "kelvin"),
    *("💩", "💩💩💩", "a💩b", "👨‍👩‍👧", "東京", "東京都庁", "ﬁle", "ǅ", "x" * 300, "xy" * 100),
]  # fmt: skip
TEXT_OPERATORS = [Operator.BEGINS, Operator.CONTAINS, Operator.IS, Operator.ENDS]
PER_NAME = 3  # values that are made of one name
MOST = 10_000


@pytest.fixture
def rows(node: Node) -> list[Certificate]:
    der = self_signed(
        new_key(KeyChoice.EC_P256),
        subject=Subject("pattern").to_x509(),
        names=alternative_names(["pattern.example.com"]),
        days=100,
        now=timezone.now(),
    )
    pattern = columns(read_facts(der))
    made = [row(node, pattern, number, name) for number, name in enumerate(NAMES)]
    insert_many(made)
    return list(Certificate.objects.trust())


def row(node: Node, pattern: dict[str, Any], number: int, name: str) -> Certificate:
    shown = visible(name)
    varied = {
        "common_name": shown[:255],
        "subject": f"CN={shown},O=Lab",
        "subject_alternative_names": shown,
        "fingerprint": f"{number * 7919:064x}",
        "fingerprint_sha1": f"{number * 104729:040x}",
        "serial_number": f"{number * 6700417:x}",
    }
    return Certificate(
        node=node,
        purpose=Purpose.TOMCAT_TRUST.value,
        is_own=False,
        file_name=f"{number}.pem",
        description=shown[:200],
        created_at=timezone.now(),
        **pattern | varied,
    )


def values() -> Iterator[str]:
    """Parts of the names, short ones and long ones, in other cases of letters too."""
    chance = random.Random(20261126)
    for name in NAMES:
        yield name
        for _ in range(PER_NAME if len(name) > 1 else 0):
            start = chance.randrange(len(name))
            part = name[start : start + chance.choice((1, 2, 3, 4, 8))]
            yield chance.choice((part, part.swapcase(), part.upper(), part + part[:1]))


def agree(condition: Condition, rows: Any = Certificate.objects) -> bool:
    """Whether looking up first leaves what is found; also tells whether it was looked up."""
    wanted = rows.filter(to_query([condition]))
    few = few_keys([condition], MOST)
    plain = set(wanted.values_list("pk", flat=True))
    if few is not None:
        narrowed = set(wanted.filter(pk__among=few).values_list("pk", flat=True))
        assert narrowed == plain, condition
    return few is not None


@pytest.mark.parametrize("operator", TEXT_OPERATORS)
@pytest.mark.parametrize("field", ["common_name", "alternative_names", "description"])
def test_hostile_values_find_the_same_with_and_without_the_index(
    rows: list[Certificate], field: str, operator: Operator
) -> None:
    asked = [Condition(field, operator, value) for value in values() if "\0" not in value]

    used = sum(agree(condition) for condition in asked)

    assert len(asked) > 200
    assert used > 100 or connection.vendor != "sqlite", "the index was not asked"


@pytest.mark.parametrize("operator", TEXT_OPERATORS)
@pytest.mark.parametrize("field", ["fingerprint", "serial_number"])
def test_digits_find_the_same_with_and_without_the_index(
    rows: list[Certificate], field: str, operator: Operator
) -> None:
    digits = [getattr(row, field) for row in rows[::5]]
    parts = [*digits, *(text[-9:] for text in digits), *(text[:3] for text in digits), "0", "ff"]

    for part in parts:
        assert agree(Condition(field, operator, part))


@only_sqlite
@pytest.mark.parametrize("operator", [Operator.CONTAINS, Operator.ENDS])
def test_a_part_of_a_fingerprint_is_one_walk_through_one_index(
    rows: list[Certificate], operator: Operator
) -> None:
    part = Condition("fingerprint", operator, rows[7].fingerprint_sha1[-12:])

    assert few_keys([part], MOST) == [rows[7].pk]
    (plan,) = plans_of(lambda: few_keys([part], MOST), "fingerprint")
    assert "USING COVERING INDEX by_fingerprint" in plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="an index of PostgreSQL alone")
def test_a_whole_name_in_any_case_has_an_index(rows: list[Certificate]) -> None:
    found = Certificate.objects.filter(common_name__iexact="kelvin")

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        assert "by_name_in_capitals" in found.explain()


def held(name: str) -> bool:
    """Whether the index knows a row of that name; PostgreSQL keeps its own in step."""
    keys = trigram_keys("common_name", name, MOST)
    return bool(keys) if keys is not None else Certificate.objects.filter(common_name=name).exists()


def test_the_index_is_in_step_with_every_way_to_write(rows: list[Certificate]) -> None:
    assert not held("written")
    rows[0].common_name = "written at last"
    rows[0].save(update_fields=["common_name"])
    assert held("written at last")
    Certificate.objects.filter(pk=rows[0].pk).update(common_name="altered again")
    assert not held("written at last")
    assert held("altered again")
    rows[0].pk, rows[0].common_name, rows[0].fingerprint = None, "added in bulk", "f" * 64
    Certificate.objects.bulk_create([rows[0]])
    assert held("added in bulk")

    with transaction.atomic():
        Certificate.objects.filter(common_name="added in bulk").delete()
        assert not held("added in bulk")
        transaction.set_rollback(True)
    assert held("added in bulk"), "what is taken back comes back to the index"

    Certificate.objects.trust().delete()
    assert not held("added in bulk")
    assert not held("altered again")


@pytest.mark.django_db(transaction=True)
def test_a_flushed_database_has_an_empty_index(rows: list[Certificate]) -> None:
    assert held("Istanbul")

    call_command("flush", interactive=False, verbosity=0)

    assert not held("Istanbul")


def test_the_newest_schema_still_has_the_index(db: None) -> None:
    """A migration that makes the table anew on SQLite drops its triggers silently."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'certificates_search_%'")
            names = {name for (name,) in cursor.fetchall()}
            events = ("insert", "delete", "update")
            assert names >= {f"certificates_search_{event}" for event in events}
        else:
            cursor.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'by_trigrams'")
            assert cursor.fetchone()
