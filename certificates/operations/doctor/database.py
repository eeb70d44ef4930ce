"""The database itself: its rules are there, its references lead somewhere, its file is whole."""

import re
from collections.abc import Iterator

from django.apps import apps
from django.db import IntegrityError, connection

from certificates.operations.doctor.finding import Asked
from certificates.refusal import Finding

OURS = ("certificates", "ipsec", "bulk")
BACKUP = "Put a backup back: ./ccxsec backup restore."


def database_problems(_: Asked) -> Iterator[Finding]:
    """Uniqueness is the database's own promise: here is asked whether it still makes it."""
    there = _rules_there()
    for label in OURS:
        for model in apps.get_app_config(label).get_models():
            for rule in model._meta.constraints:
                if rule.name not in there:
                    table = model._meta.db_table
                    wrong = f"The database does not hold the rule {rule.name} of {table} any more."
                    yield Finding("database.rule", wrong, BACKUP)
    if connection.vendor == "sqlite":
        yield from _file_problems()


def _rules_there() -> set[str]:
    """Names of constraints and indexes; Django's own question parses each table's text."""
    if connection.vendor == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    else:
        query = (
            "SELECT conname FROM pg_constraint"
            " UNION SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
        )
    with connection.cursor() as cursor:
        cursor.execute(query)
        texts = [str(row[0]) for row in cursor.fetchall()]
    if connection.vendor == "sqlite":
        return {name for text in texts for name in re.findall(r'"(\w+)"', text)}
    return set(texts)


def _file_problems() -> Iterator[Finding]:
    """SQLite: `quick_check` reads each page once; PostgreSQL looks at its own by checksums."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(5)")
        said = [str(row[0]) for row in cursor.fetchall()]
    yield from (Finding("database.file", f"SQLite says: {s}.", BACKUP) for s in said if s != "ok")
    try:
        connection.check_constraints()
    except IntegrityError as error:
        yield Finding("database.reference", f"{error}.", BACKUP)
