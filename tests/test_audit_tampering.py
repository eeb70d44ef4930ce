"""Every way to change the audit log behind the product's back is found, and the row is named.

The rows are changed by SQL, as somebody with the database would: no rule of the product is asked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from certificates import anchor
from certificates.anchor import Anchor
from certificates.models import Action, Event
from certificates.operations import audit, verify_audit

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 6
TABLE = Event._meta.db_table
COLUMNS = [field.column for field in Event._meta.concrete_fields]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ANCHOR_PATIENCE", 0)
    for number in range(1, ROWS + 1):
        with transaction.atomic():
            texts = {"text": "äß", "count": number, "is_done": True}
            Event.objects.record(f"test {number}", Action.NODE_CHANGE, f"object {number}", **texts)


def sql(statement: str, *values: Any) -> None:
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if is_sqlite:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(statement.replace("TABLE", TABLE), values)
        if is_sqlite:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is not there afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def found(change: Callable[[], None]) -> str:
    with undone():
        change()
        return verify_audit().problem


# What a column is set to; each differs from every value that the log has.
CHANGES: dict[str, list[str]] = {
    "sequence": ["sequence + 100"],
    "at": ["'2001-01-01 00:00:00+00:00'", "'2026-11-26 12:00:00.000001+00:00'"],
    "actor": ["''", "actor || ' '", "upper(actor)"],
    "action": ["'node:add'", "'nothing that there is'"],
    "object_type": ["'certificates.node'"],
    "object_id": ["'1'"],
    "object_text": ["''", "object_text || '\u200b'"],
    "detail": [
        "'{}'",
        '\'{"text": "äß", "count": true, "is_done": true}\'',
        '\'{"text": "äß", "count": 1.5, "is_done": true}\'',
        "'[]'",
        "'null'",
    ],
    "code": ["''", "'F' || substr(code, 2)", "'ä'", f"'{'0' * 64}'"],
}
# SQLite keeps anything in any column.
GARBAGE = {
    "at": ["'yesterday'", "12", "x'00'"],
    "actor": ["12", "x'ff00'", "CAST(x'ff' AS TEXT)"],
    "action": ["x'00'"],
    "object_text": ["1.5"],
    "detail": ["'x'", "x'00'"],
    "code": ["x'00'", "12"],
}


def test_every_column_is_among_the_changes() -> None:
    assert set(CHANGES) == set(COLUMNS)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_change_of_any_column_of_any_row_is_found_and_named(column: str, log: None) -> None:
    values = CHANGES[column]
    if connection.vendor == "sqlite":
        values = [*values, *GARBAGE.get(column, [])]
    missed = []
    for row in range(1, ROWS + 1):
        for value in values:
            statement = f'UPDATE TABLE SET "{column}" = {value} WHERE sequence = %s'
            problem = found(lambda s=statement, r=row: sql(s, r))  # type: ignore[misc] # a default
            if not problem.startswith((f"Event {row} ", f"Events {row} to ")):
                missed.append((row, value, problem))

    assert missed == []
    assert verify_audit() == audit.AuditVerdict(ROWS, "")


def test_each_row_and_each_range_that_is_removed_is_named(log: None) -> None:
    for first in range(1, ROWS + 1):
        for last in range(first, ROWS + 1):
            statement = "DELETE FROM TABLE WHERE sequence BETWEEN %s AND %s"
            problem = found(lambda s=statement, a=first, b=last: sql(s, a, b))  # type: ignore[misc]
            what = f"Event {first} is" if first == last else f"Events {first} to {last} are"
            assert problem.startswith(f"{what} missing.")
            assert ("The tail was cut" in problem) is (last == ROWS)


def renumber(old: int, new: int) -> None:
    sql("UPDATE TABLE SET sequence = %s WHERE sequence = %s", new, old)


def swap(one: int, other: int) -> None:
    renumber(one, 1000)
    renumber(other, one)
    renumber(1000, other)


def close_the_gap(removed: int) -> None:
    sql("DELETE FROM TABLE WHERE sequence = %s", removed)
    for row in range(removed + 1, ROWS + 1):
        renumber(row, row - 1)


def shift(by: int) -> None:
    for row in sorted(range(1, ROWS + 1), reverse=by > 0):
        renumber(row, row + by)


def copy_row(row: int, to: int) -> None:
    for later in range(ROWS, to - 1, -1):
        renumber(later, later + 1)
    event = Event.objects.get(sequence=row if row < to else row + 1)
    event.sequence = to
    event.save(force_insert=True)


def test_rows_that_changed_places_are_named(log: None) -> None:
    for one, other in combinations(range(1, ROWS + 1), 2):
        problem = found(lambda a=one, b=other: swap(a, b))  # type: ignore[misc] # a default
        assert problem.startswith(f"Event {one} (node:change) or the order of the events was")


def test_a_gap_that_was_closed_by_new_numbers_is_named(log: None) -> None:
    for row in range(1, ROWS):
        problem = found(lambda r=row: close_the_gap(r))  # type: ignore[misc] # a default
        assert problem.startswith(f"Event {row} (")
    assert found(lambda: close_the_gap(ROWS)).startswith(f"Event {ROWS} is missing.")


def test_an_inserted_row_is_named_wherever_it_stands(log: None) -> None:
    for row in range(1, ROWS + 1):
        for to in range(1, ROWS + 2):
            problem = found(lambda r=row, t=to: copy_row(r, t))  # type: ignore[misc] # a default
            # A copy right behind its original, or before it, is one of two that look alike.
            assert problem.startswith((f"Event {to} (", f"Event {to + 1} ("))
    before_the_first = found(copy_first)
    assert before_the_first == "Event 0 is in a place where no event belongs."


def copy_first() -> None:
    event = Event.objects.get(sequence=1)
    event.sequence = 0
    event.save(force_insert=True)


@pytest.mark.parametrize(("by", "named"), [(7, "Events 1 to 7 are missing."), (-1, "Event 0 ")])
def test_new_numbers_for_all_are_found(log: None, by: int, named: str) -> None:
    assert found(lambda: shift(by)).startswith(named)


def test_an_older_database_is_found_also_after_new_events(log: None) -> None:
    """As if a copy from before the last two events had been put back."""
    sql("DELETE FROM TABLE WHERE sequence > %s", ROWS - 2)
    assert verify_audit().problem.startswith("Events 5 to 6 are missing. The tail was cut")
    for _ in range(4):
        with transaction.atomic():
            Event.objects.record("test", Action.NODE_CHANGE, "later")

    assert verify_audit().problem == "Events 5 to 7 are missing."


def code_of(row: int) -> str:
    return Event.objects.get(sequence=row).code


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (lambda: f"{ROWS} {'0' * 64}", f"Event {ROWS} is not the one that the anchor file names"),
        (lambda: f"3 {'0' * 64}", "Event 3 is not the one that the anchor file names"),
        (
            lambda: f"3 {code_of(3)}",
            "The anchor file names event 3, and the log goes on to event 6",
        ),
        (
            lambda: f"0 {code_of(1)}",
            "The anchor file names event 0, and the log goes on to event 6",
        ),
        (lambda: f"9 {code_of(ROWS)}", "Events 7 to 9 are missing. The tail was cut, or the"),
        (lambda: "", "The anchor file can't be read"),
        (lambda: f"{code_of(1)} 1", "The anchor file can't be read"),
        (lambda: "\udcff", "The anchor file can't be read"),
    ],
    ids=["another code", "older code", "older", "none", "ahead", "empty", "turned", "no text"],
)
def test_a_changed_anchor_is_found(log: None, text: Callable[[], str], named: str) -> None:
    Path(settings.CCXSEC_AUDIT_ANCHOR).write_bytes(text().encode(errors="surrogateescape"))

    assert verify_audit().problem.startswith(named)


def test_a_removed_anchor_is_found(log: None) -> None:
    Path(settings.CCXSEC_AUDIT_ANCHOR).unlink()

    assert verify_audit().problem == "The anchor file is gone: a cut tail can't be seen."


def test_an_anchor_that_a_change_is_about_to_move_is_waited_for(
    log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change is committed first, and moves the anchor then."""
    monkeypatch.setattr(audit, "ANCHOR_PATIENCE", 60)
    held = iter([Anchor(5, code_of(5)), Anchor(5, code_of(5)), Anchor(6, code_of(6))])
    monkeypatch.setattr(anchor, "read", lambda: next(held))

    assert verify_audit().problem == ""


def test_a_log_of_many_pages_is_read_to_its_end(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (1, 2, 3, ROWS):
        monkeypatch.setattr(audit, "A_PAGE", size)
        assert verify_audit() == audit.AuditVerdict(ROWS, "")
        assert found(lambda: sql("DELETE FROM TABLE WHERE sequence = 4")) == "Event 4 is missing."
