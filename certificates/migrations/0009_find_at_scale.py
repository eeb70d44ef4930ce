"""Every order and every find row of the Certificate List at a million rows.

An index for each order, and one of trigrams for *contains*: pg_trgm on PostgreSQL, FTS5 on
SQLite. The latter holds no text, only in which rows three letters stand beside each other; three
triggers keep it in step with the table, in the same transaction. A migration that has SQLite make
the table anew takes the triggers along, and has to bring them back (a test tells).
"""

import sys

from django.db import DatabaseError, migrations, models, transaction

SEARCHED = ("common_name", "subject", "issuer", "subject_alternative_names")
_COLUMNS = ", ".join(SEARCHED)
_NEW = ", ".join(f"new.{column}" for column in SEARCHED)
_OLD = ", ".join(f"old.{column}" for column in SEARCHED)
_INSERT = f"INSERT INTO certificates_search (rowid, {_COLUMNS}) VALUES (new.id, {_NEW});"  # noqa: S608 - constants
_DELETE = (
    f"INSERT INTO certificates_search (certificates_search, rowid, {_COLUMNS})"
    f" VALUES ('delete', old.id, {_OLD});"  # noqa: S608 - constants
)
SQLITE = (
    f"CREATE VIRTUAL TABLE certificates_search USING fts5({_COLUMNS},"
    " content='', columnsize=0, detail=column, tokenize='trigram')",
    f"INSERT INTO certificates_search (rowid, {_COLUMNS})"
    f" SELECT id, {_COLUMNS} FROM certificates_certificate",  # noqa: S608 - constants
    "CREATE TRIGGER certificates_search_insert AFTER INSERT ON certificates_certificate"
    f" BEGIN {_INSERT} END",
    "CREATE TRIGGER certificates_search_delete AFTER DELETE ON certificates_certificate"
    f" BEGIN {_DELETE} END",
    f"CREATE TRIGGER certificates_search_update AFTER UPDATE OF {_COLUMNS}"
    f" ON certificates_certificate BEGIN {_DELETE} {_INSERT} END",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX by_trigrams ON certificates_certificate USING gin ("
    + ", ".join(f"upper({column}) gin_trgm_ops" for column in SEARCHED)
    + ")",
)
MISSING = {
    "sqlite": "This SQLite has no FTS5 with trigrams (3.34 or later has)",
    "postgresql": "The extension pg_trgm can't be created in this database",
}


def create(apps, schema_editor):
    """Goes on without where the database has no trigrams: it finds the same, only slower."""
    vendor = schema_editor.connection.vendor
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[vendor]
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            for statement in statements:
                schema_editor.execute(statement, params=None)
    except DatabaseError as error:
        reason = str(error).splitlines()[0]
        print(
            f"{MISSING[vendor]}: {reason}. Finding parts of names reads all rows instead;"
            " docs/certificates.md says how to add it later.",
            file=sys.stderr,
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for event in ("insert", "delete", "update"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS certificates_search_{event}")
        schema_editor.execute("DROP TABLE IF EXISTS certificates_search")
    else:
        schema_editor.execute("DROP INDEX IF EXISTS by_trigrams")


class Migration(migrations.Migration):

    dependencies = [
        ('certificates', '0008_observed_certificates'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='certificate',
            name='list_order',
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='by_fingerprint',
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='by_fingerprint_sha1',
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='by_serial_number',
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='by_common_name',
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(models.F('state'), models.OrderBy(models.F('is_own'), descending=True), models.F('purpose'), models.F('common_name'), models.F('id'), models.F('node'), models.F('type'), models.F('key_type'), models.F('key_label'), models.F('not_after'), name='list_order'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['state', 'common_name', 'id'], name='by_common_name'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['state', 'file_name', 'id'], name='by_listed_file'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['state', 'issuer_common_name', 'id'], name='by_issuer_name'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['state', 'type', 'id'], name='by_type'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['state', 'key_label', 'id'], name='by_key_label'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['state', 'description', 'id'], name='by_description'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['fingerprint', 'id'], name='by_fingerprint'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['fingerprint_sha1', 'id'], name='by_fingerprint_sha1'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['serial_number', 'id'], name='by_serial_number'),
        ),
        migrations.RunPython(create, drop),
    ]
