"""Secrets of the product itself, by name: the key of the audit log, later passwords of peers."""

import os

from django.db import models

from certificates.secrets import place, seal, unseal


class SecretQuerySet(models.QuerySet["Secret"]):
    def obtain(self, name: str) -> "Secret":
        """The secret of that name; the first time 32 random bytes."""
        found = self.filter(name=name).first()
        if found:
            return found
        row = Secret(name=name)
        row.sealed = seal(os.urandom(32), place(row, "sealed"))
        return self.get_or_create(name=name, defaults={"sealed": row.sealed})[0]


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
