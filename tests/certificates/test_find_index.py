"""What an index finds is what reading every row would find, and it is never behind (CM-2)."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from certificates.conditions import Condition, Operator
from certificates.find import few_keys, to_query
from certificates.models import Certificate, Node
from certificates.models.digits import FEWEST, FEWEST_AT_END
from certificates.models.insertion import insert_many
from certificates.models.search import trigram_keys
from tests.certificates.rows import pattern, row
from tests.hostile import TEXTS
from tests.query_plans import only_sqlite

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
    values = pattern()
    made = [row(node, values, number, name) for number, name in enumerate(NAMES)]
    insert_many(made)
    return list(Certificate.objects.trust())


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
        # Few digits of a fingerprint are had by so many that a walk finds them.
        fewest = {Operator.CONTAINS: FEWEST, Operator.ENDS: FEWEST_AT_END}.get(operator, 0)
        is_looked_up = field == "serial_number" or len(part) >= fewest
        assert agree(Condition(field, operator, part)) == is_looked_up


@pytest.mark.parametrize("field", ["file_name", "description", "common_name"])
def test_what_is_empty_is_looked_up(rows: list[Certificate], field: str) -> None:
    Certificate.objects.filter(pk__in=[row.pk for row in rows[::7]]).update(**{field: ""})

    assert agree(Condition(field, Operator.EMPTY)) == (
        connection.vendor == "sqlite" or field != "common_name"
    )


@pytest.mark.parametrize("field", ["common_name", "subject", "issuer", "alternative_names"])
def test_a_value_that_was_left_beside_is_empty_says_nothing(
    rows: list[Certificate], field: str
) -> None:
    column = {"alternative_names": "subject_alternative_names"}.get(field, field)
    Certificate.objects.filter(pk__in=[row.pk for row in rows[::7]]).update(**{column: ""})

    for left in ("", "a", "abc", "o=lab"):
        agree(Condition(field, Operator.EMPTY, left))
        agree(Condition(field, Operator.NOT_EMPTY, left))


@pytest.mark.parametrize(
    "blank", ["\t", "\r\n", "\x0b", "\x1f", "\x85", "\xa0", "\u2002", "\u3000"]
)
def test_blanks_around_digits_are_none_of_them(rows: list[Certificate], blank: str) -> None:
    """As they come with what is copied from a document."""
    for field in ("fingerprint", "serial_number"):
        for part in (getattr(rows[3], field), getattr(rows[3], field)[-7:]):
            for operator in TEXT_OPERATORS:
                for value in (f"{blank}{part}", f"{part}{blank}", f"{blank}0x{part}{blank}"):
                    assert agree(Condition(field, operator, value))
            plain = Certificate.objects.filter(
                to_query([Condition(field, Operator.ENDS, f"{part}{blank}")])
            )
            assert rows[3] in plain


@only_sqlite
def test_a_rare_text_whose_trigrams_are_not_is_looked_up(
    rows: list[Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, rare = len(rows) // 2, Condition("issuer", Operator.IS, rows[0].issuer[3:])
    common = Condition("issuer", Operator.CONTAINS, rows[0].issuer[3:])
    monkeypatch.setattr("certificates.find._MANY", few)

    assert few_keys([rare], few) == []
    assert few_keys([common], few) is None


@pytest.mark.parametrize("field", ["subject", "issuer", "alternative_names"])
def test_two_letters_are_read_for_where_no_index_tells(rows: list[Certificate], field: str) -> None:
    for operator in (*TEXT_OPERATORS, Operator.EMPTY):
        assert agree(Condition(field, operator, "zq")) == (connection.vendor == "sqlite")


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
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            names = {name for (name,) in cursor.fetchall()}
            tables, events = ("search", "digits"), ("insert", "delete", "update")
            assert names >= {f"certificates_{of}_{event}" for of in tables for event in events}
        else:
            cursor.execute("SELECT indexname FROM pg_indexes")
            names = {name for (name,) in cursor.fetchall()}
            assert names >= {"by_trigrams", "by_groups_of_digits"}
