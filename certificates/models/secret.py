"""Secrets of the product itself, by name: the key of the audit log, later passwords of peers."""

import os

from django.db import connection, models, transaction

from certificates.secrets import place, seal, unseal

MASTER_KEYS_LOCK = 7_202_612  # any number that no other advisory lock of this database uses


def hold_master_keys() -> None:
    """Before sealing: no master key is retired until this transaction ends (PostgreSQL)."""
    _advisory_lock("pg_advisory_xact_lock_shared")


def wait_for_sealers() -> None:
    """Before counting what a master key is needed for: what is being sealed is committed."""
    _advisory_lock("pg_advisory_xact_lock")


def _advisory_lock(function: str) -> None:
    if connection.vendor == "postgresql":  # SQLite: the transaction is the lock, as it is IMMEDIATE
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [MASTER_KEYS_LOCK])


class SecretQuerySet(models.QuerySet["Secret"]):
    def obtain(self, name: str) -> "Secret":
        """The secret of that name; the first time 32 random bytes."""
        found = self.filter(name=name).first()
        if found:
            return found
        row = Secret(name=name)
        with transaction.atomic():
            hold_master_keys()
            row.sealed = seal(os.urandom(32), place(row, "sealed"))
            return self.get_or_create(name=name, defaults={"sealed": row.sealed})[0]

    def keep(self, name: str, plain: bytes) -> "Secret":
        """Seal `plain` under that name, in the place of what was there; in a transaction."""
        row = Secret(name=name)
        hold_master_keys()
        row.sealed = seal(plain, place(row, "sealed"))
        row.save()
        return row

    def plain(self, name: str) -> bytes | None:
        """The secret of that name; None: there is none."""
        found = self.filter(name=name).first()
        return found.unseal() if found else None


class Secret(models.Model):
    name = models.CharField(max_length=40, primary_key=True)
    sealed = models.BinaryField()

    objects = SecretQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    def unseal(self) -> bytes:
        return unseal(bytes(self.sealed), place(self, "sealed"))
