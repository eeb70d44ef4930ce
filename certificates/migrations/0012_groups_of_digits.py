"""A part of a fingerprint or serial number by an index of its groups of four digits.

As in `0009_find_at_scale`: SQLite has a table of FTS5 without a text, which three triggers keep in
step; PostgreSQL an index of an array, for which it needs no extension.
"""

from django.db import DatabaseError, migrations, transaction

COLUMNS = ("fingerprint", "fingerprint_sha1", "serial_number")
GROUP, DIGITS = 4, 64 + 40 + 80


def _groups(row):
    text = " || ".join(f"{row}{column}" for column in COLUMNS)
    groups = " || ' ' || ".join(f"substr(t, {at}, {GROUP})" for at in range(1, DIGITS, GROUP))
    return f"(SELECT {groups} FROM (SELECT {text} AS t))"  # noqa: S608 - constants


_INSERT = f"INSERT INTO certificates_digits (rowid, groups) VALUES (new.id, {_groups('new.')});"  # noqa: S608 - constants
_DELETE = (
    "INSERT INTO certificates_digits (certificates_digits, rowid, groups)"
    f" VALUES ('delete', old.id, {_groups('old.')});"  # noqa: S608 - constants
)
SQLITE = (
    "CREATE VIRTUAL TABLE certificates_digits USING fts5(groups,"
    " content='', columnsize=0, detail=none, tokenize='ascii')",
    "INSERT INTO certificates_digits (rowid, groups)"
    f" SELECT id, {_groups('certificates_certificate.')} FROM certificates_certificate",  # noqa: S608 - constants
    "CREATE TRIGGER certificates_digits_insert AFTER INSERT ON certificates_certificate"
    f" BEGIN {_INSERT} END",
    "CREATE TRIGGER certificates_digits_delete AFTER DELETE ON certificates_certificate"
    f" BEGIN {_DELETE} END",
    f"CREATE TRIGGER certificates_digits_update AFTER UPDATE OF {', '.join(COLUMNS)}"
    f" ON certificates_certificate BEGIN {_DELETE} {_INSERT} END",
)
POSTGRESQL = (
    "CREATE INDEX by_groups_of_digits ON certificates_certificate USING gin ("
    "string_to_array(rtrim(regexp_replace("
    f"{' || '.join(COLUMNS)}, '(.{{{GROUP}}})', '\\1 ', 'g')), ' '))",
)


def create(apps, schema_editor):
    """Goes on without where SQLite has no FTS5, as 0009 has said: it finds the same, only slower."""
    vendor = schema_editor.connection.vendor
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[vendor]
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            for statement in statements:
                schema_editor.execute(statement, params=None)
    except DatabaseError as error:
        if vendor != "sqlite" or "no such module" not in str(error):
            raise


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for event in ("insert", "delete", "update"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS certificates_digits_{event}")
        schema_editor.execute("DROP TABLE IF EXISTS certificates_digits")
    else:
        schema_editor.execute("DROP INDEX by_groups_of_digits")


class Migration(migrations.Migration):
    dependencies = [
        ("certificates", "0011_parts_of_fingerprints"),
    ]

    operations = [
        migrations.RunPython(create, drop),
    ]
