"""Which tables a backup holds, in which order, and how their values are written as JSON.

Every table of every app belongs to it, also those of later versions; what does not is named here.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps.registry import Apps
from django.db import connection, connections, models

from certificates.refusal import Refused

LEFT_OUT = {
    "sessions.session": "Who was signed in signs in again.",
    "django_q.ormq": "Messages of a worker that is not there any more; the jobs are kept.",
    "django_q.task": "The queue's own record of its work; ours are the jobs.",
    "django_q.schedule": "Its rows name functions to run; the product has none.",
    "certificates.heartbeat": "The sign of life of another machine's worker.",
}
# Opened and judged while the rest goes by: the key of the audit log stands among the secrets.
_FIRST = "certificates.secret"
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The table of one model, also that of a many-to-many relation."""

    model: type[models.Model]

    @property
    def label(self) -> str:
        return self.model._meta.label_lower

    @property
    def fields(self) -> "list[models.Field[Any, Any]]":
        return [f for f in self.model._meta.local_concrete_fields if not f.generated]

    @property
    def columns(self) -> list[str]:
        return [field.attname for field in self.fields]

    def count(self, using: str) -> int:
        return self._rows(using).count()

    def write(self, using: str) -> "Iterable[list[Any]]":
        """Its rows by their primary key, streamed, in JSON's own types."""
        encoders = [_encoder(field) for field in self.fields]
        rows = self._rows(using).order_by("pk").values_list(*self.columns)
        for row in rows.iterator(chunk_size=2000):
            yield [
                None if value is None else encode(value) if encode else value
                for value, encode in zip(row, encoders, strict=True)
            ]

    def last_key(self, using: str) -> int:
        """The highest key that the database has made by itself, also of rows that are gone.

        The audit log names rows by their keys: none may come a second time.
        """
        field = self.model._meta.auto_field
        if field is None:
            return 0
        database, table = connections[using], self.model._meta.db_table
        with database.cursor() as cursor:
            if database.vendor == "postgresql":
                cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, field.column])
                (sequence,) = cursor.fetchone()
                made = "CASE WHEN is_called THEN last_value ELSE 0 END"
                cursor.execute(f"SELECT {made} FROM {sequence}")  # noqa: S608 - no text of others
            else:
                highest = "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s"
                cursor.execute(highest, [table])
            return int(cursor.fetchone()[0])

    def go_on_after(self, last_key: int) -> None:
        """Keys that the database makes from now on are higher than that, and than each row's."""
        field = self.model._meta.auto_field
        if field is None:
            return
        newest = self.model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
        last, table = max(last_key, newest or 0), self.model._meta.db_table
        if not last:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [table, field.column, last]
                )
            else:
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last]
                )

    def _rows(self, using: str) -> "models.QuerySet[Any]":
        return models.QuerySet(self.model, using=using)


def tables_of(registry: Apps) -> list[Table]:
    """The tables of a backup: each after those that it refers to, as far as that is possible."""
    found = {
        model._meta.label_lower: model
        for model in registry.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and not model._meta.swapped
    }
    kept = {label: model for label, model in found.items() if label not in LEFT_OUT}
    ordered: dict[str, None] = {}
    for label in sorted(kept, key=lambda name: (name != _FIRST, name)):
        _place(label, kept, ordered, frozenset())
    return [Table(kept[label]) for label in ordered]


def _place(
    label: str,
    kept: Mapping[str, type[models.Model]],
    ordered: dict[str, None],
    above: frozenset[str],
) -> None:
    """A circle of references stays one: the database looks at them at the end."""
    if label in ordered or label in above:
        return
    for field in kept[label]._meta.local_concrete_fields:
        other = field.related_model
        if isinstance(other, type) and other._meta.label_lower in kept:
            _place(other._meta.label_lower, kept, ordered, above | {label})
    ordered[label] = None


def chosen(labels: Sequence[str], tables: Sequence[Table]) -> None:
    """Raises `Refused` backup.content where a backup does not hold exactly these tables."""
    if sorted(labels) != sorted(table.label for table in tables):
        wrong = "The backup holds other tables than the version of the product that made it has."
        raise Refused("backup.content", wrong, "Use the version of the product that made it.")


def _encoder(field: "models.Field[Any, Any]") -> Convert | None:
    """None: JSON knows the type already."""
    target: Any = getattr(field, "target_field", field)
    if isinstance(target, models.BinaryField):
        return lambda value: base64.b64encode(bytes(value)).decode()
    if isinstance(target, models.JSONField):
        return None
    return _plain


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"a backup can't hold values like {type(value).__name__} yet")


def decoder(field: "models.Field[Any, Any]") -> Convert:
    """What turns a value of a backup into one of the model's field."""
    target: Any = getattr(field, "target_field", field)
    if isinstance(target, models.BinaryField):
        return base64.b64decode
    if isinstance(target, models.JSONField):
        return lambda value: value
    convert: Convert = target.to_python
    return convert
