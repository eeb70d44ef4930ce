"""A part of either fingerprint is found by one walk through one index.

And on PostgreSQL a whole common name by an index of its own, in any case of letters: trigrams of a
long one are many. SQLite walks the names as they are.
"""

from django.db import migrations, models


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX by_name_in_capitals ON certificates_certificate (upper(common_name))"
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX by_name_in_capitals")


class Migration(migrations.Migration):
    dependencies = [
        ("certificates", "0010_names_in_words"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="certificate",
            name="by_fingerprint",
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(
                fields=["fingerprint", "fingerprint_sha1", "id"], name="by_fingerprint"
            ),
        ),
        migrations.RunPython(create, drop),
    ]
